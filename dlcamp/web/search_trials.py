"""The trials of a search as pages show them: read from their own runs, one line each, the best among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlcamp.analysis.scale import Scale, scale_of, seconds
from dlcamp.analysis.search_words import objective_text, value_text
from dlcamp.analysis.searched import SearchTrial, Status
from dlcamp.endings import STATE_TAG
from dlcamp.experiment import Objective, maximize, minimize
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import Reader, RunRow
from dlcamp.web.rows import SEARCHED, TRIAL_TAG, kind_of


@dataclass(frozen=True)
class TrialLine:
    """One trial as tables show it: everything is text; `objectives` and `values` as the table's columns."""

    number: int
    state: str
    objectives: tuple[str, ...]
    values: tuple[str, ...]
    run: str
    took: str
    best: bool
    error: str = ""


def objectives_of(row: RunRow, state: Mapping[str, Any] | None = None) -> tuple[Objective, ...]:
    """What a search looks for, as its parent says it: `maximize val/cider, minimize cost/parameters`."""
    said = []
    for direction, metric in (one.split() for one in row.params.get("objectives", "").split(",") if " " in one.strip()):
        said.append(minimize(metric) if direction == "minimize" else maximize(metric))
    if not said and state and state.get("metric"):
        metric = str(state["metric"])
        said.append(minimize(metric) if state.get("direction") == "minimize" else maximize(metric))
    return tuple(said)


def fields_of(row: RunRow) -> tuple[str, ...]:
    """What a search varies."""
    return tuple(name.removeprefix("space/") for name in row.params if name.startswith("space/"))


def trials_of_runs(
    reader: Reader, row: RunRow, objectives: Sequence[Objective], fields: Sequence[str]
) -> list[SearchTrial]:
    """The trials as their own runs tell of them, by number."""
    found = reader.runs(row.experiment, tags={PARENT_TAG: row.id})
    trials = {}
    for run in reversed(found):  # of one that was tried again the newest run counts
        if kind_of(run) == SEARCHED and run.tags[TRIAL_TAG].isdecimal():
            trials[int(run.tags[TRIAL_TAG])] = _trial_of_run(run, objectives, fields)
    return [trials[number] for number in sorted(trials)]


def _trial_of_run(run: RunRow, objectives: Sequence[Objective], fields: Sequence[str]) -> SearchTrial:
    status: Status = "FINISHED" if run.status == "FINISHED" else "RUNNING" if run.status == "RUNNING" else "FAILED"
    if run.tags.get(STATE_TAG) == "PRUNED":
        status = "PRUNED"
    metrics = [run.metrics[one.metric] for one in objectives if one.metric in run.metrics]
    return SearchTrial(
        int(run.tags[TRIAL_TAG]),
        status,
        {name: run.params[name] for name in fields if name in run.params},
        int(run.params["seed"]) if run.params.get("seed", "").isdecimal() else 0,
        tuple(metrics) if status == "FINISHED" and len(metrics) == len(objectives) else (),
        run.id,
        started=run.started,
        ended=run.ended,
        error=run.tags.get("dlcamp.error", ""),
    )


def scales_of(objectives: Sequence[Objective], trials: Sequence[SearchTrial]) -> list[Scale]:
    """How each objective is written."""
    return [
        scale_of(one.metric, [trial.objectives[place] for trial in trials if len(trial.objectives) > place])
        for place, one in enumerate(objectives)
    ]


def lines_of(trials: Sequence[SearchTrial], objectives: Sequence[Objective], fields: Sequence[str]) -> list[TrialLine]:
    """One line a trial, in their order."""
    scales = scales_of(objectives, trials)
    best = best_of(trials, objectives)
    return [
        TrialLine(
            number=trial.number,
            state=trial.status.lower(),
            objectives=tuple(
                objective_text(trial.objectives[place], scale) if len(trial.objectives) > place else ""
                for place, scale in enumerate(scales)
            ),
            values=tuple(value_text(trial.values[name]) if name in trial.values else "" for name in fields),
            run=trial.run,
            took=seconds(trial.ended - trial.started) if trial.ended and trial.started is not None else "",
            best=trial is best,
            error=trial.error,
        )
        for trial in trials
    ]


def best_of(trials: Sequence[SearchTrial], objectives: Sequence[Objective]) -> SearchTrial | None:
    """The best by the first objective, of equal ones the earlier; None where none has finished."""
    best: SearchTrial | None = None
    for trial in trials if objectives else ():
        if trial.objectives and (best is None or objectives[0].better(trial.objectives[0], best.objectives[0])):
            best = trial
    return best
