"""A search as it went on: every trial's objective by its number, the best so far, and what was pruned or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import BASELINE, COLOURS, axis, faded, figure, rounded, text
from dlcamp.analysis.search_chart_axes import ObjectiveAxis, objective_axis
from dlcamp.analysis.search_words import assigned, default_trial, differing
from dlcamp.analysis.searched import Searched, SearchTrial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FINISHED, BEST, DEFAULTS, FAILED, PRUNED = COLOURS[0], COLOURS[2], COLOURS[1], "#d1495b", BASELINE
MOST = 4000
"""Finished trials drawn; of more, the best and every so many-th other."""
DETAILED = 500
"""Trials up to which a point names its values."""


@dataclass(frozen=True)
class Point:
    """One trial: its value, None where it has none: the last one of a pruned trial is of an earlier step."""

    number: int
    value: float | None
    hover: str


@dataclass(frozen=True)
class HistoryInfo:
    """The trials of one objective by number.

    Args:
        best: the best value so far, where it changes, and once more at the end.
        defaults: the trial of the defaults, if it finished.
        left_out: finished trials that are not drawn.
    """

    axis: ObjectiveAxis
    finished: tuple[Point, ...]
    pruned: tuple[Point, ...]
    failed: tuple[Point, ...]
    best: tuple[Point, ...]
    defaults: Point | None
    left_out: int = 0


def history_info(searched: Searched, index: int = 0) -> HistoryInfo:
    """Points of one objective."""
    where = objective_axis(searched, index)
    all_of_them = searched.finished()
    drawn = thinned(all_of_them, MOST, searched, index)
    points = {trial.number: _point(trial, trial.objectives[index], where, searched) for trial in drawn}
    defaults = default_trial(searched)
    own = defaults.number if defaults else None
    pruned = [trial for trial in searched.trials if trial.status == "PRUNED"]
    return HistoryInfo(
        where,
        tuple(point for number, point in points.items() if number != own),
        tuple(_pruned(trial, where) for trial in pruned),
        tuple(_failed(trial) for trial in searched.trials if trial.status == "FAILED"),
        _best(searched, index),
        _point(defaults, defaults.objectives[index], where, searched) if defaults else None,
        len(all_of_them) - len(drawn),
    )


def thinned(trials: Sequence[SearchTrial], most: int, searched: Searched, index: int = 0) -> list[SearchTrial]:
    """At most so many finished trials, by number: the best eighth, the defaults, and others evenly."""
    if len(trials) <= most:
        return list(trials)
    sign = -1 if searched.objectives[index].direction == "maximize" else 1
    best = {one.number for one in sorted(trials, key=lambda one: sign * one.objectives[index])[: most // 8]}
    kept = [trial for trial in trials if trial.number in best or trial.defaults]
    others = [trial for trial in trials if trial.number not in best and not trial.defaults]
    room = max(most - len(kept), 1)
    kept += [others[at * len(others) // room] for at in range(min(room, len(others)))]
    return sorted(kept, key=lambda one: one.number)


def _point(trial: SearchTrial, value: float, where: ObjectiveAxis, searched: Searched) -> Point:
    hover = f"<b>trial {trial.number}</b>{' (defaults)' if trial.defaults else ''} {where.text(value)}"
    if len(searched.trials) <= DETAILED and not trial.defaults:
        hover += f"<br>{text(assigned(differing(trial.values, searched), most=24)).replace(', ', '<br>')}"
    return Point(trial.number, value, hover)


def _pruned(trial: SearchTrial, where: ObjectiveAxis) -> Point:
    hover = f"<b>trial {trial.number}</b> pruned"
    if trial.curve:
        step, value = trial.curve[-1]
        hover += f" after step {step}, {where.text(value)}"
    return Point(trial.number, None, hover)


def _failed(trial: SearchTrial) -> Point:
    return Point(trial.number, None, f"<b>trial {trial.number}</b> failed<br>{text(trial.error[:120])}")


def _best(searched: Searched, index: int) -> tuple[Point, ...]:
    found: list[Point] = []
    objective, finished = searched.objectives[index], searched.finished()
    for trial in finished:
        value = trial.objectives[index]
        before = found[-1].value if found else None
        if before is None or objective.better(value, before):
            found.append(Point(trial.number, value, ""))
    if found and searched.trials:
        found.append(Point(max(trial.number for trial in searched.trials), found[-1].value, ""))
    return tuple(found)


def history(info: HistoryInfo) -> Figure:
    """Dots, a stair of the best so far, the defaults' value as a dashed line; below them all what has no value."""
    y = info.axis.layout(title=text(info.axis.title))
    upper, lower = _floors(info, y)
    size = 7 if len(info.finished) <= 300 else 5
    grey = faded(PRUNED, 0.9)
    line = {"color": grey, "symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": grey}}
    starred = [info.defaults] if info.defaults else []
    traces = [
        _marks("finished", info.finished, info.axis, {"color": faded(FINISHED, 0.6), "size": size}),
        _stair(info),
        _marks("pruned", info.pruned, info.axis, line, upper),
        _marks("failed", info.failed, info.axis, {"color": FAILED, "symbol": "x", "size": size}, lower),
        _marks("defaults", starred, info.axis, {"color": DEFAULTS, "symbol": "diamond", "size": 12}),
    ]
    return figure(
        [trace for trace in traces if trace is not None],
        height=400,
        xaxis=axis(title="trial", rangemode="nonnegative", nticks=12),
        yaxis=y,
        shapes=_line(info),
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemwidth": 30},
        margin={"l": 60, "r": 16, "t": 10, "b": 52},
        narrow={"height": 380, "yaxis": {"title": {"text": ""}}, "margin": {"l": 40, "r": 8, "t": 10, "b": 48}},
    )


def _floors(info: HistoryInfo, y: dict[str, Any]) -> tuple[float, float]:
    """Room under the values for trials that have none: where the pruned and the failed ones lie."""
    low, high = y["range"]
    rows = [bool(info.pruned), bool(info.failed)]
    y["range"] = [low - 0.07 * sum(rows) * (high - low), high]
    floors = [low - share * (high - low) for share in (0.035, 0.105 if all(rows) else 0.035)]
    upper, lower = (10.0**floor if info.axis.log else floor for floor in floors)
    return upper, lower


def _marks(
    name: str, points: Sequence[Point], where: ObjectiveAxis, marker: dict[str, Any], floor: float = 0.0
) -> Any | None:
    from plotly import graph_objects as go

    if not points:
        return None
    return go.Scatter(
        x=[point.number for point in points], name=name, mode="markers", marker=marker, cliponaxis=False,
        y=rounded([floor if point.value is None else where.place(point.value) for point in points]),
        text=[point.hover for point in points], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _stair(info: HistoryInfo) -> Any | None:
    from plotly import graph_objects as go

    if not info.best:
        return None
    return go.Scatter(
        x=[point.number for point in info.best], mode="lines", name="best so far", hoverinfo="skip",
        y=rounded([None if point.value is None else info.axis.place(point.value) for point in info.best]),
        line={"color": BEST, "width": 2.2, "shape": "hv"},
    )  # fmt: skip


def _line(info: HistoryInfo) -> list[dict[str, Any]]:
    if info.defaults is None or info.defaults.value is None:
        return []
    at = info.axis.place(info.defaults.value)
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "layer": "below"}
        | {"line": {"color": DEFAULTS, "width": 1.3, "dash": "dash"}}
    ]
