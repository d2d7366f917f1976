"""The smaller figures of a search: importances, curves while trials ran, the Pareto front, the replicated ranking.

History, slices and parallel coordinates have modules of their own. Records first, figures from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import BASELINE, COLOURS, axis, faded, figure, rounded, text
from dlcamp.analysis.scale import Scale
from dlcamp.analysis.search_chart_axes import ObjectiveAxis, objective_axis
from dlcamp.analysis.search_chart_history import BEST, DEFAULTS, FINISHED, PRUNED, history, history_info
from dlcamp.analysis.search_chart_parallel import parallel, parallel_info
from dlcamp.analysis.search_chart_slices import slices, slices_info
from dlcamp.analysis.search_words import default_trial, ranking_scale
from dlcamp.analysis.searched import Replicated, Searched, SearchTrial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ALL_CURVES, BEST_CURVES, NEW_CURVES = 300, 20, 100
"""Trials up to which every curve is drawn; of more, the best finished and the newest others."""


@dataclass(frozen=True)
class ImportancesInfo:
    """Objective's metric -> (field, share), the largest first."""

    shares: dict[str, tuple[tuple[str, float], ...]]
    trials: int


def importances_info(searched: Searched) -> ImportancesInfo:
    """Shares of PED-ANOVA, which add up to 1 for each objective."""
    shares = {
        metric: tuple(sorted(found.items(), key=lambda item: -item[1]))
        for metric, found in searched.importances.items()
        if found
    }
    return ImportancesInfo(shares, len(searched.finished()))


def importances(info: ImportancesInfo) -> Figure:
    """A bar a field, a colour an objective."""
    from plotly import graph_objects as go

    fields = [field for field, _ in next(iter(info.shares.values()))][::-1]
    bars = []
    for index, (metric, shares) in enumerate(info.shares.items()):
        known = dict(shares)
        bars.append(
            go.Bar(
                y=[text(field) for field in fields], x=rounded([known.get(field, 0.0) for field in fields]),
                orientation="h", name=text(metric), marker={"color": COLOURS[index % len(COLOURS)]},
                hovertemplate="%{y}: %{x:.1%}<extra></extra>",
            )
        )  # fmt: skip
    several = len(info.shares) > 1
    return figure(
        bars,
        height=90 + 26 * len(fields) * len(info.shares),
        xaxis=axis(title="share of the importance", tickformat=".0%", rangemode="tozero"),
        yaxis=axis(),
        showlegend=several,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        bargap=0.35,
    )


@dataclass(frozen=True)
class CurvesInfo:
    """The first objective by step, of each drawn trial: (number, steps, values)."""

    axis: ObjectiveAxis
    pruned: tuple[SearchTrial, ...]
    finished: tuple[SearchTrial, ...]
    best: SearchTrial | None
    defaults: SearchTrial | None
    left_out: int


def curves_info(searched: Searched) -> CurvesInfo:
    """All curves, or of many trials those of the best and of the newest."""
    with_curve = [trial for trial in searched.trials if len(trial.curve) > 1]
    drawn = with_curve
    if len(with_curve) > ALL_CURVES:
        ranked = [trial.number for trial in searched.ranked()[:BEST_CURVES]]
        newest = [trial.number for trial in with_curve[-NEW_CURVES:]]
        drawn = [trial for trial in with_curve if trial.number in {*ranked, *newest} or trial.defaults]
    finished = tuple(trial for trial in drawn if trial.status == "FINISHED")
    ranked_trials = [trial for trial in searched.ranked() if trial in finished]
    return CurvesInfo(
        objective_axis(searched, 0),
        tuple(trial for trial in drawn if trial.status != "FINISHED"),
        finished,
        ranked_trials[0] if ranked_trials else None,
        default_trial(searched),
        len(with_curve) - len(drawn),
    )


def curves(info: CurvesInfo) -> Figure:
    """One trace a group: lines of trials follow each other with gaps between."""
    groups: list[tuple[str, Sequence[SearchTrial], str, float]] = [
        ("pruned or failed", info.pruned, faded(PRUNED, 0.55), 1.0),
        ("finished", info.finished, faded(FINISHED, 0.3), 1.1),
    ]
    if info.defaults is not None and len(info.defaults.curve) > 1:
        groups.append(("defaults", [info.defaults], DEFAULTS, 2.2))
    if info.best is not None:
        groups.append((f"best, trial {info.best.number}", [info.best], BEST, 2.4))
    traces = [_lines(name, trials, colour, width, info.axis) for name, trials, colour, width in groups if trials]
    return figure(
        traces,
        height=400,
        xaxis=axis(title="step", rangemode="nonnegative"),
        yaxis=axis(title=text(info.axis.title)),
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 16, "t": 10, "b": 52},
    )


def _lines(name: str, trials: Sequence[SearchTrial], colour: str, width: float, where: ObjectiveAxis) -> Any:
    from plotly import graph_objects as go

    steps: list[float | None] = []
    values: list[float | None] = []
    for trial in trials:
        steps += [*(float(step) for step, _ in trial.curve), None]
        values += [*(value * where.scale.factor for _, value in trial.curve), None]
    names = [f"trial {trial.number}" for trial in trials for _ in range(len(trial.curve) + 1)]
    return go.Scatter(
        x=steps, y=rounded(values), mode="lines", name=name, line={"color": colour, "width": width}, text=names,
        hovertemplate="%{text}: %{y} at step %{x}<extra></extra>",
    )  # fmt: skip


@dataclass(frozen=True)
class ParetoInfo:
    """Every finished trial by the first two objectives, and those on the front."""

    axes: tuple[ObjectiveAxis, ObjectiveAxis]
    others: tuple[SearchTrial, ...]
    front: tuple[SearchTrial, ...]
    defaults: SearchTrial | None


def pareto_info(searched: Searched) -> ParetoInfo:
    """The front of two objectives."""
    front = searched.front()
    others = tuple(trial for trial in searched.finished() if trial not in front)
    axes = (objective_axis(searched, 0), objective_axis(searched, 1))
    return ParetoInfo(axes, others, tuple(front), default_trial(searched))


def pareto(info: ParetoInfo) -> Figure:
    """The front over all trials; the second objective lies along the abscissa, where costs are looked for."""
    y, x = info.axes
    ordered = sorted(info.front, key=lambda trial: trial.objectives[1])
    defaults = [info.defaults] if info.defaults else []
    traces = [
        _dots("other trials", info.others, info, {"color": faded(BASELINE, 0.5), "size": 6}, "markers"),
        _dots("Pareto front", ordered, info, {"color": BEST, "size": 9}, "lines+markers"),
        _dots("defaults", defaults, info, {"color": DEFAULTS, "size": 12, "symbol": "diamond"}, "markers"),
    ]
    return figure(
        [trace for trace in traces if trace is not None],
        height=420,
        xaxis=axis(title=text(x.title)),
        yaxis=axis(title=text(y.title)),
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def _dots(name: str, trials: Sequence[SearchTrial], info: ParetoInfo, marker: dict[str, Any], mode: str) -> Any | None:
    from plotly import graph_objects as go

    if not trials:
        return None
    y, x = info.axes
    return go.Scatter(
        x=rounded([trial.objectives[1] * x.scale.factor for trial in trials]),
        y=rounded([trial.objectives[0] * y.scale.factor for trial in trials]),
        mode=mode, name=name, marker=marker, line={"color": marker["color"], "width": 1.4, "shape": "hv"},
        text=[f"trial {trial.number}" for trial in trials], hovertemplate="%{text}: %{y} at %{x}<extra></extra>",
    )  # fmt: skip


@dataclass(frozen=True)
class RankingInfo:
    """The replicated configs, best first."""

    rows: tuple[Replicated, ...]
    scale: Scale


def ranking_info(rows: Sequence[Replicated]) -> RankingInfo:
    """Rows that have a mean."""
    return RankingInfo(tuple(row for row in rows if row.mean is not None), ranking_scale(rows))


def ranking(info: RankingInfo) -> Figure:
    """Means with their intervals, the best at the top; the defaults in their colour."""
    from plotly import graph_objects as go

    rows, factor = info.rows[::-1], info.scale.factor
    colours = [DEFAULTS if row.trial is None else FINISHED for row in rows]
    means = [(row.mean or 0.0) * factor for row in rows]
    upper = [((row.high if row.high is not None else row.mean) or 0.0) * factor for row in rows]
    lower = [((row.low if row.low is not None else row.mean) or 0.0) * factor for row in rows]
    trace = go.Scatter(
        x=rounded(means), y=[text(row.label) for row in rows], mode="markers", marker={"color": colours, "size": 11},
        error_x={
            "type": "data", "symmetric": False, "color": BASELINE, "thickness": 1.6, "width": 4,
            "array": rounded([high - mean for high, mean in zip(upper, means, strict=True)]),
            "arrayminus": rounded([mean - low for low, mean in zip(lower, means, strict=True)]),
        },
        hovertemplate="%{y}: %{x}<extra></extra>",
    )  # fmt: skip
    return figure(
        [trace], height=110 + 40 * len(rows), xaxis=axis(title=text(info.scale.axis)), yaxis=axis(),
    )  # fmt: skip


def figures(searched: Searched) -> dict[str, tuple[str, Figure]]:
    """Section -> (what it shows, figure), in the order of the page; sections without anything to show are left out."""
    found: dict[str, tuple[str, Figure]] = {}
    if searched.replication and any(row.mean is not None for row in searched.replication.rows):
        found["ranking"] = ("Replicated means", ranking(ranking_info(searched.replication.rows)))
    if searched.finished():
        found["history"] = ("Objective by trial", history(history_info(searched)))
        if len(searched.objectives) == 2:
            found["pareto"] = ("Pareto front", pareto(pareto_info(searched)))
    if any(searched.importances.values()):
        found["importances"] = ("Importances", importances(importances_info(searched)))
    if len(searched.finished()) > 1:
        found["slices"] = ("Objective by each field", slices(slices_info(searched)))
        found["parallel"] = ("Parallel coordinates", parallel(parallel_info(searched)))
    if any(len(trial.curve) > 1 for trial in searched.trials):
        found["curves"] = ("Objective while trials ran", curves(curves_info(searched)))
    return found
