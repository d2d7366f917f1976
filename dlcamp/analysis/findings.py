"""What an ablation shows: a mean a variant, the declared contrasts tested and judged, the claims decided.

    findings = find(experiment.compare, experiment.claims, cells, preset)
    findings.contrasts[0].verdict      "better", "worse", "not separated", "equivalent", "one seed" or "no data"

Only declared contrasts are tested, each once, by paired t tests over which Holm's correction runs. Intervals are each
on their own at `level`; TOSTs, which find equivalence, are not corrected either. The matrix of pairs is descriptive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.claim_verdicts import ClaimResult, applies, judge_claim
from dlcamp.analysis.comparable import check
from dlcamp.analysis.contrast_verdicts import ContrastResult, ContrastVerdict, describe, judge
from dlcamp.analysis.contrasts import Declared, family, measure
from dlcamp.analysis.estimates import LEVEL
from dlcamp.analysis.variants import Kept, VariantRow, excluded, keep, rows
from dlcamp.comparison import Comparison, Contrast

if TYPE_CHECKING:
    from dlcamp.experiment import Claim

__all__ = ["ClaimResult", "ContrastResult", "ContrastVerdict", "Findings", "VariantRow", "find"]


@dataclass(frozen=True)
class Findings:
    """All that cells show of a comparison.

    Args:
        variants: one row a variant and combination of axis values, in the order met.
        contrasts: the declared family: each variant against the baseline (axes averaged), then the claims' own.
        pairs: every pair of variants at every combination of axis values; neither declared nor corrected.
        claims: in the order declared.
        warnings: what makes the runs hard to compare.
        excluded: failed runs and values that are not finite, one line each.
        level: of the intervals; tests have size 1 - level.
    """

    comparison: Comparison
    variants: list[VariantRow]
    contrasts: list[ContrastResult]
    pairs: list[ContrastResult]
    claims: list[ClaimResult]
    warnings: list[str]
    excluded: list[str]
    level: float = LEVEL

    def to_json(self) -> dict[str, Any]:
        """Plain mappings, lists, numbers, texts and None."""
        content = _plain(self)
        assert isinstance(content, dict)
        return content


def find(
    comparison: Comparison,
    claims: Sequence[Claim],
    cells: Iterable[Cell],
    preset: str = "",
    level: float = LEVEL,
) -> Findings:
    """Compare cells.

    Args:
        comparison: what is compared, and which way is better.
        claims: judged where their `presets` and `data` allow it; the others are undecided and add nothing to the
            family.
        cells: one a run, the newest first where a seed has several at one place.
        preset: under which the runs were made; "" is none.
        level: of the intervals; tests have size 1 - level.

    Raises:
        Refusal: the runs are of different data.
    """
    given = list(cells)
    warnings = check(given)
    kept = keep(given)
    data = next((cell.data for cell in given if cell.data), "")
    here = [claim for claim in claims if applies(claim, preset, data)]
    declared = family(comparison, here, list(dict.fromkeys(cell.variant for cell in given)))
    measured = {name: measure(one.contrast, comparison, kept.cells) for name, one in declared.items()}
    judged = judge(declared, measured, comparison, level)
    metrics = [*comparison.shown, *(one.metric for one in declared.values())]
    variants = rows(given, kept, comparison.metric, comparison.shown, level)
    return Findings(
        comparison=comparison,
        variants=variants,
        contrasts=[one.result for one in judged.values()],
        pairs=_pairs(comparison, variants, kept, level),
        claims=[judge_claim(claim, judged, kept.cells, comparison, preset, data, level) for claim in claims],
        warnings=[*warnings, *kept.warnings],
        excluded=excluded(kept, comparison.metric, metrics),
        level=level,
    )


def _pairs(comparison: Comparison, variants: Sequence[VariantRow], kept: Kept, level: float) -> list[ContrastResult]:
    places: dict[tuple[tuple[str, str], ...], list[VariantRow]] = {}
    for row in variants:
        places.setdefault(tuple(row.axes.items()), []).append(row)
    found = []
    for axes, together in places.items():
        here = [cell for cell in kept.cells if dict(cell.axes) == dict(axes)]
        for one, other in combinations(together, 2):
            contrast = Contrast(one.variant, other.variant, at=dict(axes))
            pair = Declared(contrast, comparison.metric, comparison.higher_is_better, comparison.margin)
            found.append(describe(pair, measure(contrast, comparison, here), level))
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
