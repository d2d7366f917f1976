"""Verdicts of contrasts: better, worse, not separated, equivalent; Holm's correction over those that are tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from dlcamp.analysis.contrasts import Declared, Key, Measured, undirected
from dlcamp.analysis.equivalence import tost
from dlcamp.analysis.paired import Paired, holm, of_differences
from dlcamp.analysis.power import seeds_needed
from dlcamp.comparison import Comparison, Contrast

ContrastVerdict = Literal["better", "worse", "not separated", "equivalent", "one seed", "no data"]
LAW = 3.0
"""Standard errors within which a measured mean agrees with a law."""


@dataclass(frozen=True)
class ContrastResult:
    """What was measured of a contrast, and how it is judged.

    Args:
        metric: with the comparison's filled in.
        n, seeds: those that both sides have.
        first_mean, second_mean: over these seeds; of a difference of differences, the two differences.
        paired: the difference with its own interval and p, neither corrected.
        p_adjusted: Holm's; None where nothing was tested.
        verdict: by `p_adjusted`; of a metric other than the comparison's, "better" is what its claim expects; of a law,
            "not separated" is within three standard errors of it.
        seeds_needed: to separate the smallest interesting difference with 80 % power at the worst size that Holm's
            correction uses (0.05 over the family); of "not separated" only.
        note: what was left out, and why.
    """

    label: str
    contrast: Contrast
    metric: str
    n: int
    seeds: tuple[int, ...]
    first_mean: float | None
    second_mean: float | None
    paired: Paired
    p_adjusted: float | None
    verdict: ContrastVerdict
    seeds_needed: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Judged:
    """A declared contrast, its values, and its result."""

    declared: Declared
    measured: Measured
    result: ContrastResult


def judge(
    declared: Mapping[Key, Declared], measured: Mapping[Key, Measured], comparison: Comparison, level: float
) -> dict[Key, Judged]:
    """Judge a family: Holm runs over the tests that could be made, a contrast and its reverse being one."""
    found = {key: of_differences(one.differences, level, one.magnitude) for key, one in measured.items()}
    tests = {undirected(key): one.p for key, one in found.items() if declared[key].tested and one.p is not None}
    ps = [p for p in tests.values() if p is not None]
    adjusted = dict(zip(tests, holm(ps), strict=True))
    judged = {}
    for key, one in declared.items():
        p = adjusted.get(undirected(key)) if one.tested else None
        result = _result(one, measured[key], found[key], p, comparison, level, len(ps))
        judged[key] = Judged(one, measured[key], result)
    return judged


def describe(declared: Declared, measured: Measured, level: float) -> ContrastResult:
    """A contrast that was not declared: its verdict is by its own p, which is corrected for nothing, and says so."""
    paired = of_differences(measured.differences, level, measured.magnitude)
    verdict = _verdict(declared, measured, paired, paired.p, level)
    note = "; ".join(part for part in ("not declared, not corrected", measured.note) if part)
    return _record(declared, measured, paired, None, verdict, None, note)


def _result(
    declared: Declared,
    measured: Measured,
    paired: Paired,
    p: float | None,
    comparison: Comparison,
    level: float,
    tests: int,
) -> ContrastResult:
    verdict = _verdict(declared, measured, paired, p, level)
    needed = None
    interesting = comparison.smallest_interesting
    if verdict == "not separated" and declared.tested and declared.metric == comparison.metric and paired.sd:
        needed = seeds_needed(interesting or 0.0, paired.sd, level=1 - (1 - level) / max(tests, 1))
    note = "; ".join(part for part in (measured.note, _remark(declared, paired, verdict)) if part)
    return _record(declared, measured, paired, p, verdict, needed, note)


def _record(
    declared: Declared,
    measured: Measured,
    paired: Paired,
    p: float | None,
    verdict: ContrastVerdict,
    needed: int | None,
    note: str,
) -> ContrastResult:
    return ContrastResult(
        label=declared.contrast.label(),
        contrast=declared.contrast,
        metric=declared.metric,
        n=paired.n,
        seeds=measured.seeds,
        first_mean=fmean(measured.first) if measured.first else None,
        second_mean=fmean(measured.second) if measured.second else None,
        paired=paired,
        p_adjusted=p,
        verdict=verdict,
        seeds_needed=needed,
        note=note,
    )


def _verdict(declared: Declared, measured: Measured, paired: Paired, p: float | None, level: float) -> ContrastVerdict:
    if paired.n < 2 or paired.difference is None:
        return "one seed" if paired.n else "no data"
    separated = p is not None and p < 1 - level if declared.tested else not agrees(paired)
    if separated:
        return "better" if (paired.difference > 0) == declared.higher else "worse"
    if declared.margin and declared.tested:
        same = tost(measured.differences, declared.margin, measured.magnitude)
        if same is not None and same < 1 - level:
            return "equivalent"
    return "not separated"


def agrees(paired: Paired) -> bool:
    """Whether a mean lies within three standard errors of the number it was compared with."""
    if paired.difference is None or paired.sd is None:
        return False
    return abs(paired.difference) <= LAW * paired.sd / paired.n**0.5


def _remark(declared: Declared, paired: Paired, verdict: ContrastVerdict) -> str:
    if verdict == "one seed":
        return "one seed: no test"
    if paired.sd == 0 and paired.n > 1:
        return f"the same {'value' if paired.difference == 0 else 'difference'} on every seed"
    ends = [abs(end) for end in (paired.low, paired.high) if end is not None]
    if verdict in ("better", "worse") and ends and max(ends) < (declared.margin or 0.0):
        return "but within the margin"
    return ""
