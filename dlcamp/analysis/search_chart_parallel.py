"""Parallel coordinates: all searched fields beside each other, a line a finished trial, the good ones in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import faded, figure, rounded, text
from dlcamp.analysis.search_chart_axes import FieldAxis, ObjectiveAxis, field_axis, objective_axis
from dlcamp.analysis.search_chart_history import thinned
from dlcamp.analysis.search_chart_slices import varied_fields
from dlcamp.analysis.searched import Searched
from dlcamp.spaces import Float

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ((0.0, "#a7adb6"), (0.6, "#98a2b0"), (0.9, "#6f9ae0"), (1.0, "#2a6fe0"))
"""From the worst to the best rank."""
LINES = 600


@dataclass(frozen=True)
class ParallelInfo:
    """Finished trials as lines over the fields that varied and then the objectives, the best drawn last.

    Args:
        rows: one a trial: its places on `fields`, then its objectives' values.
        left_out: finished trials that are not drawn.
    """

    fields: tuple[FieldAxis, ...]
    objectives: tuple[ObjectiveAxis, ...]
    rows: tuple[tuple[float, ...], ...]
    left_out: int = 0


def parallel_info(searched: Searched) -> ParallelInfo:
    """Lines of those trials that have a value on every axis."""
    axes, _ = varied_fields(searched)
    objectives = tuple(objective_axis(searched, index) for index in range(len(searched.objectives)))
    rows = []
    ranked = searched.ranked()
    drawn = {trial.number for trial in thinned(ranked, LINES, searched)}
    for trial in reversed([one for one in ranked if one.number in drawn]):
        places = [one.place(trial.values.get(one.name)) for one in axes]
        if None not in places:
            rows.append((*(place for place in places if place is not None), *trial.objectives))
    return ParallelInfo(tuple(axes), objectives, tuple(rows), len(ranked) - len(drawn))


def parallel(info: ParallelInfo) -> Figure:
    """Colours are ranks, so that the best stand out of many; ranges can be brushed on every axis."""
    from plotly import graph_objects as go

    count = len(info.fields)
    columns = [[row[index] for row in info.rows] for index in range(count + len(info.objectives))]
    most = max(110 // max(len(columns) - 1, 1), 7)  # letters of a label, so that it does not reach the next one
    dimensions = [_dimension(one, column, most) for one, column in zip(info.fields, columns, strict=False)]
    dimensions += [
        _objective_dimension(one, column, most) for one, column in zip(info.objectives, columns[count:], strict=True)
    ]
    line = {"color": list(range(len(info.rows))), "colorscale": COLOURS, "cmin": 0, "cmax": max(len(info.rows) - 1, 1)}
    trace = go.Parcoords(
        dimensions=dimensions, line=line, labelfont={"size": 12}, tickfont={"size": 11},
        rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it
        unselected={"line": {"color": faded("#8a919c", 0.5), "opacity": 0.1}},
    )  # fmt: skip
    return figure([trace], height=400, margin={"l": 60, "r": 60, "t": 54, "b": 22})


def _dimension(one: FieldAxis, places: Sequence[float], most: int) -> dict[str, Any]:
    positions, labels = zip(*one.ticks, strict=True)
    return {
        "label": _short(one.name, most), "values": rounded(places), "range": one.range,
        "tickvals": list(positions), "ticktext": list(labels),  # which plotly, unlike labels, does not read as markup
    }  # fmt: skip


def _objective_dimension(one: ObjectiveAxis, values: Sequence[float], most: int) -> dict[str, Any]:
    label = {"label": _short(one.scale.axis, most)}
    if one.log:
        made = field_axis("", Float(one.low, one.high, log=True), [])
        return _dimension(made, [math.log10(value) for value in values], most) | label
    return label | {"values": rounded([one.place(value) for value in values]), "range": one.layout()["range"]}


def _short(name: str, most: int) -> str:
    return text(name if len(name) <= most else name[: most - 1] + "…")
