"""What each variant costs: seconds of a run, and parameters where the runs count them and they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.chart_style import Panel, axes_of, colours, faded, figure, panels, rounded, text
from dlcamp.analysis.scale import seconds, short

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SECONDS, PARAMETERS = "cost/seconds", "cost/parameters"


@dataclass(frozen=True)
class CostRow:
    """Means over the finished runs of a variant; `each` holds every run's seconds."""

    variant: str
    runs: int
    seconds: float
    each: tuple[float, ...]
    parameters: float | None


@dataclass(frozen=True)
class CostInfo:
    """One row a variant, and all the seconds of the study together."""

    rows: tuple[CostRow, ...]
    total: float
    colours: Mapping[str, str]

    @property
    def parameters_differ(self) -> bool:
        """Whether a plot of parameters says anything."""
        return len({row.parameters for row in self.rows}) > 1 and any(row.parameters for row in self.rows)


def cost_info(cells: Sequence[Cell], variants: Sequence[str], baseline: str = "") -> CostInfo:
    """From the finished cells; seconds as the runs measured them, else from start to end."""
    rows = []
    for variant in variants:
        own = [cell for cell in cells if cell.variant == variant and cell.finished]
        times = [cell.metrics.get(SECONDS, cell.seconds) for cell in own]
        sizes = [cell.metrics[PARAMETERS] for cell in own if PARAMETERS in cell.metrics]
        if own:
            rows.append(CostRow(variant, len(own), fmean(times), tuple(times), fmean(sizes) if sizes else None))
    total = sum(cell.metrics.get(SECONDS, cell.seconds) for cell in cells if cell.status not in ("WAITING", "RUNNING"))
    return CostInfo(tuple(rows), total, colours(variants, baseline))


def cost(info: CostInfo) -> Figure:
    """Bars of the mean seconds with every run as a dot; a second panel for parameters where they differ."""
    from plotly import graph_objects as go

    names = [text(row.variant) for row in info.rows]
    fill = {"color": [faded(info.colours[row.variant], 0.55) for row in info.rows]}
    hover = [f"{text(row.variant)}<br>{seconds(row.seconds)} a run, {row.runs} runs" for row in info.rows]
    traces: list[Any] = [_bars(go, names, [row.seconds for row in info.rows], fill, hover, 0)]
    dots = [(name, value) for name, row in zip(names, info.rows, strict=True) for value in row.each]
    traces.append(
        go.Scatter(x=rounded([value for _, value in dots]), y=[name for name, _ in dots], mode="markers",
                   marker={"size": 5, "color": "#6d7580", "opacity": 0.7}, hoverinfo="skip", **axes_of(0))
    )  # fmt: skip
    common: dict[str, Any] = {"autorange": "reversed", "type": "category", "showgrid": False}
    grid = [Panel("seconds a run", "", {"rangemode": "tozero"}, common)]
    if info.parameters_differ:
        sizes = [row.parameters or 0.0 for row in info.rows]
        hover = [f"{text(row.variant)}<br>{short(row.parameters)} parameters" for row in info.rows]
        traces.append(_bars(go, names, sizes, fill, hover, 1))
        grid.append(Panel("parameters", "", {"rangemode": "tozero"}, common | {"showticklabels": False}))
    height = max(26 * len(names), 80)
    stacked = [grid[0], *(Panel(one.title, "", one.x, common) for one in grid[1:])]
    return figure(traces, **panels(grid, 2, height=height), narrow=panels(stacked, 1, height=height, left=8))


def _bars(go: Any, names: list[str], values: list[float], fill: dict[str, Any], hover: list[str], index: int) -> Any:
    return go.Bar(
        x=rounded(values), y=names, orientation="h", marker=fill, text=hover, textposition="none",
        hovertemplate="%{text}<extra></extra>", **axes_of(index),
    )  # fmt: skip
