"""How strengths were chosen: the validation objective of each trial against the value it tried, the chosen starred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import (
    Panel,
    axes_of,
    colours,
    columns_for,
    decades,
    figure,
    labelled,
    panels,
    rounded,
    text,
)
from dlcamp.analysis.scale import short

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dlcamp.analysis.study_files import Tuned


@dataclass(frozen=True)
class TuningPoint:
    """One trial, for one of the fields that it varied."""

    value: float
    objective: float
    chosen: bool
    declared: bool
    where: str


@dataclass(frozen=True)
class TuningPanel:
    """All trials of one variant against one field."""

    variant: str
    field: str
    points: tuple[TuningPoint, ...]

    @property
    def logarithmic(self) -> bool:
        """Values above zero that span more than a factor of fifty."""
        values = [point.value for point in self.points]
        return min(values) > 0 and max(values) / min(values) >= 50


@dataclass(frozen=True)
class TuningInfo:
    """A panel a variant and field; fields that are not numbers have none (the table shows them)."""

    panels: tuple[TuningPanel, ...]
    objective: str
    colours: Mapping[str, str]


def tuning_info(tuned: Sequence[Tuned], variants: Sequence[str], baseline: str = "") -> TuningInfo:
    """Trials that reached their objective; trial 0 of each search is the declared values."""
    found: dict[tuple[str, str], list[TuningPoint]] = {}
    for one in tuned:
        where = ", ".join(f"{axis}={value}" for axis, value in one.axes.items())
        for number, trial in enumerate(one.trials):
            for name in one.fields:
                value = trial.values.get(name)
                if trial.objective is None or isinstance(value, bool) or not isinstance(value, int | float):
                    continue
                chosen = dict(trial.values) == dict(one.chosen)
                point = TuningPoint(float(value), trial.objective, chosen, number == 0, where)
                found.setdefault((one.variant, name), []).append(point)
    made = tuple(TuningPanel(variant, name, tuple(points)) for (variant, name), points in found.items())
    return TuningInfo(made, tuned[0].objective if tuned else "", colours(variants, baseline))


def tuning(info: TuningInfo) -> Figure:
    """Small multiples with a common vertical axis; a ring marks the declared values, a star the chosen ones."""
    grid = []
    traces = []
    for index, panel in enumerate(info.panels):
        colour = info.colours[panel.variant]
        title = f"{panel.variant}: {panel.field}" if panel.field != panel.variant else panel.variant
        x = decades([point.value for point in panel.points]) if panel.logarithmic else {"nticks": 5}
        grid.append(Panel(title, colour, x, {"matches": "y"} if index else {}))
        traces.append(_trace(panel, info.objective, colour, index))
    columns = columns_for(len(grid))
    wide, narrow = (
        panels(labelled(grid, columns), columns, height=150),
        panels(labelled(grid, 2), 2, height=130, left=44),
    )
    return figure(traces, **wide, narrow=narrow)


def _trace(panel: TuningPanel, objective: str, colour: str, index: int) -> Any:
    from plotly import graph_objects as go

    points = sorted(panel.points, key=lambda point: point.value)
    symbols = ["star" if p.chosen else "circle-open" if p.declared else "circle" for p in points]
    hover = [
        f"<b>{text(panel.variant)}</b> {text(point.where)}<br>{text(panel.field)} = {short(point.value)}<br>"
        f"{text(objective)} {short(point.objective)}"
        + ("<br>declared" if point.declared else "")
        + ("<br><b>chosen</b>" if point.chosen else "")
        for point in points
    ]
    one_search = len({point.where for point in points}) == 1
    marker = {"color": colour, "symbol": symbols, "size": [14 if point.chosen else 8 for point in points], "opacity": 1}
    return go.Scatter(
        x=rounded([point.value for point in points]), y=rounded([point.objective for point in points]),
        mode="lines+markers" if one_search else "markers", line={"color": colour, "width": 1, "dash": "dot"},
        marker=marker | {"line": {"width": 1.5, "color": colour}}, text=hover, hovertemplate="%{text}<extra></extra>",
        **axes_of(index),
    )  # fmt: skip
