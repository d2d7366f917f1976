"""The model card: what a registered model is, how good and where not, under which terms, how to make it again.

    card(verdict, run, about(experiment, "flickr8k", rows))     -> markdown

It is the description of the model's version in MLflow and `model_card.md` among its artifacts, so that it must be
readable as text, and nothing in it may be markup that a caption, a tag or a name brought along. (Sections follow
Mitchell et al., Model Cards for Model Reporting, FAT* 2019.)
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from dlcamp.analysis.cells import cell
from dlcamp.analysis.scale import Scale, scale_of, seconds, short
from dlcamp.registry.about import About
from dlcamp.registry.gate import NOT_MADE
from dlcamp.registry.markdown import code, plain, table
from dlcamp.registry.slices import MOST, SMALLEST, Slice
from dlcamp.registry.verdict import Against, Check, Verdict
from dlcamp.tracking.protocol import RunRow

LONGEST = 5000
"""Characters that MLflow keeps of a description."""
_LENGTHS = ((12, 220), (8, 140), (4, 100), (0, 60))
"""Lines of test metrics, and characters of a check's answer: the first that fit."""
_CITATION = 300
Standing = Literal["passed", "failed", "not made"]
SIGNS: Mapping[Standing, str] = {"passed": "✓", "failed": "✗", "not made": "–"}


def card(verdict: Verdict, run: RunRow, about: About) -> str:
    """The card as markdown, at most LONGEST characters: where it would be longer, metrics and answers are cut."""
    text = ""
    for most, answer in _LENGTHS:
        parts = [
            _head(verdict, about),
            _judged(verdict, answer),
            _metrics(verdict, run, most),
            _data(verdict, run, about),
        ]
        parts += [_limits(about), _weak(about), _cost(run), _again(verdict, run)]
        text = "\n\n".join("\n".join(part) for part in parts if part) + "\n"
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 2].rsplit("\n", 1)[0] + "\n…\n"


def _head(verdict: Verdict, about: About) -> list[str]:
    simple = _simple(verdict.experiment) and _simple(verdict.data)
    what = "A model that describes images" if about.captions else "A model"
    return [
        f"# {plain(verdict.name)}, version {plain(verdict.version or '?')}",
        "",
        f"{what}, trained by run {code(verdict.run_name)} of {code(verdict.experiment)} on "
        f"{code(verdict.data)}: {plain(about.title)}. The experiment asks: {plain(about.question)}",
        "",
        f"Use it: `make predict NAME={verdict.experiment} DATA={verdict.data} INPUT=...`" if simple else "",
    ]


def _judged(verdict: Verdict, most: int) -> list[str]:
    lines = [
        "## Verdict",
        "",
        f"**{outcome_words(verdict)}** on {_day(verdict.when)}, asked for by {plain(verdict.by)}.",
    ]
    if verdict.forced:
        lines[-1] += f" The gate was overruled: “{plain(verdict.forced)}”"
    if verdict.against is not None:
        lines += ["", against_words(verdict.against, verdict.metric)]
    before = verdict.judged_before
    lines += ["", f"{_candidates(before)} judged on these validation items before. {_optimism(before)}".rstrip(), ""]
    return lines + [
        f"- {SIGNS[standing(check)]} {plain(check.question)}: {plain(check.answer, most)}" for check in verdict.checks
    ]


def standing(check: Check) -> Standing:
    """What became of a check; the gate counts one that was not made as failed."""
    if check.passed:
        return "passed"
    return "not made" if check.answer.startswith(NOT_MADE) else "failed"


def outcome_words(verdict: Verdict) -> str:
    """`Promoted to champion`."""
    if verdict.outcome == "champion":
        return "Promoted to champion"
    return "Kept as challenger" if verdict.outcome == "challenger" else "Refused"


def against_words(against: Against, metric: str) -> str:
    """`Against the champion of the time, version 2: +0.03 [0.01, 0.05] on 1,000 items, above zero is better.`"""
    scale = scale_around(metric, against.value, against.low, against.high)
    who = "the floor" if against.who == "floor" else f"the champion of the time, version {plain(against.version)}"
    if against.difference is None:
        return f"Against {who}, which scores {scale.value(against.value)} by {scale.axis}."
    found = f"{scale.difference(against.difference)} {scale.interval(against.low, against.high, signed=True)}".strip()
    unit = " points" if scale.percent else ""
    margin = "" if against.margin is None else f" It had to be not worse by more than {scale.amount(against.margin)}."
    return (
        f"Against {who} ({scale.value(against.value)} by {scale.metric}): {found}{unit} on {against.items:,} items, "
        f"above zero is better.{margin}"
    )


class _Metric(NamedTuple):
    """One line of the table; `low` and `high` are None where no interval was logged."""

    name: str
    value: float
    low: float | None
    high: float | None


def _metrics(verdict: Verdict, run: RunRow, most: int) -> list[str]:
    lines = []
    if verdict.value is not None:
        lines.append(_row(_Metric(verdict.metric, verdict.value, verdict.low, verdict.high), "as judged, on val"))
    for one in _test_metrics(run, verdict.metric.rpartition("/")[2], most):
        lines.append(_row(one, "logged by the run"))
    if not lines:
        return []
    scored = any(name.startswith("test/") for name in run.metrics)
    note = [] if scored else ["", "It was never scored on the test split."]
    return ["## Metrics", "", *table(["metric", "n:value", "n:95 % over items", "from"], lines), *note]


def _test_metrics(run: RunRow, objective: str, most: int) -> list[_Metric]:
    """Test scores: the objective's first, those with an interval, what is compared with it, the others."""
    values = {name: value for name, value in run.metrics.items() if name.startswith("test/") and math.isfinite(value)}
    ends = {name for name in values if name.endswith(("_low", "_high"))}
    found = [
        _Metric(name, value, values.get(f"{name}_low"), values.get(f"{name}_high"))
        for name, value in values.items()
        if name not in ends
    ]

    def order(one: _Metric) -> tuple[bool, bool, bool]:
        return (one.name != f"test/{objective}", one.low is None, not one.name.endswith(f"_{objective}"))

    return sorted(found, key=order)[:most]


def _row(one: _Metric, source: str) -> list[str]:
    scale = scale_around(one.name, one.value, one.low, one.high)
    return [plain(scale.axis), scale.value(one.value), scale.interval(one.low, one.high) or "–", source]


def _data(verdict: Verdict, run: RunRow, about: About) -> list[str]:
    digest = f", digest {code(verdict.data_digest[:40])}" if verdict.data_digest else ""
    train = _trained_on(run)
    return [
        "## Data",
        "",
        f"{code(verdict.data)}: {plain(about.title)}{digest}."
        + (f" Trained on {train:,} items of its training split." if train else ""),
        "",
        f"- licence: {plain(about.licence)}",
        f"- citation: {plain(about.citation, _CITATION)}",
    ]


def _trained_on(run: RunRow) -> int | None:
    """Items that the run was limited to, or says that it used; None where it does not say."""
    for name in ("train_images", "data_train_used"):
        if run.params.get(name, "").isdecimal():
            return int(run.params[name])
    return None


def _limits(about: About) -> list[str]:
    return ["## Limits", "", *(f"- {ticked(limit)}" for limit in about.limits)]


def ticked(text: str) -> str:
    """A sentence of ours, in which backticks mean code; everything between is `plain`."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(code(part) if place % 2 else _spaced(part) for place, part in enumerate(parts))


def _spaced(part: str) -> str:
    """`plain` between other parts of a line, whose spaces at the ends count."""
    return f"{part[: len(part) - len(part.lstrip())]}{plain(part, 1000)}{part[len(part.rstrip()) :]}"


def _weak(about: About) -> list[str]:
    slices = about.slices
    lines = []
    if slices is not None and slices.looked_at:
        scale = scale_around(slices.metric, slices.whole, *_ends(slices.weak))
        lines.append(
            f"By {plain(scale.axis)}; the mean over all {slices.n:,} items is {scale.value(slices.whole)}. "
            f"{slices.looked_at} groups of {SMALLEST} items or more were looked at, each with an interval of "
            f"{100 * slices.level:.4g} %, so that all hold together with 95 %."
        )
        if slices.weak:
            lines += ["", *table(["group", "n:n", "n:value", "n:interval"], _slice_rows(slices.weak, scale))]
        else:
            lines.append("None is surely worse than the whole.")
    if about.told:
        weakest = about.told[:MOST]
        scale = scale_around("rate", weakest[0].value, *_ends(weakest))
        lines += ["", "How often what is said of an aspect is right, in % of the captions that speak of it:", ""]
        lines += table(["aspect", "n:n", "n:right, %", "n:95 %"], _slice_rows(weakest, scale))
    return ["## Where it is weak", "", *lines] if lines else []


def _slice_rows(slices: Sequence[Slice], scale: Scale) -> Iterator[list[str]]:
    for one in slices:
        yield [plain(one.what), f"{one.n:,}", scale.value(one.value), scale.interval(one.low, one.high)]


def _ends(slices: Sequence[Slice]) -> tuple[float | None, float | None]:
    return (slices[0].low, slices[0].high) if slices else (None, None)


def _cost(run: RunRow) -> list[str]:
    told = []
    if took := cell(run).seconds:
        told.append(f"- the run took {seconds(took)}")
    for name, value in sorted(run.metrics.items()):
        if name.startswith("cost/") and name != "cost/seconds" and math.isfinite(value):
            told.append(f"- {plain(name.removeprefix('cost/').replace('_', ' '))}: {_amount(value)}")
    if "precision_used" in run.params:
        told.append(f"- precision: {plain(run.params['precision_used'])}")
    return ["## Cost", "", *told[:8]] if told else []


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else short(value)


def _again(verdict: Verdict, run: RunRow) -> list[str]:
    one = cell(run)
    commit = f"commit {code(one.commit)}" if one.commit else "an unknown commit"
    changed = ", with the changes that stand in its `uncommitted.patch`" if one.commit.endswith("+") else ""
    lines = [
        "## How to make it again",
        "",
        f"Run {code(run.name)} ({code(run.id)}) of {commit}{changed}; seed {one.seed}.",
    ]
    if _simple(run.name):
        lines += ["", f"    python -m dlcamp reproduce {run.name}"]
    differ = _settings(run)
    if differ:
        lines += ["", f"Values that are not the class's defaults: {differ}. The whole config is in the run's params."]
    lines += ["", f"Model files: digest {code(verdict.digest)}." if verdict.digest else ""]
    return lines


def _settings(run: RunRow) -> str:
    """`units=512, epochs=13` of what yaml, preset or SET changed."""
    try:
        names = sorted(json.loads(run.tags.get("dlcamp.origins", "{}")))
    except ValueError:
        return ""
    return ", ".join(code(f"{name}={run.params[name]}", 60) for name in names if name in run.params)


def scale_around(metric: str, value: float | None, low: float | None, high: float | None) -> Scale:
    """The scale of one value with its interval, where it has one."""
    width = (high - low) / 2 if low is not None and high is not None else None
    return scale_of(metric, [value, low, high], [width])


def _candidates(before: int) -> str:
    if not before:
        return "No candidate was"
    return "1 candidate was" if before == 1 else f"{before:,} candidates were"


def _optimism(before: int) -> str:
    return "The best of many on the same items is partly the luckiest." if before >= 10 else ""


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _simple(name: str) -> bool:
    """Whether a name can stand in a command as it is, between backticks too."""
    return code(name).startswith("`") and " " not in name
