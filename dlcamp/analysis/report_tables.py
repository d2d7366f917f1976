"""The tables of a report as rows of text-ready values: results, a metric by variant and axis value, all pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.judged import against_baseline
from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.analysis.study import Study
from dlcamp.analysis.study_files import place_label

if TYPE_CHECKING:
    from dlcamp.analysis.findings import ContrastResult, Findings, VariantRow
    from dlcamp.analysis.items import ItemDifference


@dataclass(frozen=True)
class Row:
    """One variant, at one combination of axis values, with its difference to the baseline where there is one.

    Args:
        declared: whether that difference was declared, and so tested.
    """

    label: str
    group: str
    variant: VariantRow | None
    result: ContrastResult | None
    baseline: bool
    declared: bool = True


@dataclass(frozen=True)
class Other:
    """A declared difference, how its metric is written, and what was found: no metric but the compared one has a
    direction that is better."""

    result: ContrastResult
    scale: Scale
    word: str


@dataclass(frozen=True)
class Matrix:
    """A table of text with a heading a column; `strong` holds the places (row, column) that stand out."""

    caption: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]
    strong: frozenset[tuple[int, int]] = frozenset()


def result_rows(study: Study) -> list[Row]:
    """Best mean first, groups of axis values together in their order; a contrast that averages axes has its own row."""
    if study.findings is None:
        return []
    tested = [one for one in against_baseline(study.findings) if one.n]
    results = {_key(one.contrast.first, one.contrast.at): one for one in tested}
    baseline = study.comparison.baseline
    described = {_key(one.contrast.first, one.contrast.at): one for one in study.at_places}
    rows = []
    for variant in study.findings.variants:
        key = _key(variant.variant, variant.axes)
        declared = key in results or key not in described
        result = results.pop(key, None) or described.get(key)
        label = variant.variant or study.experiment
        is_baseline = bool(baseline) and variant.variant == baseline
        rows.append(Row(label, place_label(variant.axes), variant, result, is_baseline, declared))
    rows += [Row(one.contrast.first, place_label(_text(one.contrast.at)), None, one, False) for one in results.values()]
    groups = _groups(study)
    sign = -1 if study.comparison.higher_is_better else 1
    return sorted(rows, key=lambda row: (groups.get(row.group, len(groups)), *_goodness(row, sign)))


def _key(variant: str, axes: Mapping[str, object]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return variant, tuple(sorted(_text(axes).items()))


def _text(axes: Mapping[str, object]) -> dict[str, str]:
    return {axis: str(value) for axis, value in axes.items()}


def _groups(study: Study) -> dict[str, int]:
    """Combinations of axis values in their order; "" (averaged over the axes) first."""
    combinations: list[dict[str, str]] = [{}]
    for axis, values in study.axes.items():
        combinations = [one | {axis: value} for one in combinations for value in values]
    return {label: index for index, label in enumerate(dict.fromkeys(["", *map(place_label, combinations)]))}


def _goodness(row: Row, sign: int) -> tuple[bool, float]:
    difference = row.result.paired.difference if row.result is not None else None
    mean = difference if row.variant is None else row.variant.mean.mean if row.variant.n else None
    return mean is None, sign * (mean or 0.0)


def other_rows(study: Study) -> list[Other]:
    """Declared differences that the results do not show: between other variants, or of other metrics."""
    if study.findings is None:
        return []
    shown = {one.label for one in against_baseline(study.findings)}
    metric = study.comparison.metric
    found = {(one.metric, one.label): one for one in study.findings.contrasts}
    others = [one for key, one in found.items() if one.n and (key[0] != metric or key[1] not in shown)]
    return [Other(one, _contrast_scale(one), _word(one, metric)) for one in others]


def item_rows(study: Study, scale: Scale) -> list[tuple[Scale, list[ItemDifference]]]:
    """Differences over seeds and items, metric by metric, each with how it is written."""
    groups: dict[str, list[ItemDifference]] = {}
    for one in study.by_item:
        groups.setdefault(one.metric, []).append(one)
    found = []
    for metric, many in groups.items():
        values = [cell.metrics.get(metric) for cell in study.cells if cell.finished]
        own = scale_of(metric, values, [(one.high - one.low) / 2 for one in many])
        found.append((scale if metric == scale.metric else own, many))
    return found


def without_data(findings: Findings) -> list[ContrastResult]:
    """Declared differences of which no run exists on one side."""
    return list({(one.metric, one.label): one for one in findings.contrasts if not one.n}.values())


def _word(result: ContrastResult, metric: str) -> str:
    if result.metric == metric or result.verdict not in ("better", "worse"):
        return result.verdict
    return "higher" if (result.paired.difference or 0) > 0 else "lower"


def _contrast_scale(result: ContrastResult) -> Scale:
    low, high = result.paired.low, result.paired.high
    half = [(high - low) / 2] if low is not None and high is not None else []
    return scale_of(result.metric, [result.first_mean, result.second_mean], half)


def shown_scales(study: Study) -> dict[str, Scale]:
    """The other metrics of the table, with their scales; those that no run has are left out."""
    if study.findings is None:
        return {}
    found = {}
    for metric in study.comparison.shown:
        means = [row.shown[metric] for row in study.findings.variants if metric in row.shown]
        widths = [(one.high - one.low) / 2 for one in means if one.low is not None and one.high is not None]
        if any(one.mean is not None for one in means):
            found[metric] = scale_of(metric, [one.mean for one in means], widths)
    return found


def axis_matrix(study: Study, scale: Scale) -> Matrix | None:
    """Means of every variant by the values of the only axis, the best of each column strong; None for other grids."""
    if study.findings is None or len(study.axes) != 1:
        return None
    ((axis, values),) = study.axes.items()
    means = {(row.variant, str(row.axes.get(axis))): row.mean for row in study.findings.variants if row.n}
    rows: dict[str, tuple[str, ...]] = {}
    numbers: dict[tuple[int, int], float] = {}
    for number, variant in enumerate(study.variants):
        cells = [means.get((variant, value)) for value in values]
        rows[variant or study.experiment] = tuple(
            "–" if one is None or one.mean is None else scale.value(one.mean) + _half(one.low, one.high, scale)
            for one in cells
        )
        numbers |= {(number, column): one.mean for column, one in enumerate(cells) if one and one.mean is not None}
    pick = max if study.comparison.higher_is_better else min
    columns = [{key: value for key, value in numbers.items() if key[1] == column} for column in range(len(values))]
    strong = frozenset(pick(column, key=lambda key: column[key]) for column in columns if len(column) > 1)
    heads = tuple(f"{axis}={value}" if index == 0 else value for index, value in enumerate(values))
    return Matrix(f"{scale.axis} by {axis}", heads, rows, strong)


def _half(low: float | None, high: float | None, scale: Scale) -> str:
    return "" if low is None or high is None else f" ±{scale.value((high - low) / 2)}"


def pair_matrices(study: Study, scale: Scale) -> list[Matrix]:
    """Row minus column for every pair of variants, at all combinations of axis values; strong: without zero."""
    if study.findings is None:
        return []
    groups: dict[str, list[ContrastResult]] = {}
    for result in study.findings.pairs:
        groups.setdefault(place_label(_text(result.contrast.at)), []).append(result)
    return [_pair_matrix(label, results, study, scale) for label, results in groups.items()]


def _pair_matrix(label: str, results: Sequence[ContrastResult], study: Study, scale: Scale) -> Matrix:
    met = {name for one in results for name in (one.contrast.first, str(one.contrast.second))}
    names = [name for name in study.variants if name in met]
    table = {(row, column): "·" if row == column else "–" for row in names for column in names}
    strong = set()
    for one in results:
        first, second, paired = one.contrast.first, str(one.contrast.second), one.paired
        if paired.difference is None:
            continue
        table[first, second] = scale.difference(paired.difference)
        table[second, first] = scale.difference(-paired.difference)
        if paired.low is not None and paired.high is not None and (paired.low > 0 or paired.high < 0):
            at = names.index(first), names.index(second)
            strong |= {at, at[::-1]}
    rows = {row: tuple(table[row, column] for column in names) for row in names}
    return Matrix(label, tuple(names), rows, frozenset(strong))
