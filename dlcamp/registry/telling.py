"""A judgement as a person reads it: what became of the candidate, every check, what was found, who holds what title."""

from __future__ import annotations

from collections.abc import Iterator

from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.registry.gate import NOT_MADE
from dlcamp.registry.judgement import Judgement
from dlcamp.registry.verdict import Check, Verdict

_INPUT = {"image": "photo.jpg", "row": "rows.csv", "text": "texts.txt"}


def told(judgement: Judgement) -> list[str]:
    """Lines, the first of them the outcome."""
    verdict = judgement.verdict
    return [
        _outcome(judgement),
        *(line for check in verdict.checks for line in _check(check)),
        *(_value(judgement) if judgement.changed else ()),
        *_line("titles", ", ".join(f"{alias} version {version}" for alias, version in judgement.titles.items())),
        *(line for text in judgement.note.splitlines() for line in _line("note", text)),
        *_line("next", _next(judgement)),
    ]


def _outcome(judgement: Judgement) -> str:
    verdict, dry = judgement.verdict, judgement.dry
    version = f", version {verdict.version}" if verdict.version else ""
    if verdict.outcome == "champion":
        overruled = f"\n  although the gate said no; {verdict.by}: {verdict.forced}" if verdict.forced else ""
        does = "would become" if dry and judgement.changed else "is"
        return f"{verdict.run_name} {does} the champion of {verdict.name}{version}{overruled}"
    does = "would not become" if dry else "does not become"
    kept = ", nor its challenger"
    if verdict.outcome == "challenger":
        kept = "; it would be kept as the challenger" if dry else f"; it is kept as the challenger{version}"
    return f"{verdict.run_name} {does} the champion of {verdict.name}{kept}"


def _check(check: Check) -> Iterator[str]:
    mark = "ok" if check.passed else "--" if check.answer.startswith(NOT_MADE) else "no"
    first, *rest = check.answer.splitlines() or [""]
    yield f"  {mark}  {check.question:<11} {first}"
    for line in rest:
        yield f"                  {line}"


def _value(judgement: Judgement) -> Iterator[str]:
    verdict = judgement.verdict
    if verdict.value is None:
        return
    against, scale = verdict.against, _scale(verdict)
    interval = scale.interval(verdict.low, verdict.high)
    covers = " (95 % over items, not over trainings)" if interval else ""
    yield from _line("value", f"{scale.axis} {scale.value(verdict.value)} {interval}{covers}".replace("  ", " "))
    if against is not None:
        who = "the floor" if against.who == "floor" else f"champion version {against.version}, {against.run}"
        found = scale.difference(against.difference)
        points = " points" if scale.percent else ""
        yield from _line(
            "against",
            f"{who}: {scale.value(against.value)}; difference {found} "
            f"{scale.interval(against.low, against.high, signed=True)}{points} on {against.items:,} validation items, "
            + (
                "above zero is better"
                if verdict.objective.startswith("maximize")
                else "turned so that above zero is better"
            ),
        )
    if judgement.looks is not None:
        others, times = judgement.looks.others, judgement.looks.times
        before = {0: "no other candidate", 1: "1 other candidate"}.get(others, f"{others} other candidates")
        luck = "; the best of many is partly the luckiest" if others >= 10 else ""
        yield from _line("judged", f"{before} on these items before; look number {times}{luck}")


def _scale(verdict: Verdict) -> Scale:
    against = verdict.against
    ends = [(verdict.low, verdict.high), (against.low, against.high) if against else (None, None)]
    widths = [(high - low) / 2 for low, high in ends if low is not None and high is not None and high > low]
    return scale_of(verdict.metric, [verdict.value, against.value if against else None], [min(widths, default=None)])


def _next(judgement: Judgement) -> str:
    verdict = judgement.verdict
    data = f" DATA={verdict.data}"
    if verdict.outcome != "champion":
        overrule = f'; overrule: make register NAME={verdict.experiment}{data} FORCE="why"'
        return judgement.to_do + (overrule if judgement.overrulable else "")
    if judgement.dry and judgement.changed:
        return "the same without DRY=1"
    use = f"make predict NAME={verdict.experiment}{data} INPUT={_INPUT.get(judgement.kind, '...')}"
    undo = f"; undo: make rollback NAME={verdict.experiment}{data}" if "previous" in judgement.titles else ""
    return use + undo


def _line(word: str, text: str) -> Iterator[str]:
    if text:
        yield f"{word:<8} {text}"
