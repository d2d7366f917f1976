"""The replicated ranking: means of the best configs on new seeds, and their paired differences to the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import (
    BASELINE,
    COLOURS,
    VERDICTS,
    ZERO,
    Panel,
    axes_of,
    figure,
    padded,
    panels,
    rounded,
    text,
)
from dlcamp.analysis.scale import Scale
from dlcamp.analysis.search_chart_history import DEFAULTS
from dlcamp.analysis.search_words import ranking_scale
from dlcamp.analysis.searched import Replicated

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ROW = 32  # pixels
SURE = ("better", "worse", "equivalent")


@dataclass(frozen=True)
class RankingInfo:
    """Those configs that have a mean, best first."""

    rows: tuple[Replicated, ...]
    scale: Scale


def ranking_info(rows: Sequence[Replicated]) -> RankingInfo:
    """Of the rows of one metric."""
    return RankingInfo(tuple(row for row in rows if row.mean is not None), ranking_scale(rows))


def ranking(info: RankingInfo) -> Figure:
    """Means at the left, differences at the right, a row a config; filled where the verdict separates."""
    places = list(range(len(info.rows)))
    y = {"tickvals": places, "ticktext": [text(row.label) for row in info.rows], "range": [len(places) - 0.4, -0.6]}
    y |= {"showgrid": False, "fixedrange": True}
    means = [_mark(row, at, info, row.mean, row.low, row.high, 0) for at, row in enumerate(info.rows)]
    differences = [
        _mark(row, at, info, row.difference, row.difference_low, row.difference_high, 1)
        for at, row in enumerate(info.rows)
        if row.difference is not None
    ]
    ends = [end for row in info.rows for end in (row.low, row.mean, row.high) if end is not None] or [0.0, 1.0]
    factor, points = info.scale.factor, ", points" if info.scale.percent else ""
    grid = [Panel(f"mean {info.scale.axis}", "", {"range": padded([end * factor for end in ends]), "nticks": 6}, y)]
    if differences:
        reached = [end for row in info.rows for end in (row.difference_low, row.difference, row.difference_high) if end]
        x = {"range": padded([0.0, *(end * factor for end in reached)]), "nticks": 6}
        x |= {"zeroline": True, "zerolinecolor": ZERO, "zerolinewidth": 1.5}
        grid.append(Panel(f"difference to the defaults{points}", "", x, y | {"showticklabels": False}))
    height = max(ROW * len(places), 80)
    stacked = [grid[0], *(Panel(one.title, "", one.x, y) for one in grid[1:])]
    traces = [trace for pair in (*means, *differences) for trace in pair]
    return figure(traces, **panels(grid, 2, height=height), narrow=panels(stacked, 1, height=height, left=8))


def _mark(
    row: Replicated, at: int, info: RankingInfo, value: float | None, low: float | None, high: float | None, panel: int
) -> list[Any]:
    from plotly import graph_objects as go

    colour = (DEFAULTS if row.trial is None else COLOURS[0]) if panel == 0 else VERDICTS.get(row.verdict, BASELINE)
    hollow = panel == 1 and row.verdict not in SURE
    marker = {"size": 11, "color": colour, "symbol": "circle-open" if hollow else "circle"}
    marker |= {"line": {"width": 2.5, "color": colour}}
    scale = info.scale
    said = scale.value(value) if panel == 0 else scale.difference(value)
    hover = f"<b>{text(row.label)}</b><br>{said} {scale.interval(low, high, signed=bool(panel))}, n = {row.n} seeds"
    hover += f"<br>{text(row.verdict)}" if panel and row.verdict else ""
    ends = rounded([None if end is None else end * scale.factor for end in (low, value, high)])
    place = axes_of(panel)
    whisker = go.Scatter(x=[ends[0], ends[2]], y=[at, at], mode="lines", hoverinfo="skip", **place)
    whisker.line = {"color": colour, "width": 2.5}
    dot = go.Scatter(x=[ends[1]], y=[at], mode="markers", marker=marker, text=[hover], **place)
    dot.hovertemplate = "%{text}<extra></extra>"
    return [whisker, dot]
