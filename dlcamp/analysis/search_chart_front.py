"""Two objectives against each other: every finished trial, and the front of those that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import BASELINE, axis, decades, faded, figure, rounded, text
from dlcamp.analysis.search_chart_axes import ObjectiveAxis, objective_axis
from dlcamp.analysis.search_chart_history import BEST, DEFAULTS, MOST, thinned
from dlcamp.analysis.search_words import assigned, default_trial, differing
from dlcamp.analysis.searched import Searched, SearchTrial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class FrontPoint:
    """One trial by both objectives."""

    number: int
    first: float
    second: float
    hover: str


@dataclass(frozen=True)
class FrontInfo:
    """The front, sorted by the second objective, and the other trials.

    Args:
        left_out: other trials that are not drawn.
    """

    axes: tuple[ObjectiveAxis, ObjectiveAxis]
    front: tuple[FrontPoint, ...]
    others: tuple[FrontPoint, ...]
    defaults: FrontPoint | None
    left_out: int = 0


def front_info(searched: Searched, front: Sequence[SearchTrial] | None = None) -> FrontInfo:
    """Of a search with two objectives; `front` where it is known already."""
    axes = objective_axis(searched, 0), objective_axis(searched, 1)
    on_it = list(searched.front() if front is None else front)
    numbers = {trial.number for trial in on_it}
    default = default_trial(searched)
    others = [trial for trial in searched.finished() if trial.number not in numbers and not trial.defaults]
    drawn = thinned(others, MOST, searched)
    on_it.sort(key=lambda trial: trial.objectives[1])
    return FrontInfo(
        axes,
        tuple(_point(trial, axes, searched) for trial in on_it),
        tuple(_point(trial, axes, None) for trial in drawn),
        _point(default, axes, searched) if default else None,
        len(others) - len(drawn),
    )


def _point(trial: SearchTrial, axes: Sequence[ObjectiveAxis], searched: Searched | None) -> FrontPoint:
    first, second = trial.objectives
    lines = [f"<b>trial {trial.number}</b>{' (defaults)' if trial.defaults else ''}"]
    lines += [f"{text(a.scale.metric)} {a.text(value)}" for a, value in zip(axes, trial.objectives, strict=True)]
    if searched is not None and not trial.defaults:
        values = differing(trial.values, searched)
        lines += [text(assigned({name: value}, most=24)) for name, value in values.items()]
    return FrontPoint(trial.number, first, second, "<br>".join(lines))


def front(info: FrontInfo) -> Figure:
    """The second objective to the right, the first upwards; the front as a stair with dots."""
    first, second = info.axes
    x = second.layout(title=text(second.title))
    if second.log:
        ends = [second.low * second.scale.factor, second.high * second.scale.factor]
        x = axis(**{**decades(ends), "range": x["range"], "title": text(second.title)})
    starred = [info.defaults] if info.defaults else []
    step = "hv" if second.objective.direction == "minimize" else "vh"  # what is attained between two of the front
    traces = [
        _dots("other trials", info.others, info, {"color": faded(BASELINE, 0.6), "size": 6}),
        _dots(
            "Pareto front", info.front, info, {"color": BEST, "size": 9}, {"color": BEST, "width": 1.6, "shape": step}
        ),
        _dots("defaults", starred, info, {"color": DEFAULTS, "symbol": "diamond", "size": 12}),
    ]
    return figure(
        [trace for trace in traces if trace is not None],
        height=430,
        xaxis=x,
        yaxis=first.layout(title=text(first.title)),
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemwidth": 30},
        margin={"l": 60, "r": 16, "t": 10, "b": 52},
        narrow={"height": 380, "yaxis": {"title": {"text": ""}}, "margin": {"l": 40, "r": 8, "t": 10, "b": 48}},
    )


def _dots(
    name: str,
    points: Sequence[FrontPoint],
    info: FrontInfo,
    marker: dict[str, Any],
    line: dict[str, Any] | None = None,
) -> Any | None:
    from plotly import graph_objects as go

    if not points:
        return None
    first, second = info.axes
    return go.Scatter(
        x=rounded([second.place(point.second) for point in points]),
        y=rounded([first.place(point.first) for point in points]),
        mode="lines+markers" if line else "markers", marker=marker, line=line, name=name,
        text=[point.hover for point in points], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
