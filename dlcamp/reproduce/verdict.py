"""What a reproduction says of a run, as a record and as lines for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dlcamp.reproduce.causes import MACHINE
from dlcamp.reproduce.difference import ORDER, Difference
from dlcamp.reproduce.recorded import Recorded
from dlcamp.reproduce.results import Compared
from dlcamp.tracking.protocol import RunRow

IN_PART: Final = "identical in what could be compared"
Word = Literal["identical", "identical in what could be compared", "within tolerance", "different"]
_SHOWN = 6


@dataclass(frozen=True)
class Verdict:
    """How a run and its reproduction compare.

    Args:
        again: the reproduction; None where it was not run, because config or data are not those of the run.
        causes: what it ran on otherwise; once it ran they decide nothing, because equal results make them harmless.
        compared: what it gave.
        tolerance: relative, for numbers.
    """

    recorded: Recorded
    again: RunRow | None
    causes: tuple[Difference, ...]
    compared: Compared
    tolerance: float

    @property
    def word(self) -> Word:
        """`identical` is bit for bit, of all that the run has; where something of it is gone or damaged, so that it
        could not be compared, the word says so. With nothing compared nothing is reproduced: `different`.

        A model's files may differ when the numbers are within the tolerance only; a model that lacks may not.
        """
        if self.again is None or self.compared.nothing:
            return "different"
        results = self.compared.differences
        if not results:
            return IN_PART if self.compared.notes else "identical"
        numbers = [one for one in results if one.part != "model" or not self.compared.model]
        return "within tolerance" if numbers and all(one.within for one in numbers) else "different"

    @property
    def first(self) -> Difference | None:
        """The first difference in the order config, data, code, environment, metric and step, predictions, model."""
        return next(iter(in_order([*self.causes, *self.compared.differences])), None)

    def record(self) -> dict[str, Any]:
        """What `reproduction.json` holds."""
        return {
            "verdict": self.word,
            "tolerance": self.tolerance,
            "run": self.recorded.row.id,
            "reproduction": self.again.id if self.again else None,
            "commit": self.recorded.commit,
            "uncommitted_changes": self.recorded.patch is not None,
            "first": _record(self.first) if self.first else None,
            "differences": [_record(one) for one in in_order([*self.causes, *self.compared.differences])],
            "compared": {
                "metrics": self.compared.metrics,
                "values": self.compared.values,
                "items": self.compared.items,
                "model": self.compared.model,
                "left_out": list(self.compared.left_out),
                "notes": list(self.compared.notes),
            },
        }


def in_order(differences: Sequence[Difference]) -> list[Difference]:
    """Causes first; the order within a part stays."""
    return sorted(differences, key=lambda one: ORDER.index(one.part))


def _record(one: Difference) -> dict[str, Any]:
    return {"part": one.part, "what": one.what, "before": one.before, "now": one.now, "within": one.within}


def lines(verdict: Verdict) -> list[str]:
    """The verdict, what it rests on, the first difference, and where to look."""
    said = [f"{verdict.word:<16} {_headline(verdict)}"]
    said += [f"not compared     {note}" for note in verdict.compared.notes]
    alike = verdict.word in ("identical", IN_PART)
    if verdict.first is not None and not alike:
        said.append(f"first            {verdict.first.part}: {verdict.first}")
    said += [f"in the results   {one.part}: {one}" for one in _turning_points(verdict) if one is not verdict.first]
    if verdict.compared.left_out:
        said.append(f"left out         times and costs: {_some(verdict.compared.left_out)}")
    if verdict.again is not None:
        said.append(f"run              {verdict.again.name}  (make show RUN={verdict.again.id[:8]})")
    if not alike:
        said.append(f"next             {_next(verdict)}")
    return said


def cause_lines(causes: Sequence[Difference]) -> list[str]:
    """What the reproduction runs on otherwise, a line each, the many packages that change no number in one."""
    shown = [f"{one.part:<16} {one}" for one in causes[:_SHOWN]]
    rest = len(causes) - len(shown)
    return [*shown, *([f"{'':<16} and {rest} more (reproduction.json)"] if rest else [])]


def _headline(verdict: Verdict) -> str:
    row, compared = verdict.recorded.row, verdict.compared
    if verdict.again is None:
        return f"{row.name} was not run again: on another config or other data nothing is reproduced"
    if compared.nothing:
        return f"nothing of {row.name} could be compared: no metric but times and costs, no predictions, no model"
    rests = [f"{compared.metrics} metrics ({compared.values:,} values)"]
    rests += [f"{compared.items:,} predictions"] if compared.items else []
    rests += ["the model's files"] if compared.model else []
    of = f"{', '.join(rests)} of {row.name}"
    if verdict.word == "identical":
        return f"bit for bit: {of}" + _in_spite_of(verdict)
    if verdict.word == IN_PART:
        return of + _in_spite_of(verdict)
    if verdict.word == "within tolerance":
        return f"relative {verdict.tolerance:g}: {of}; {_count(compared, within=True)} not bit for bit"
    return f"{_count(compared, within=False)} beyond a relative {verdict.tolerance:g}, of {of}"


def _in_spite_of(verdict: Verdict) -> str:
    parts = list(dict.fromkeys(one.part for one in in_order(verdict.causes)))
    return f", on another {' and another '.join(parts)}" if parts else ""


def _count(compared: Compared, within: bool) -> str:
    """How many metrics, predictions and models differ, in words."""
    chosen = [one for one in compared.differences if within or not one.within]
    metrics = {one.what.rpartition(" at step ")[0] for one in chosen if one.part == "metric"}
    said = [f"{len(metrics)} metric{'s' * (len(metrics) != 1)}"] if metrics else []
    said += [part for part in ("predictions", "model") if any(one.part == part for one in chosen)]
    return " and ".join(said)


def _turning_points(verdict: Verdict) -> list[Difference]:
    """The first result that differs at all, and the first beyond the tolerance."""
    results = in_order(verdict.compared.differences)
    beyond = next((one for one in results if not one.within), None)
    return list(dict.fromkeys(one for one in (*results[:1], beyond) if one is not None))


def _next(verdict: Verdict) -> str:
    commit = verdict.recorded.commit[:12]
    if verdict.again is None:
        return "bring the data back as they were (make data), or take the run's numbers as those of other data"
    if verdict.compared.nothing:
        return "choose a run that logs results: make runs"
    if any(one.part == "environment" and one.what not in MACHINE.values() for one in verdict.causes):
        return f"the packages of then: git show {commit}:requirements.lock; in an environment with those, again"
    if any(one.part == "code" for one in verdict.causes):
        return "the code is not what ran: files that git ignores or that were edited as it began are not recorded"
    return (
        "config, data, code and packages are the same, so that something that is not recorded enters: a clock, a "
        "generator without a seed, an environment variable, another processor"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
