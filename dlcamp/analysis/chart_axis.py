"""A metric against an axis: one line a variant, the interval of each mean as a band."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import ZERO, axis, colours, faded, figure, rounded, text
from dlcamp.analysis.scale import Scale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dlcamp.analysis.findings import ContrastResult, VariantRow


@dataclass(frozen=True)
class AxisPoint:
    """The mean of one variant at one axis value; no interval from one seed."""

    value: str
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class AxisInfo:
    """One metric over the values of one axis, at fixed values of the others.

    Args:
        values: of the axis, in order.
        points: variant -> its points, in the order of the values.
        differences: whether these are differences to the baseline, which is then the line at zero.
    """

    axis: str
    values: tuple[str, ...]
    points: Mapping[str, tuple[AxisPoint, ...]]
    scale: Scale
    colours: Mapping[str, str]
    baseline: str
    title: str
    differences: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        try:
            return all(math.isfinite(float(value)) for value in self.values)
        except ValueError:
            return False

    @property
    def logarithmic(self) -> bool:
        """Numbers that span more than a factor of twenty."""
        numbers = [float(value) for value in self.values] if self.numeric else [0.0]
        return min(numbers) > 0 and max(numbers) / min(numbers) >= 20


def axis_info(
    rows: Sequence[VariantRow],
    name: str,
    values: Sequence[str],
    scale: Scale,
    variants: Sequence[str],
    baseline: str = "",
    at: Mapping[str, str] | None = None,
) -> AxisInfo:
    """Means of the rows at `at` (the other axes) over the values of the axis."""
    points = {}
    for variant in variants:
        here = {
            str(row.axes[name]): row
            for row in rows
            if row.variant == variant and name in row.axes and _others(row.axes, name) == dict(at or {})
        }
        means = [(value, here[value].mean) for value in values if value in here and here[value].n]
        if means:
            points[variant] = tuple(AxisPoint(value, m.mean or 0.0, m.low, m.high, m.n) for value, m in means)
    return AxisInfo(name, tuple(values), points, scale, colours(variants, baseline), baseline, scale.axis)


def gain_info(
    results: Sequence[ContrastResult],
    name: str,
    values: Sequence[str],
    scale: Scale,
    variants: Sequence[str],
    baseline: str,
    at: Mapping[str, str] | None = None,
) -> AxisInfo:
    """Paired differences to the baseline at `at` (the other axes) over the values of the axis."""
    points = {}
    for variant in variants:
        here = {
            str(one.contrast.at[name]): one.paired
            for one in results
            if (at_both := one.contrast.at)
            and one.contrast.first == variant
            and name in at_both
            and _others(at_both, name) == dict(at or {})
        }
        made = [
            AxisPoint(value, paired.difference, paired.low, paired.high, paired.n)
            for value in values
            if (paired := here.get(value)) is not None and paired.difference is not None
        ]
        if made:
            points[variant] = tuple(made)
    title = f"difference to {baseline}{', points' if scale.percent else ''}"
    return AxisInfo(name, tuple(values), points, scale, colours(variants, baseline), baseline, title, differences=True)


def _others(axes: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: str(value) for key, value in axes.items() if key != name}


def by_axis(info: AxisInfo) -> Figure:
    """Lines with markers and bands; on a logarithmic axis where numbers span much."""
    traces: list[Any] = []
    for variant, points in info.points.items():
        traces += _traces(info, variant, points)
    x = axis(title=text(info.axis), tickvals=_positions(info, info.values), ticktext=[text(v) for v in info.values])
    if not info.numeric:
        x |= {"range": [-0.4, len(info.values) - 0.6]}
    elif info.logarithmic:
        x |= {"type": "log"}
    zero = {"zeroline": True, "zerolinecolor": ZERO, "zerolinewidth": 1.5} if info.differences else {}
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemwidth": 30}
    return figure(
        traces,
        height=460,
        xaxis=x,
        yaxis=axis(title=text(info.title)) | zero,
        showlegend=True,
        legend=legend,
        margin={"l": 60, "r": 16, "t": 10, "b": 52},
        narrow={"height": 480, "yaxis": {"title": {"text": ""}}, "margin": {"l": 40, "r": 8, "t": 10, "b": 48}},
    )


def _positions(info: AxisInfo, values: Sequence[str]) -> list[float]:
    return [float(value) if info.numeric else float(info.values.index(value)) for value in values]


def _traces(info: AxisInfo, variant: str, points: Sequence[AxisPoint]) -> list[Any]:
    from plotly import graph_objects as go

    colour, factor = info.colours[variant], info.scale.factor
    x = _positions(info, [point.value for point in points])
    low, high = ([(p.mean if end is None else end) * factor for p, end in ends] for ends in _ends(points))
    written = info.scale.difference if info.differences else info.scale.value
    hover = [
        f"<b>{text(variant)}</b>, {text(info.axis)} = {text(point.value)}<br>{written(point.mean)} "
        f"{info.scale.interval(point.low, point.high)}, n = {point.n}"
        for point in points
    ]
    band = go.Scatter(
        x=[*x, *reversed(x)], y=rounded([*high, *reversed(low)]), fill="toself", fillcolor=faded(colour, 0.13),
        mode="none", hoverinfo="skip", legendgroup=variant, showlegend=False,
    )  # fmt: skip
    line = go.Scatter(
        x=x, y=rounded([point.mean * factor for point in points]), mode="lines+markers", name=text(variant),
        line={"color": colour, "width": 2.2, "dash": "dot" if variant == info.baseline else "solid"},
        marker={"size": 7}, text=hover, hovertemplate="%{text}<extra></extra>", legendgroup=variant,
    )  # fmt: skip
    return [band, line]


def _ends(points: Sequence[AxisPoint]) -> tuple[list[tuple[AxisPoint, float | None]], ...]:
    return [(point, point.low) for point in points], [(point, point.high) for point in points]
