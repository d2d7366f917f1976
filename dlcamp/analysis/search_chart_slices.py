"""The objective against each searched field, a panel a field: what was tried where, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import Panel, axes_of, columns_for, figure, labelled, panels, rounded, text
from dlcamp.analysis.search_chart_axes import FieldAxis, ObjectiveAxis, field_axis, objective_axis
from dlcamp.analysis.search_chart_history import DEFAULTS, DETAILED, thinned
from dlcamp.analysis.search_words import default_trial, identity, value_text
from dlcamp.analysis.searched import Searched, SearchTrial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ((0.0, "#b3bac4"), (0.5, "#7fa3d9"), (1.0, "#2f6fd0"))
"""From early to late."""
POINTS = 30_000
"""Dots of all panels of all objectives together."""


@dataclass(frozen=True)
class Slice:
    """One panel: (trial number, place, value of the objective, hover) of each trial."""

    axis: FieldAxis
    points: tuple[tuple[int, float, float, str], ...]
    defaults: tuple[int, float, float, str] | None


@dataclass(frozen=True)
class SlicesInfo:
    """Panels of one objective, in the order of the importances where there are some.

    Args:
        fixed: searched fields of which every finished trial had one value; they have no panel.
        last: the highest number of a trial.
        left_out: finished trials that are not drawn.
    """

    objective: ObjectiveAxis
    slices: tuple[Slice, ...]
    fixed: Mapping[str, str]
    last: int
    left_out: int = 0


def slices_info(searched: Searched, index: int = 0) -> SlicesInfo:
    """A panel a field that varied among the finished trials."""
    varied, fixed = varied_fields(searched, index)
    finished, where = searched.finished(), objective_axis(searched, index)
    most = max(POINTS // max(len(varied) * len(searched.objectives), 1), 200)
    drawn, default = thinned(finished, most, searched, index), default_trial(searched)
    detailed = len(drawn) <= DETAILED
    made = []
    for one in varied:
        points = {
            trial.number: _point(trial, one, index, where, detailed) for trial in drawn if one.name in trial.values
        }
        starred = points.pop(default.number, None) if default else None
        made.append(Slice(one, tuple(points.values()), starred))
    last = max((trial.number for trial in searched.trials), default=0)
    return SlicesInfo(where, tuple(made), fixed, last, len(finished) - len(drawn))


def varied_fields(searched: Searched, index: int = 0) -> tuple[list[FieldAxis], dict[str, str]]:
    """Axes of the fields with two values and more, the important ones first; the only value of each other one."""
    shares = searched.importances.get(searched.objectives[index].metric, {})
    varied, fixed = [], {}
    for name in sorted(searched.spaces, key=lambda name: -shares.get(name, 0.0)):
        met = [trial.values[name] for trial in searched.finished() if name in trial.values]
        if len({identity(value) for value in met}) > 1:
            varied.append(field_axis(name, searched.spaces[name], met))
        elif met:
            fixed[name] = value_text(met[0])
    return varied, fixed


def _point(
    trial: SearchTrial, one: FieldAxis, index: int, where: ObjectiveAxis, detailed: bool
) -> tuple[int, float, float, str]:
    value, objective = trial.values[one.name], trial.objectives[index]
    place = one.place(value)
    hover = f"<b>trial {trial.number}</b>{' (defaults)' if trial.defaults else ''}"
    hover += f"<br>{text(one.name)} = {text(value_text(value))}<br>{text(where.scale.metric)} {where.text(objective)}"
    return (
        trial.number,
        (place or 0.0) + (0.0 if trial.defaults else one.jitter(trial.number)),
        objective,
        hover if detailed else "",
    )


def slices(info: SlicesInfo) -> Figure:
    """Small multiples with a common vertical axis; later trials are bluer, the defaults are a diamond."""
    y = info.objective.layout(nticks=6)
    traces = [trace for index, one in enumerate(info.slices) for trace in _traces(info, one, index)]

    def grid(room: int) -> list[Panel]:
        return [
            Panel(_title(one.axis.name, room), "", _ticks(one.axis, room), {**y, **({"matches": "y"} if index else {})})
            for index, one in enumerate(info.slices)
        ]

    columns = columns_for(len(info.slices))
    wide, narrow = (
        panels(labelled(grid(26), columns), columns, height=150),
        panels(labelled(grid(16), 2), 2, height=130, left=44),
    )
    return figure(traces, **wide, narrow=narrow)


def _title(name: str, room: int) -> str:
    return name if len(name) <= room else name[: room - 1] + "…"


def _ticks(one: FieldAxis, room: int) -> dict[str, Any]:
    """Ticks that fit: of numbers every second one, options aslant and cut, where they need more letters than `room`."""
    ticks = list(one.ticks)
    letters = sum(len(label) for _, label in ticks)
    found: dict[str, Any] = {"range": one.range, "tickangle": 0}
    if one.kind == "options" and letters > room:
        most = room // 2 + 1
        ticks = [(place, label if len(label) <= most else label[: most - 1] + "…") for place, label in ticks]
        found |= {"tickangle": -25, "tickfont": {"size": 11}}
    elif one.kind != "options" and letters + 2 * len(ticks) > 1.3 * room:
        ticks = ticks[::2]
    return found | {"tickvals": [place for place, _ in ticks], "ticktext": [text(label) for _, label in ticks]}


def _traces(info: SlicesInfo, one: Slice, index: int) -> list[Any]:
    from plotly import graph_objects as go

    detailed = any(hover for *_, hover in one.points)
    brief = f"trial %{{marker.color}}<br>{text(info.objective.scale.metric)} %{{y:.4g}}"
    marker = {
        "color": [number for number, *_ in one.points], "colorscale": COLOURS, "cmin": 0, "cmax": max(info.last, 1),
        "size": 6 if len(one.points) <= 300 else 4, "opacity": 0.85 if len(one.points) <= 300 else 0.6,
    }  # fmt: skip
    dots = go.Scatter(
        x=rounded([place for _, place, _, _ in one.points]), mode="markers", marker=marker,
        y=rounded([info.objective.place(value) for _, _, value, _ in one.points]),
        hovertemplate=("%{text}" if detailed else brief) + "<extra></extra>",
        **({"text": [hover for *_, hover in one.points]} if detailed else {}), **axes_of(index),
    )  # fmt: skip
    if one.defaults is None:
        return [dots]
    number, place, value, hover = one.defaults
    hover = hover or f"trial {number} (defaults)<br>{info.objective.text(value)}"
    star = go.Scatter(
        x=[place], y=[info.objective.place(value)], mode="markers", text=[hover],
        marker={"color": DEFAULTS, "symbol": "diamond", "size": 10}, hovertemplate="%{text}<extra></extra>",
        **axes_of(index),
    )  # fmt: skip
    return [dots, star]
