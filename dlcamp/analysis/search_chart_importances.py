"""What each field explains: bars of the shares (PED-ANOVA, Watanabe et al. 2023) for one objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.chart_style import COLOURS, axis, faded, figure, rounded, text
from dlcamp.analysis.searched import Searched

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BARS = 20
"""Fields drawn at most."""


@dataclass(frozen=True)
class ImportancesInfo:
    """Shares of the fields for one objective, the largest first, and the finished trials that they come from."""

    metric: str
    shares: tuple[tuple[str, float], ...]
    trials: int


def importances_info(searched: Searched, index: int = 0) -> ImportancesInfo:
    """The largest shares for one objective; none where there are none."""
    metric = searched.objectives[index].metric
    shares = sorted(searched.importances.get(metric, {}).items(), key=lambda item: -item[1])
    return ImportancesInfo(metric, tuple(shares[:BARS]), len(searched.finished()))


def importances(info: ImportancesInfo) -> Figure:
    """Bars with their shares in percent."""
    from plotly import graph_objects as go

    names, values = [text(name) for name, _ in info.shares], [100 * share for _, share in info.shares]
    places = list(range(len(names)))
    bars = go.Bar(
        x=rounded(values), y=places, orientation="h", text=[_percent(value) for value in values],
        marker={"color": faded(COLOURS[0], 0.6)}, textposition="outside", cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    return figure(
        [bars],
        height=24 * len(names) + 30,
        xaxis=axis(range=[0, max([*values, 1.0]) * 1.1], showticklabels=False, showgrid=False),
        yaxis=axis(tickvals=places, ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False),
        margin={"l": 8, "r": 16, "t": 10, "b": 12},
    )


def _percent(value: float) -> str:
    return f"{value:.0f} %" if value >= 0.95 else f"{value:.1f} %" if value >= 0.05 else "< 0.1 %"
