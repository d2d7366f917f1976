"""The first objective while trials ran: where pruned ones were cut off, and how the best and the defaults went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import BASELINE, COLOURS, axis, faded, figure, padded, rounded, text
from dlcamp.analysis.search_chart_axes import ObjectiveAxis, objective_axis, usual_edge
from dlcamp.analysis.search_chart_history import BEST, DEFAULTS
from dlcamp.analysis.searched import Searched, SearchTrial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ALL, TOP, NEWEST = 300, 20, 100
"""Trials up to which all curves are drawn; else those of the best finished and of the newest others."""
POINTS, FINEST = 24_000, 200
"""Points of all curves together, and of one."""
Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class CurvesInfo:
    """Curves by trial number, in groups that are drawn alike.

    Args:
        groups: "pruned", "finished", "running", "defaults", "best" -> number -> curve, those on top last.
        left_out: trials with a curve that are not drawn.
        low, high: the vertical axis, in the metric's own unit.
    """

    axis: ObjectiveAxis
    groups: Mapping[str, Mapping[int, Curve]]
    left_out: int
    low: float
    high: float


def curves_info(searched: Searched) -> CurvesInfo:
    """Every trial that reported the objective; of failed ones too what they reached."""
    where = objective_axis(searched)
    reported = [trial for trial in searched.trials if trial.curve]
    drawn = _drawn(searched, reported)
    finest = max(min(FINEST, POINTS // max(len(drawn), 1)), 10)
    best = searched.ranked()[0].number if searched.finished() else None
    groups: dict[str, dict[int, Curve]] = {
        name: {} for name in ("pruned", "failed", "finished", "running", "defaults", "best")
    }
    for trial in drawn:
        name = "best" if trial.number == best else "defaults" if trial.defaults else trial.status.lower()
        groups.setdefault(name, {})[trial.number] = _coarse(trial.curve, finest)
    values = [value for trial in drawn for _, value in trial.curve] or [0.0, 1.0]
    ends = [min(values), max(values)]
    edge = usual_edge(values, where.objective)
    if edge is not None:
        ends[0 if where.objective.direction == "maximize" else 1] = edge
    return CurvesInfo(where, {n: g for n, g in groups.items() if g}, len(reported) - len(drawn), ends[0], ends[1])


def _drawn(searched: Searched, reported: Sequence[SearchTrial]) -> list[SearchTrial]:
    if len(reported) <= ALL:
        return list(reported)
    top = {trial.number for trial in searched.ranked()[:TOP]}
    others = [trial.number for trial in reported if trial.number not in top]
    kept = top | set(others[-NEWEST:])
    return [trial for trial in reported if trial.number in kept or trial.defaults]


def _coarse(curve: Curve, most: int) -> Curve:
    """Points at even distances, the last one always among them."""
    if len(curve) <= most:
        return curve
    last = len(curve) - 1
    return tuple(curve[round(at * last / (most - 1))] for at in range(most))


def curves(info: CurvesInfo) -> Figure:
    """One trace a group, its curves apart by gaps; single points as dots."""
    longest = max((curve[-1][0] for group in info.groups.values() for curve in group.values()), default=0)
    x = axis(title="step", **({"dtick": 1} if longest <= 12 else {"nticks": 12}))
    factor = info.axis.scale.factor
    return figure(
        [_trace(name, group, info) for name, group in info.groups.items()],
        height=400,
        xaxis=x,
        yaxis=axis(title=text(info.axis.title), range=padded([info.low * factor, info.high * factor], 0.04)),
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemwidth": 30},
        margin={"l": 60, "r": 16, "t": 10, "b": 52},
        narrow={"height": 380, "yaxis": {"title": {"text": ""}}, "margin": {"l": 40, "r": 8, "t": 10, "b": 48}},
    )


def _trace(name: str, group: Mapping[int, Curve], info: CurvesInfo) -> Any:
    from plotly import graph_objects as go

    steps: list[int | None] = []
    values: list[float | None] = []
    numbers: list[int] = []
    for number, curve in group.items():
        steps += [*(step for step, _ in curve), None]
        values += [*(value * info.axis.scale.factor for _, value in curve), None]
        numbers += [number] * (len(curve) + 1)
    colour, width = _look(name, len(group))
    single = any(len(curve) == 1 for curve in group.values())
    return go.Scatter(
        x=steps, y=rounded(values), mode="lines+markers" if single else "lines", customdata=numbers,
        name=f"{name}, trial {next(iter(group))}" if name in ("best", "defaults") else name,
        line={"color": colour, "width": width}, marker={"size": 4},
        hovertemplate=f"trial %{{customdata}} ({name})<br>step %{{x}}: %{{y:.4g}}<extra></extra>",
    )  # fmt: skip


def _look(name: str, count: int) -> tuple[str, float]:
    """Colour and width; the more curves, the fainter."""
    share = 0.75 if count <= 20 else 0.5 if count <= 60 else 0.3
    thin = {"pruned": faded("#d1495b", share), "failed": faded("#d1495b", share), "running": faded(COLOURS[0], share)}
    strong = {"best": BEST, "defaults": DEFAULTS}
    return (strong[name], 2.6) if name in strong else (thin.get(name, faded(BASELINE, share)), 1.1)
