"""Runs as dots: one row a group, a dot a seed, the mean with its interval over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import axis, faded, figure, rounded, text
from dlcamp.analysis.estimates import Mean
from dlcamp.analysis.scale import Scale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW = 36  # pixels
_SPREAD = 0.13  # rows between the dots' two lines, so that equal values stay apart


@dataclass(frozen=True)
class Dot:
    """One seed; `counts` is False for a run that did not finish, `hover` names the runs behind it."""

    value: float
    seed: int
    counts: bool
    hover: str


@dataclass(frozen=True)
class DotRow:
    """One group from top to bottom; its mean is over the dots that count."""

    label: str
    colour: str
    dots: tuple[Dot, ...]
    mean: Mean


@dataclass(frozen=True)
class DotsInfo:
    """Rows with how their values are written."""

    rows: tuple[DotRow, ...]
    scale: Scale


def dots(info: DotsInfo) -> Figure:
    """Dots a little above the line of their row, the mean and its interval a little below."""
    traces: list[Any] = []
    for place, row in enumerate(info.rows):
        traces += [_dots(row, place, info.scale, counts) for counts in (True, False)]
        traces += _mean(row, place, info.scale)
    count = max(len(info.rows), 1)
    labels = [text(row.label) for row in info.rows]
    y = axis(tickvals=list(range(len(labels))), ticktext=labels, autorange=False, range=[count - 0.4, -0.6])
    return figure(
        [trace for trace in traces if trace is not None],
        height=ROW * count + 72,
        xaxis=axis(title=text(info.scale.axis), zeroline=False),
        yaxis=y | {"showgrid": True, "zeroline": False, "ticks": "", "fixedrange": True},
        margin={"l": 20, "r": 20, "t": 10, "b": 48},
        narrow=_narrow(labels),
    )


def _narrow(labels: Sequence[str]) -> dict[str, Any]:
    """On a telephone the labels stand over their rows: beside them they would leave no room for the dots."""
    named = [
        {"text": label, "x": 0, "xref": "paper", "xanchor": "left", "y": place - 0.45, "yref": "y", "showarrow": False}
        for place, label in enumerate(labels)
    ]
    return {
        "height": round(1.6 * ROW) * max(len(labels), 1) + 72,
        "yaxis": {"showticklabels": False, "showgrid": False, "range": [max(len(labels), 1) - 0.4, -0.7]},
        "annotations": [one | {"font": {"size": 12}} for one in named],
        "margin": {"l": 6, "r": 8, "t": 6, "b": 48},
    }


def _dots(row: DotRow, place: int, scale: Scale, counts: bool) -> Any:
    from plotly import graph_objects as go

    shown = [dot for dot in row.dots if dot.counts is counts]
    if not shown:
        return None
    marker: Mapping[str, Any] = {"size": 8, "color": faded(row.colour, 0.62), "line": {"width": 0}}
    if not counts:
        marker = {"size": 8, "color": row.colour, "symbol": "circle-open", "line": {"width": 1.5}}
    return go.Scatter(
        x=rounded([dot.value * scale.factor for dot in shown]),
        y=[place - _SPREAD - 0.09 * (dot.seed % 2) for dot in shown],
        mode="markers", marker=marker, text=[dot.hover for dot in shown], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _mean(row: DotRow, place: int, scale: Scale) -> Sequence[Any]:
    from plotly import graph_objects as go

    mean = row.mean
    if mean.mean is None:
        return []
    low, high = (mean.mean if end is None else end for end in (mean.low, mean.high))
    ends = rounded([low * scale.factor, mean.mean * scale.factor, high * scale.factor])
    at = place + 0.16
    hover = f"<b>{text(row.label)}</b><br>{scale.value(mean.mean)} {scale.interval(mean.low, mean.high)}, n = {mean.n}"
    return [
        go.Scatter(x=[ends[0], ends[2]], y=[at, at], mode="lines", hoverinfo="skip",
                   line={"color": row.colour, "width": 2.5}),
        go.Scatter(x=[ends[1]], y=[at], mode="markers", hovertemplate=hover + "<extra></extra>",
                   marker={"size": 11, "color": row.colour, "symbol": "diamond"}),
    ]  # fmt: skip
