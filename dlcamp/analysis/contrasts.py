"""What a declared contrast measures: one value a seed for each side, on the seeds that both have.

Axes that a contrast does not name are averaged within a seed, over the axis cells that both sides have on that seed.
Whatever is left out on the way is said in `note`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import Cell
from dlcamp.comparison import Comparison, Contrast

if TYPE_CHECKING:
    from dlcamp.experiment import Claim

Key = tuple[Any, ...]
Rest = tuple[str, ...]
Side = dict[int, dict[Rest, float]]
"""seed -> values of the axes that are averaged -> the metric."""

NO_RUN = "no finished run of "


@dataclass(frozen=True)
class Declared:
    """A contrast of the family with what it is judged by.

    Args:
        metric: that of the contrast, else the comparison's.
        higher: whether a positive difference is the better one.
        margin: of equivalence; None: it is never said.
        tested: whether the difference is tested; a law is held against its standard error instead.
    """

    contrast: Contrast
    metric: str
    higher: bool
    margin: float | None
    tested: bool = True


@dataclass(frozen=True)
class Measured:
    """A contrast's values in the order of the shared seeds.

    Args:
        first, second: of a difference of differences, the two differences.
        magnitude: the largest value that was subtracted, for what counts as equal.
        note: what was left out, and why; "" for nothing.
    """

    seeds: tuple[int, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    magnitude: float
    note: str = ""

    @property
    def differences(self) -> list[float]:
        """first - second."""
        return [a - b for a, b in zip(self.first, self.second, strict=True)]


def family(comparison: Comparison, claims: Sequence[Claim], variants: Sequence[str]) -> dict[Key, Declared]:
    """Every declared contrast once: each variant against the baseline, then those of the claims.

    Args:
        claims: those that are judged here.
        variants: those that have runs.
    """
    found: dict[Key, Declared] = {}
    if comparison.baseline:
        for variant in variants:
            if variant != comparison.baseline:
                contrast = Contrast(variant, comparison.baseline)
                found[key(contrast, comparison)] = Declared(
                    contrast, comparison.metric, comparison.higher_is_better, comparison.margin
                )
    for claim in claims:
        for contrast in claim.contrasts:
            one = _of_claim(contrast, claim, comparison)
            known = found.setdefault(key(contrast, comparison), one)
            if one.tested and not known.tested:
                found[key(contrast, comparison)] = one
    return found


def _of_claim(contrast: Contrast, claim: Claim, comparison: Comparison) -> Declared:
    """Of another metric than the comparison's, better is what the claim expects, and the margin its own."""
    metric = contrast.metric or comparison.metric
    own = metric == comparison.metric
    higher = comparison.higher_is_better if own else claim.expect != "lower"
    margin = claim.margin if claim.margin is not None or not own else comparison.margin
    return Declared(contrast, metric, higher, margin, tested=claim.expect in ("higher", "lower"))


def key(contrast: Contrast, comparison: Comparison) -> Key:
    """Equal for equal contrasts, however they are written."""
    at = _written(contrast.at)
    second_at = at if contrast.second_at is None else _written(contrast.second_at)
    minus = key(contrast.minus, comparison) if contrast.minus else ()
    return contrast.first, at, str(contrast.second), second_at, contrast.metric or comparison.metric, minus


def undirected(one: Key) -> Key:
    """Equal for a contrast and its reverse, which are one test."""
    first, at, second, second_at, metric, minus = one
    return min((first, at, second, second_at, metric, minus), (second, second_at, first, at, metric, minus), key=repr)


def _written(axes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, str(value)) for axis, value in axes.items()))


def measure(contrast: Contrast, comparison: Comparison, cells: Sequence[Cell]) -> Measured:
    """The contrast's values on finished cells, one a place and seed."""
    own = _measure(contrast, contrast.metric or comparison.metric, cells)
    if contrast.minus is None:
        return own
    other = measure(contrast.minus, comparison, cells)
    first = dict(zip(own.seeds, own.differences, strict=True))
    second = dict(zip(other.seeds, other.differences, strict=True))
    seeds = tuple(sorted(first.keys() & second.keys()))
    note = "; ".join(dict.fromkeys(part for part in (own.note, other.note) if part))
    left, right = tuple(first[seed] for seed in seeds), tuple(second[seed] for seed in seeds)
    return Measured(seeds, left, right, max(own.magnitude, other.magnitude), note)


def _measure(contrast: Contrast, metric: str, cells: Sequence[Cell]) -> Measured:
    second_at = contrast.at if contrast.second_at is None else contrast.second_at
    axes = _free(cells, contrast.at)
    if isinstance(contrast.second, str):
        axes = [axis for axis in axes if axis in _free(cells, second_at)]
    first, notes = _side(cells, contrast.first, contrast.at, metric, axes)
    if isinstance(contrast.second, str):
        second, more = _side(cells, contrast.second, second_at, metric, axes)
        notes += [*more, *(_unshared(first, second, contrast) if first and second else [])]
    else:
        second = {seed: dict.fromkeys(own, float(contrast.second)) for seed, own in first.items()}
    both = {seed: [rest for rest in first[seed] if rest in second[seed]] for seed in sorted(first) if seed in second}
    both = {seed: rests for seed, rests in both.items() if rests}
    if len({tuple(sorted(rests)) for rests in both.values()}) > 1:
        notes.append(f"not every seed has every {', '.join(axes)}")
    left, right = (
        tuple(fmean(side[seed][rest] for rest in rests) for seed, rests in both.items()) for side in (first, second)
    )
    magnitude = max(map(abs, (*left, *right)), default=0.0)
    return Measured(tuple(both), left, right, magnitude, "; ".join(dict.fromkeys(notes)))


def _free(cells: Sequence[Cell], at: Mapping[str, Any]) -> list[str]:
    return sorted({axis for cell in cells for axis in cell.axes} - at.keys())


def _side(
    cells: Sequence[Cell], variant: str, at: Mapping[str, Any], metric: str, axes: Sequence[str]
) -> tuple[Side, list[str]]:
    """The metric of one variant at fixed axis values, by seed and by the values of `axes`; the other axes averaged."""
    own = [cell for cell in cells if cell.variant == variant]
    here = [cell for cell in own if all(_same(cell.axes.get(axis), value) for axis, value in at.items())]
    if not here:
        place = ", ".join(f"{axis}={value}" for axis, value in at.items())
        name = (variant or "the experiment") + (f" at {place}" if own else "")
        return {}, [NO_RUN + name]
    grouped: dict[int, dict[Rest, list[float]]] = {}
    for cell in here:
        if usable(cell, metric):
            rest = tuple(cell.axes.get(axis, "") for axis in axes)
            grouped.setdefault(cell.seed, {}).setdefault(rest, []).append(cell.metrics[metric])
    lacking = [cell.seed for cell in here if not usable(cell, metric)]
    notes = [f"{variant}: {seed_words(lacking)} without {metric}"] if lacking else []
    return {seed: {rest: fmean(many) for rest, many in rests.items()} for seed, rests in grouped.items()}, notes


def usable(cell: Cell, metric: str) -> bool:
    """Whether the cell has a finite value of the metric."""
    return math.isfinite(cell.metrics.get(metric, math.nan))


def _unshared(first: Side, second: Side, contrast: Contrast) -> list[str]:
    """Seeds that one side has and the other has not."""
    notes = []
    for own, other, name in ((first, second, contrast.first), (second, first, str(contrast.second))):
        alone = own.keys() - other.keys()
        if alone:
            notes.append(f"{seed_words(alone)} of {name} left out: not on both sides")
    return notes


def seed_words(seeds: Iterable[int]) -> str:
    """`seed 3`, `seeds 3, 4`, `seeds 0, 1, 2, 3, 4, 5 and 6 more`."""
    ordered = sorted(set(seeds))
    text = ", ".join(map(str, ordered[:6])) + (f" and {len(ordered) - 6} more" if len(ordered) > 6 else "")
    return f"seed{'s' if len(ordered) > 1 else ''} {text}"


def _same(written: str | None, value: Any) -> bool:
    """Axis values of cells are text: `0.001` is also 1e-3."""
    if written is None or written == str(value):
        return written is not None
    try:
        return not isinstance(value, bool) and float(written) == float(value)
    except (TypeError, ValueError):
        return False
