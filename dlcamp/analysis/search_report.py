"""The report of a search: one self-contained HTML page, which asks for nothing from a network.

    page = search_report.page(searched)

It says first what may be concluded: the replicated ranking where there is one, else that the best of many noisy trials
is not the best config. All text from runs is escaped; run ids stand as text, for frames in which links are dead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.charts import chart_script, figure_div
from dlcamp.analysis.report import UI, environment, style
from dlcamp.analysis.scale import Scale, seconds
from dlcamp.analysis.search_charts import drawings
from dlcamp.analysis.search_words import (
    answer,
    assigned,
    causes,
    counted,
    differing,
    objective_scale,
    objective_text,
    optimism,
    ranking_scale,
    ranks,
    space_text,
    tests,
    value_text,
)
from dlcamp.analysis.searched import Replicated, Searched, SearchTrial
from dlcamp.analysis.text_columns import MARKS

if TYPE_CHECKING:
    from markupsafe import Markup

ALL, BEST, NEWEST = 200, 100, 100
"""Trials up to which the table holds every one; of more, the best and the newest."""
CAUSES = 5
_TEMPLATES = Path(__file__).parent / "templates"
_SECTIONS = {
    "ranking": "Means on new seeds", "history": "The objective by trial", "importances": "Shares of the fields",
    "slices": "The objective against each field", "parallel": "All fields of every finished trial",
    "curves": "The objective while the trials ran", "front": "Both objectives of every finished trial",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One of the figures of a section, ready for a page."""

    id: str
    label: str
    div: Markup
    caption: str


@dataclass(frozen=True)
class Row:
    """One trial as the table shows it; a value is a text and whether it is the default."""

    trial: SearchTrial
    rank: int | None
    objectives: tuple[str, ...]
    values: tuple[tuple[str, bool], ...]
    seconds: float | None


@dataclass(frozen=True)
class Ranking:
    """The replicated configs by one metric, and what the search had measured of it, which is optimistic."""

    scale: Scale
    rows: tuple[Replicated, ...]
    tests: int
    values: Mapping[str, str]
    before: Mapping[str, str]


def page(searched: Searched, ui: str = UI) -> str:
    """The page as text.

    Args:
        searched: what it shows; a search that is still going on has a page too.
        ui: address of MLflow's pages, for the links of runs.
    """
    from plotly.offline import get_plotlyjs

    found = environment()
    raw = found.filters["raw"]
    return found.get_template("search_report.html").render(
        context(searched),
        ui=ui.rstrip("/"),
        plotly=raw(get_plotlyjs()),
        script=raw(chart_script() + _text("search_report.js")),
        style=raw(style() + _text("search_report.css")),
    )


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")


def context(searched: Searched) -> dict[str, Any]:
    """What the template fills in."""
    scales = [objective_scale(searched, index) for index in range(len(searched.objectives))]
    places = ranks(searched)
    front = sorted(searched.front(), key=lambda one: places[one.number]) if len(searched.objectives) > 1 else []
    rows = table_rows(searched, scales)
    failures = causes(searched)
    return {
        "searched": searched,
        "sentences": answer(searched),
        "optimism": optimism(searched),
        "facts": facts(searched),
        "figures": _figures(searched, front),
        "rankings": _rankings(searched, scales[0]),
        "spaces": _spaces(searched),
        "fixed": {name: value_text(value, 60) for name, value in searched.fixed.items()},
        "scales": scales,
        "front": [(trial, _row(trial, None, scales, searched)) for trial in front[:ALL]],
        "front_size": len(front),
        "rows": rows,
        "fields": list(searched.spaces),
        "left_out": len(searched.trials) - len(rows),
        "causes": dict(list(failures.items())[:CAUSES]),
        "more_causes": max(len(failures) - CAUSES, 0),
        "failed": searched.count("FAILED"),
        "changed": sum(trial.changed for trial in searched.trials),
        "finished": len(searched.finished()),
        "marks": MARKS,
    }


def facts(searched: Searched) -> dict[str, str]:
    """The strip under the answer."""
    trials = searched.trials
    took = [trial.ended - trial.started for trial in trials if trial.started is not None and trial.ended is not None]
    begun = [trial.started for trial in trials if trial.started is not None]
    engine = "Keras Tuner" if searched.engine == "keras_tuner" else "Optuna"
    found = {
        "trials": counted(searched),
        "objectives" if len(searched.objectives) > 1 else "objective": ", ".join(map(str, searched.objectives)),
        "proposed by": f"{engine}, {searched.sampler}",
        "pruned by": searched.pruner,
        "data": searched.data,
        "test": searched.scorings.removeprefix(f"test of {searched.data} was "),
        "computed in": seconds(sum(took)) if took else "",
        "workers": str(searched.workers),
        "started": time.strftime("%Y-%m-%d %H:%M", time.localtime(min(begun))) if begun else "",
    }
    return {name: value for name, value in found.items() if value}


def _figures(searched: Searched, front: Sequence[SearchTrial]) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {section: [] for section in _SECTIONS}
    for number, (name, drawing) in enumerate(drawings(searched, front).items()):
        section, _, label = name.partition("/")
        described = f"{_SECTIONS[section]}: {label}" if label else _SECTIONS[section]
        div = figure_div(drawing.figure, f"search-{number}", described)
        found[section].append(Figure(f"search-choice-{number}", label, div, drawing.caption))
    return found


def _spaces(searched: Searched) -> list[tuple[str, str, str, str]]:
    """Field, its space, the default, and the value of the best trial."""
    ranked = searched.ranked()[:1]
    best = ranked[0].values if ranked else {}
    return [
        (name, space_text(space), _value(searched.defaults, name), _value(best, name))
        for name, space in searched.spaces.items()
    ]


def _value(values: Mapping[str, Any], name: str, most: int = 24) -> str:
    return value_text(values[name], most) if name in values else ""


def _rankings(searched: Searched, own: Scale) -> list[Ranking]:
    if searched.replication is None:
        return []
    trials = {trial.number: trial for trial in searched.finished()}
    default = next((number for number, trial in trials.items() if trial.defaults), None)
    found = []
    for rows in (searched.replication.rows, searched.replication.also):
        values = {row.label: assigned(differing(row.values, searched), most=24) for row in rows}
        before = {}
        for row in rows:
            number = default if row.trial is None else row.trial
            trial = trials.get(number) if number is not None and row.metric == own.metric else None
            if trial is not None:
                before[row.label] = objective_text(trial.objectives[0], own)
        if rows:
            found.append(Ranking(ranking_scale(rows), rows, tests(rows), values, before))
    return found


def table_rows(searched: Searched, scales: Sequence[Scale]) -> list[Row]:
    """The finished ones, the best first, then the others, the newest first; of very many the best and the newest."""
    places, ranked = ranks(searched), searched.ranked()
    chosen = [*ranked, *(trial for trial in reversed(searched.trials) if trial.number not in places)]
    if len(chosen) > ALL:
        kept = {trial.number for trial in (*searched.trials[-NEWEST:], *ranked[:BEST])}
        chosen = [trial for trial in chosen if trial.number in kept or trial.defaults]
    return [_row(trial, places.get(trial.number), scales, searched) for trial in chosen]


def _row(trial: SearchTrial, rank: int | None, scales: Sequence[Scale], searched: Searched) -> Row:
    objectives = [objective_text(value, scale) for value, scale in zip(trial.objectives, scales, strict=False)]
    others = differing(trial.values, searched)
    values = tuple((_value(trial.values, name), name not in others) for name in searched.spaces)
    took = trial.ended - trial.started if trial.started is not None and trial.ended is not None else None
    return Row(trial, rank, tuple(objectives) or ("",) * len(scales), values, took)
