"""The report of a search: one self-contained HTML page, which asks for nothing from a network.

It says first what may be concluded: the replicated ranking where there is one, else that the best of many noisy trials
is not the best config. All text from runs is escaped; run ids stand as text, for frames in which links are dead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.charts import chart_script, figure_div
from dlcamp.analysis.report import UI, environment, style
from dlcamp.analysis.scale import Scale, seconds
from dlcamp.analysis.search_charts import figures
from dlcamp.analysis.search_words import (
    answer,
    causes,
    counted,
    differing,
    objective_scale,
    objective_text,
    optimism,
    ranking_scale,
    ranks,
    tests,
    value_text,
)
from dlcamp.analysis.searched import Replicated, Searched, SearchTrial

if TYPE_CHECKING:
    from markupsafe import Markup

ALL, BEST, NEWEST = 200, 100, 100
"""Trials up to which the table holds every one; of more, the best and the newest."""


@dataclass(frozen=True)
class Row:
    """One trial as the table shows it."""

    trial: SearchTrial
    rank: int | None
    objectives: tuple[str, ...]
    values: tuple[tuple[str, bool], ...]
    seconds: str


def page(searched: Searched, ui: str = UI) -> str:
    """The page as text.

    Args:
        ui: address of MLflow's pages, for the links of runs.
    """
    from plotly.offline import get_plotlyjs

    found = environment()
    return found.get_template("search_report.html").render(
        context(searched),
        ui=ui.rstrip("/"),
        plotly=found.filters["raw"](get_plotlyjs()),
        script=found.filters["raw"](chart_script()),
        style=found.filters["raw"](style()),
    )


def context(searched: Searched) -> dict[str, Any]:
    """What the template fills in."""
    scales = [objective_scale(searched, index) for index in range(len(searched.objectives))]
    rows = _rows(searched, scales)
    replication = searched.replication
    return {
        "searched": searched,
        "sentences": answer(searched),
        "optimism": optimism(searched),
        "facts": _facts(searched),
        "charts": _charts(searched),
        "rankings": [_ranking(rows) for rows in (replication.rows, replication.also) if rows] if replication else [],
        "spaces": {name: (str(space), value_text(searched.defaults[name])) for name, space in searched.spaces.items()},
        "fixed": {name: value_text(value, 60) for name, value in searched.fixed.items()},
        "scales": scales,
        "rows": rows,
        "fields": list(searched.spaces),
        "left_out": len(searched.trials) - len(rows),
        "causes": causes(searched),
        "finished": len(searched.finished()),
    }


def _facts(searched: Searched) -> dict[str, str]:
    took = [trial.ended - trial.started for trial in searched.trials if trial.started and trial.ended]
    found = {
        "trials": counted(searched),
        "objective" + "s" * (len(searched.objectives) > 1): ", ".join(map(str, searched.objectives)),
        "proposed by": f"{searched.engine} {searched.sampler}",
        "pruned by": searched.pruner,
        "data": searched.data,
        "computed in": seconds(sum(took)) if took else "",
        "workers": str(searched.workers),
        "again": searched.command,
        "run": searched.run,
    }
    return {name: value for name, value in found.items() if value}


def _charts(searched: Searched) -> dict[str, Markup]:
    return {name: figure_div(figure, f"search-{name}", label) for name, (label, figure) in figures(searched).items()}


def _ranking(rows: Sequence[Replicated]) -> dict[str, Any]:
    return {"scale": ranking_scale(rows), "rows": rows, "tests": tests(rows)}


def _rows(searched: Searched, scales: Sequence[Scale]) -> list[Row]:
    """The best first, then what has no value, the newest first."""
    places, ranked = ranks(searched), searched.ranked()
    others = [trial for trial in reversed(searched.trials) if trial.number not in places]
    chosen = [*ranked, *others]
    if len(chosen) > ALL:
        newest = {trial.number for trial in searched.trials[-NEWEST:]}
        best = {trial.number for trial in ranked[:BEST]}
        chosen = [trial for trial in chosen if trial.number in best | newest or trial.defaults]
    return [_row(trial, places.get(trial.number), scales, searched) for trial in chosen]


def _row(trial: SearchTrial, rank: int | None, scales: Sequence[Scale], searched: Searched) -> Row:
    objectives = tuple(objective_text(v, scale) for v, scale in zip(trial.objectives, scales, strict=False))
    others = differing(trial.values, searched)
    values = tuple((value_text(trial.values.get(name, "–"), 24), name in others) for name in searched.spaces)
    took = seconds(trial.ended - trial.started) if trial.started and trial.ended else ""
    return Row(trial, rank, objectives, values, took)
