"""Parallel coordinates: all searched fields beside each other, a line a finished trial, the good ones in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import faded, figure, rounded, text
from dlcamp.analysis.search_chart_axes import FieldAxis, ObjectiveAxis, field_axis, objective_axis
from dlcamp.analysis.search_chart_slices import COLOURS, varied_fields
from dlcamp.analysis.searched import Searched
from dlcamp.spaces import Float

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class ParallelInfo:
    """Finished trials as lines over the fields that varied and then the objectives, the best drawn last.

    Args:
        rows: one a trial: its places on `fields`, then its objectives' values.
    """

    fields: tuple[FieldAxis, ...]
    objectives: tuple[ObjectiveAxis, ...]
    rows: tuple[tuple[float, ...], ...]


def parallel_info(searched: Searched) -> ParallelInfo:
    """Lines of those trials that have a value on every axis."""
    axes, _ = varied_fields(searched)
    objectives = tuple(objective_axis(searched, index) for index in range(len(searched.objectives)))
    rows = []
    for trial in reversed(searched.ranked()):
        places = [one.place(trial.values.get(one.name)) for one in axes]
        if None not in places:
            rows.append((*(place for place in places if place is not None), *trial.objectives))
    return ParallelInfo(tuple(axes), objectives, tuple(rows))


def parallel(info: ParallelInfo) -> Figure:
    """Bluer is better by the first objective; ranges can be brushed on every axis."""
    from plotly import graph_objects as go

    count = len(info.fields)
    dimensions = [_dimension(one, [row[index] for row in info.rows]) for index, one in enumerate(info.fields)]
    for index, objective in enumerate(info.objectives):
        values = [row[count + index] for row in info.rows]
        dimensions.append(_objective_dimension(objective, values))
    first = info.objectives[0]
    goodness: Sequence[float] = [first.place(row[count]) for row in info.rows]
    ends = min(goodness), max(goodness)
    scale = (
        COLOURS if first.objective.direction == "maximize" else tuple((1 - at, one) for at, one in reversed(COLOURS))
    )
    line = {"color": rounded(goodness), "colorscale": scale, "cmin": ends[0], "cmax": ends[1]}
    trace = go.Parcoords(
        dimensions=dimensions, line=line, labelfont={"size": 12}, tickfont={"size": 11},
        rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it
        unselected={"line": {"color": faded("#8a919c", 0.5), "opacity": 0.1}},
    )  # fmt: skip
    return figure([trace], height=400, margin={"l": 60, "r": 60, "t": 54, "b": 22})


def _dimension(one: FieldAxis, places: Sequence[float]) -> dict[str, Any]:
    positions, labels = zip(*one.ticks, strict=True)
    return {
        "label": _short(one.name), "values": rounded(places), "range": one.range,
        "tickvals": list(positions), "ticktext": [text(label) for label in labels],
    }  # fmt: skip


def _objective_dimension(one: ObjectiveAxis, values: Sequence[float]) -> dict[str, Any]:
    if one.log:
        made = field_axis("", Float(one.low, one.high, log=True), [])
        return _dimension(made, [math.log10(value) for value in values]) | {"label": _short(one.scale.axis)}
    ends = [end * one.scale.factor for end in (one.low, one.high)]
    return {"label": _short(one.scale.axis), "values": rounded([one.place(value) for value in values]), "range": ends}


def _short(name: str) -> str:
    return text(name if len(name) <= 18 else name[:17] + "…")
