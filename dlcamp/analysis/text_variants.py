"""The means of variants as lines of text: a table, or where one axis is crossed, variants by axis values."""

from __future__ import annotations

from collections.abc import Sequence

from dlcamp.analysis.estimates import Mean
from dlcamp.analysis.findings import Findings, VariantRow
from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.analysis.scale import seconds as duration
from dlcamp.analysis.text_columns import WIDTH, columns


def variant_lines(findings: Findings) -> list[str]:
    """Means with intervals; no lines where there are no runs at all."""
    rows = findings.variants
    if not rows:
        return ["no runs yet"]
    axes = list(dict.fromkeys(axis for row in rows for axis in row.axes))
    matrix = _matrix(findings, axes[0]) if len(axes) == 1 else []
    if matrix and max(map(len, matrix)) <= WIDTH:
        return matrix
    return _table(findings)


def mean_scale(metric: str, means: Sequence[Mean]) -> Scale:
    """How the means of one metric are written."""
    return scale_of(metric, [one.mean for one in means], [_half(one) for one in means])


def _half(mean: Mean) -> float | None:
    return (mean.high - mean.low) / 2 if mean.low is not None and mean.high is not None else None


def _table(findings: Findings) -> list[str]:
    """Best first within each combination of axis values; further metrics beside, or below where there are no axes."""
    rows, metric = findings.variants, findings.comparison.metric
    scale = mean_scale(metric, [row.mean for row in rows])
    interval = any(row.mean.low is not None for row in rows)
    head = [scale.axis, "n", "mean", *([f"{findings.level * 100:g} % interval"] if interval else [])]
    groups = _grouped(findings)
    body = [row for _, members in groups for row in members]
    table = [head, *([*_own(row, findings, scale, len(groups) > 1, interval)] for row in body)]
    room = WIDTH - 12 * any(row.failed or row.waiting for row in rows)
    whole, left_out = _widened(table, [*_shown(findings, body), *_cost(body)], room)
    first, *lines = columns(whole)
    lines = [line + _missing(row) for line, row in zip(lines, body, strict=True)]
    made, at = [first], 0
    for name, members in groups:
        made += [*([name] if name else []), *lines[at : at + len(members)]]
        at += len(members)
    if len(groups) > 1:  # many rows: a second table of them would hide the first
        count = len(left_out)
        return [*made, *([f"({count} more metric{'s' if count > 1 else ''} than fit here)"] if left_out else [])]
    while left_out:
        names = [[""], *([_name(row.variant, findings)] for row in body)]
        below, left_out = _widened(names, left_out, WIDTH, at_least=1)
        made += ["", *columns(below)]
    return made


def _widened(
    table: list[list[str]], more: Sequence[list[str]], room: int, at_least: int = 0
) -> tuple[list[list[str]], list[list[str]]]:
    """The table with as many of the columns as fit, in their order; and those that do not."""
    left_out: list[list[str]] = []
    for number, column in enumerate(more):
        wider = [[*line, cell] for line, cell in zip(table, column, strict=True)]
        if number >= at_least and max(map(len, columns(wider))) > room:
            left_out.append(column)
        else:
            table = wider
    return table, left_out


def _grouped(findings: Findings) -> list[tuple[str, list[VariantRow]]]:
    found: dict[str, list[VariantRow]] = {}
    for row in findings.variants:
        found.setdefault(", ".join(f"{axis}={value}" for axis, value in row.axes.items()), []).append(row)
    sign = -1 if findings.comparison.higher_is_better else 1

    def goodness(row: VariantRow) -> tuple[bool, float]:
        return row.mean.mean is None, sign * (row.mean.mean or 0.0)

    return [(name, sorted(members, key=goodness)) for name, members in found.items()]


def _own(row: VariantRow, findings: Findings, scale: Scale, grouped: bool, interval: bool) -> list[str]:
    cells = [("  " if grouped else "") + _name(row.variant, findings), str(row.n), scale.value(row.mean.mean)]
    return [*cells, scale.interval(row.mean.low, row.mean.high)] if interval else cells


def _name(variant: str, findings: Findings) -> str:
    return (variant or "runs") + (" · baseline" if variant and variant == findings.comparison.baseline else "")


def _shown(findings: Findings, rows: Sequence[VariantRow]) -> list[list[str]]:
    found = []
    for metric in findings.comparison.shown:
        means = [row.shown.get(metric) for row in rows]
        scale = mean_scale(metric, [mean for mean in means if mean is not None])
        if any(means):
            found.append([scale.axis, *(scale.value(mean.mean) if mean else "–" for mean in means)])
    return found


def _cost(rows: Sequence[VariantRow]) -> list[list[str]]:
    if not any(row.seconds for row in rows):
        return []
    return [["a run", *(duration(row.seconds.mean) if row.seconds else "–" for row in rows)]]


def _missing(row: VariantRow) -> str:
    parts = [f"{row.failed} failed" if row.failed else "", f"{row.waiting} to come" if row.waiting else ""]
    said = ", ".join(part for part in parts if part)
    return f"  {said}" if said else ""


def _matrix(findings: Findings, axis: str) -> list[str]:
    """A line a variant, a column an axis value; n in brackets where it is not that of most."""
    rows = findings.variants
    values = _in_order(list(dict.fromkeys(row.axes.get(axis, "") for row in rows)))
    cells = {(row.variant, row.axes.get(axis, "")): row for row in rows}
    counts = [row.n for row in rows]
    usual = max(dict.fromkeys(counts), key=counts.count)
    scale = mean_scale(findings.comparison.metric, [row.mean for row in rows])
    table = [[axis, *values]]
    for variant in dict.fromkeys(row.variant for row in rows):
        mine = [cells.get((variant, value)) for value in values]
        table.append([_name(variant, findings), *(_cell(row, scale, usual) for row in mine)])
    notes = [f"n = {usual}" + ("" if set(counts) == {usual} else ", others in brackets")]
    notes += [f"± half of the {findings.level * 100:g} % interval"] if max(counts) > 1 else []
    notes += [f"{sum(row.failed for row in rows)} failed"] if any(row.failed for row in rows) else []
    notes += [f"{sum(row.waiting for row in rows)} to come"] if any(row.waiting for row in rows) else []
    return [f"{scale.axis}  ({'; '.join(notes)})", *columns(table, gap="   ")]


def _cell(row: VariantRow | None, scale: Scale, usual: int) -> str:
    if row is None or row.mean.mean is None:
        return "–"
    half = _half(row.mean)
    text = scale.value(row.mean.mean) + (f" ±{scale.value(half)}" if half is not None else "")
    return text + (f" ({row.n})" if row.n != usual else "")


def _in_order(values: list[str]) -> list[str]:
    try:
        return sorted(values, key=float)
    except ValueError:
        return values
