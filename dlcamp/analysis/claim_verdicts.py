"""Claims judged by the contrasts they name: supported, refuted or undecided, with the numbers that decided.

A contrast "holds" when its corrected test (or TOST, or law) shows what was claimed, "fails" when its interval rules
that out, and is open otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.claim_reasons import Shown, State, reasons
from dlcamp.analysis.contrast_verdicts import Judged, agrees
from dlcamp.analysis.contrasts import Key, key
from dlcamp.analysis.equivalence import tost
from dlcamp.comparison import Comparison

if TYPE_CHECKING:
    from dlcamp.experiment import Claim, Verdict


@dataclass(frozen=True)
class ClaimResult:
    """A claim, what would refute it, how it was judged, and by which numbers."""

    statement: str
    refuted_by: str
    verdict: Verdict
    why: str


def applies(claim: Claim, preset: str, data: str) -> bool:
    """Whether the claim is judged under this preset ("" is none), on this data set ("" is unknown: any)."""
    return (not claim.presets or preset in claim.presets) and (not claim.data or not data or data in claim.data)


def judge_claim(
    claim: Claim,
    judged: Mapping[Key, Judged],
    cells: Sequence[Cell],
    comparison: Comparison,
    preset: str,
    data: str,
    level: float,
) -> ClaimResult:
    """Judge one claim by the family's results; one without contrasts run by run, by its own `judge`."""
    if not applies(claim, preset, data):
        verdict, why = _elsewhere(claim)
    elif claim.contrasts:
        tests = sum(one.result.p_adjusted is not None for one in judged.values())
        verdict, why = _by_contrasts(claim, judged, comparison, level, tests)
    else:
        verdict, why = _run_by_run(claim, cells)
    return ClaimResult(claim.statement, claim.refuted_by, verdict, why)


def _elsewhere(claim: Claim) -> tuple[Verdict, str]:
    named = [f"PRESET={name}" for name in claim.presets if name]
    under = [*(["no preset"] if "" in claim.presets else []), *named]
    where = [f"on {' or '.join(claim.data)}"] if claim.data else []
    where += [f"under {' or '.join(under)}"] if under else []
    return "undecided", f"judged {' and '.join(where)} only"


def _by_contrasts(
    claim: Claim, judged: Mapping[Key, Judged], comparison: Comparison, level: float, tests: int
) -> tuple[Verdict, str]:
    margin = claim.margin if claim.margin is not None else comparison.margin
    keys = dict.fromkeys(key(contrast, comparison) for contrast in claim.contrasts)
    own = [_state(claim, judged[one], comparison, margin, level) for one in keys]
    count, holding, failing = len(own), *(sum(one.state == state for one in own) for state in ("holds", "fails"))
    known = [f"{number} of {count} {word}" for number, word in ((holding, "hold"), (failing, "fail")) if number]
    decisive: State = "open"
    verdict: Verdict = "undecided"
    if holding == count or (claim.need == "any" and holding):
        verdict, decisive, known = "supported", "holds", known[:1]
    elif failing == count or (claim.need == "all" and failing):
        verdict, decisive, known = "refuted", "fails", known[-1:]
    words = reasons([one for one in own if one.state == decisive], own, comparison, margin, tests)
    if verdict == "undecided" and known:
        return verdict, f"{', '.join(known)}; open: {words}"
    return verdict, f"{known[0]}: {words}" if known and count > 1 else words


def _state(claim: Claim, one: Judged, comparison: Comparison, margin: float | None, level: float) -> Shown:
    """What one contrast shows of the claim."""
    paired = one.result.paired
    if paired.n < 2 or paired.difference is None:
        return Shown(one.result, claim.expect, "open")
    if claim.expect == "law":
        return Shown(one.result, claim.expect, "holds" if agrees(paired) else "fails")
    if claim.expect == "same":
        p = tost(one.measured.differences, margin, one.measured.magnitude) if margin else None
        return Shown(one.result, claim.expect, _same(one, p, margin or 0.0, level), p)
    sign = 1 if claim.expect == "higher" else -1
    p = one.result.p_adjusted
    if p is not None and p < 1 - level and sign * paired.difference > 0:
        return Shown(one.result, claim.expect, "holds")
    return Shown(one.result, claim.expect, "fails" if _against(one, sign, comparison, level) else "open")


def _against(one: Judged, sign: int, comparison: Comparison, level: float) -> bool:
    """Whether a difference is shown to go the other way, or to be too small to matter."""
    difference, p = one.result.paired.difference or 0.0, one.result.p_adjusted
    if p is not None and p < 1 - level and sign * difference < 0:
        return True
    if one.result.metric != comparison.metric or not comparison.smallest_interesting:
        return False
    p_small = tost(one.measured.differences, comparison.smallest_interesting, one.measured.magnitude)
    return p_small is not None and p_small < 1 - level


def _same(one: Judged, p: float | None, margin: float, level: float) -> State:
    """A margin of zero: none is declared."""
    if p is not None and p < 1 - level:
        return "holds"
    low, high = one.result.paired.low, one.result.paired.high
    outside = margin and low is not None and high is not None and (low > margin or high < -margin)
    return "fails" if outside else "open"


def _run_by_run(claim: Claim, cells: Sequence[Cell]) -> tuple[Verdict, str]:
    """All runs that can judge it must agree."""
    counts = Counter(claim.verdict(cell.metrics) for cell in cells)
    decided = {verdict: count for verdict, count in counts.items() if verdict != "undecided"}
    if not decided:
        return "undecided", "no run here decides it"
    said = " and ".join(f"{verdict} by {count}" for verdict, count in decided.items())
    why = f"judged run by run: {said} of {sum(counts.values())} runs"
    return (next(iter(decided)), why) if len(decided) == 1 else ("undecided", why)
