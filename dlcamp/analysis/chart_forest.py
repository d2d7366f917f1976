"""The forest plot: the difference of each variant to the baseline with its interval, best at the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import BASELINE, VERDICTS, ZERO, axis, faded, figure, padded, rounded, text
from dlcamp.analysis.scale import Scale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dlcamp.analysis.findings import ContrastResult

ROW = 34  # pixels


@dataclass(frozen=True)
class ForestRow:
    """One difference, in the metric's units; the interval is None where one seed allows none."""

    label: str
    difference: float
    low: float | None
    high: float | None
    verdict: str
    group: str
    hover: str


@dataclass(frozen=True)
class ForestInfo:
    """Rows from top to bottom, groups (axis values) together.

    Args:
        interesting: the smallest interesting difference, shaded on both sides of zero.
    """

    rows: tuple[ForestRow, ...]
    scale: Scale
    baseline: str
    higher_is_better: bool
    interesting: float | None
    level: float


def forest_info(
    contrasts: Sequence[ContrastResult],
    scale: Scale,
    baseline: str,
    higher_is_better: bool = True,
    interesting: float | None = None,
    level: float = 0.95,
) -> ForestInfo:
    """Rows of the contrasts that have a difference, best first within each combination of axis values."""
    groups = list(dict.fromkeys(["", *(_group(result) for result in contrasts)]))
    rows = [_row(result, scale) for result in contrasts if result.paired.difference is not None]
    sign = 1 if higher_is_better else -1
    rows.sort(key=lambda row: (groups.index(row.group), -sign * row.difference))
    return ForestInfo(tuple(rows), scale, baseline, higher_is_better, interesting, level)


def _group(result: ContrastResult) -> str:
    return ", ".join(f"{key}={value}" for key, value in result.contrast.at.items())


def _row(result: ContrastResult, scale: Scale) -> ForestRow:
    paired = result.paired
    interval = scale.interval(paired.low, paired.high, signed=True)
    hover = f"<b>{text(result.label)}</b><br>{scale.difference(paired.difference)} {interval}"
    hover += f"<br>{text(result.verdict)}, n = {paired.n} seeds"
    assert paired.difference is not None
    label = result.contrast.first
    return ForestRow(label, paired.difference, paired.low, paired.high, result.verdict, _group(result), hover)


def forest(info: ForestInfo) -> Figure:
    """Markers with bars; filled where the verdict separates, hollow where it does not."""
    places = _places(info)
    traces: list[Any] = []
    for row, place in zip(info.rows, places, strict=True):
        traces += _marks(row, place, info.scale.factor)
    last = max(places, default=0.0)
    y = axis(tickvals=places, ticktext=[text(row.label) for row in info.rows], range=[last + 0.6, -0.6])
    reached = [end for row in info.rows for end in (row.low, row.difference, row.high) if end is not None]
    zero = {"zeroline": True, "zerolinecolor": ZERO, "zerolinewidth": 1.5}
    x = axis(title=_title(info), range=padded([0.0, *(end * info.scale.factor for end in reached)])) | zero
    narrow = {"margin": {"l": 4, "r": 8, "t": 30, "b": 48}, "xaxis": {"title": {"text": _short_title(info)}}}
    return figure(
        traces,
        height=round(ROW * (last + 1)) + 92,
        xaxis=x,
        yaxis=y | {"showgrid": False, "ticks": "", "fixedrange": True},
        shapes=_shade(info),
        annotations=[*_headings(info, places), *_directions(info)],
        margin={"l": 20, "r": 20, "t": 30, "b": 48},
        narrow=narrow,
    )


def _marks(row: ForestRow, place: float, factor: float) -> list[Any]:
    from plotly import graph_objects as go

    colour = VERDICTS.get(row.verdict, BASELINE)
    low, high = (row.difference if end is None else end for end in (row.low, row.high))
    ends = rounded([low * factor, row.difference * factor, high * factor])
    symbol = "circle" if row.verdict in ("better", "worse", "equivalent") else "circle-open"
    marker = {"size": 11, "color": colour, "symbol": symbol, "line": {"width": 2.5, "color": colour}, "opacity": 1}
    line = {"color": colour, "width": 2.5}
    hover = row.hover + "<extra></extra>"
    return [
        go.Scatter(x=[ends[0], ends[2]], y=[place, place], mode="lines", line=line, hoverinfo="skip"),
        go.Scatter(x=[ends[1]], y=[place], mode="markers", marker=marker, hovertemplate=hover),
    ]


def _places(info: ForestInfo) -> list[float]:
    """Where each row lies, counted in rows from the top; a heading before each group takes one."""
    places: list[float] = []
    at, before = 0.0, ""
    for row in info.rows:
        if row.group and row.group != before:
            at += 1.0 if places else 0.9
        before = row.group
        places.append(at)
        at += 1
    return places


def _headings(info: ForestInfo, places: Sequence[float]) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    before = ""
    for row, place in zip(info.rows, places, strict=True):
        if row.group and row.group != before:
            made.append(
                {"text": f"<b>{text(row.group)}</b>", "x": 0, "xref": "paper", "y": place - 0.85, "yref": "y"}
                | {"showarrow": False, "xanchor": "left", "font": {"size": 12}}
            )
        before = row.group
    return made


def _directions(info: ForestInfo) -> list[dict[str, object]]:
    """Which side is better, over the plot."""
    right, left = ("better →", "← worse") if info.higher_is_better else ("worse →", "← better")
    common = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "yshift": 4}
    return [
        common | {"text": left, "x": 0, "xanchor": "left", "font": {"size": 12}},
        common | {"text": right, "x": 1, "xanchor": "right", "font": {"size": 12}},
    ]


def _shade(info: ForestInfo) -> list[dict[str, object]]:
    if not info.interesting:
        return []
    reach = info.interesting * info.scale.factor
    return [
        {"type": "rect", "x0": -reach, "x1": reach, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
        | {"fillcolor": faded(BASELINE, 0.13), "line": {"width": 0}}
    ]


def _title(info: ForestInfo) -> str:
    return f"{text(info.scale.metric)}: {_short_title(info)}"


def _short_title(info: ForestInfo) -> str:
    to = f" to {text(info.baseline)}" if info.baseline else ""
    return f"difference{to}{', points' if info.scale.percent else ''}"
