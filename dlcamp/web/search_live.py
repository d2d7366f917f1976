"""How far a search is, as a page and its JSON show it: trials that ended, the best so far, those that run, time left.

A running search writes `mlruns/live/<parent>.json`, which holds its newest trials; one that has ended counted them in
its metrics. Where neither is left, the runs of its trials are asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from dlcamp.ablation.state import live_file
from dlcamp.analysis.scale import scale_of, seconds
from dlcamp.analysis.search_words import objective_text
from dlcamp.analysis.searched import SearchTrial, Status
from dlcamp.experiment import Objective
from dlcamp.tracking.protocol import Reader, RunRow
from dlcamp.web.live import read_live, silence
from dlcamp.web.rows import why_stale
from dlcamp.web.search_trials import TrialLine, best_of, fields_of, lines_of, objectives_of, scales_of, trials_of_runs

SHOWN = 20
"""Trials on the live page: those that run, then those that ended last."""
_STATUSES: tuple[Status, ...] = ("WAITING", "RUNNING", "FINISHED", "PRUNED", "FAILED")


@dataclass(frozen=True)
class SearchLive:
    """Everything the live page of a search shows.

    Args:
        ended: whether the parent has ended, so that there is a report to look at instead.
        stale: why nobody works on it any more; empty while somebody may.
        metrics: of the objectives, with their units.
        fields: what is searched.
        all: trials that the study shall have; of one that has ended, those that it has.
        best: `val/accuracy 93.20 % (trial 12)`, by the first objective.
        quiet: how long there was no news, where that is long.
    """

    run: str
    status: str
    ended: bool
    stale: str
    metrics: tuple[str, ...]
    fields: tuple[str, ...]
    rows: tuple[TrialLine, ...]
    done: int
    pruned: int
    failed: int
    running: int
    all: int
    best: str
    left: str
    passed: str
    quiet: str

    parts: ClassVar[tuple[str, ...]] = ("done", "pruned", "failed", "running")
    """Of the bar."""

    def to_json(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return asdict(self) | {"summary": self.summary}

    @property
    def settled(self) -> int:
        """Trials that have ended."""
        return self.done + self.pruned + self.failed

    @property
    def summary(self) -> str:
        """`12 of 30 trials finished, 3 pruned, 1 failed`."""
        others = ((self.pruned, "pruned"), (self.failed, "failed"))
        told = "".join(f", {count:,} {word}" for count, word in others if count)
        trials = f"{self.done:,} of {self.all:,} trials finished{told}"
        return trials if self.all else "no trial has begun"


def search_live(reader: Reader, row: RunRow, now: float | None = None) -> SearchLive:
    """The state of a search.

    Args:
        row: the parent run.
        now: seconds since 1970; default the clock.
    """
    now = time.time() if now is None else now
    state, written = _state(row)
    objectives, fields = objectives_of(row, state), fields_of(row)
    counted = row.status in ("FINISHED", "FAILED") and "search/finished" in row.metrics  # not where it was stopped
    trials = [] if counted else _trials(reader, row, state, objectives, fields)
    fields = fields or tuple(dict.fromkeys(name for trial in trials for name in trial.values))
    scales = scales_of(objectives, trials)
    count = _counts(row, state, trials, counted)
    stale = why_stale(row)
    running = row.status == "RUNNING" and not stale
    eta = state.get("eta_seconds")
    begun = state.get("started")
    return SearchLive(
        run=row.id,
        status=row.status,
        ended=row.status != "RUNNING",
        stale=stale,
        metrics=tuple(scale.axis for scale in scales),
        fields=fields,
        rows=_newest(lines_of(trials, objectives, fields)),
        done=count["FINISHED"],
        pruned=count["PRUNED"],
        failed=count["FAILED"],
        running=count["RUNNING"] if running else 0,
        all=max(_whole(state.get("total")), sum(count.values())),
        best=_best(row, state, trials, objectives),
        left=seconds(float(eta)) if isinstance(eta, (int, float)) and eta > 0 and running else "",
        passed=seconds(max((row.ended or now) - (begun if isinstance(begun, float) else row.started), 0.0)),
        quiet=silence(written, now, stale) if running else "",
    )


def _state(row: RunRow) -> tuple[dict[str, Any], float | None]:
    """The live file of a search with the time it was written; nothing where there is none."""
    found = read_live(row)
    if found is not None and isinstance(found.get("trials"), list):
        with suppress(OSError):  # it has just ended
            return found, live_file(row.id).stat().st_mtime
    return {}, None


def _trials(
    reader: Reader,
    row: RunRow,
    state: Mapping[str, Any],
    objectives: Sequence[Objective],
    fields: Sequence[str],
) -> list[SearchTrial]:
    if not state:
        return trials_of_runs(reader, row, objectives, fields)
    found = [_trial_of_state(one) for one in state["trials"] if isinstance(one, Mapping)]
    return sorted((trial for trial in found if trial is not None), key=lambda trial: trial.number)


def _trial_of_state(one: Mapping[str, Any]) -> SearchTrial | None:
    number, status, values, took = (one.get(name) for name in ("number", "status", "values", "seconds"))
    if not isinstance(number, int) or status not in _STATUSES:
        return None
    objectives = one.get("objectives")
    numbers = [float(value) for value in objectives or () if isinstance(value, (int, float))]
    return SearchTrial(
        number,
        status,
        values if isinstance(values, Mapping) else {},
        0,
        tuple(numbers),
        str(one.get("run") or ""),
        started=0.0 if isinstance(took, (int, float)) else None,
        ended=float(took) if isinstance(took, (int, float)) else None,
        error=str(one.get("error") or ""),
    )


def _counts(row: RunRow, state: Mapping[str, Any], trials: Sequence[SearchTrial], counted: bool) -> dict[str, int]:
    """Trials of each status; the live file holds the newest trials only, and says how many of each there are."""
    if counted:
        words = {"FINISHED": "finished", "PRUNED": "pruned", "FAILED": "failed"}
        return {"RUNNING": 0} | {status: int(row.metrics.get(f"search/{word}", 0)) for status, word in words.items()}
    count = {str(status): sum(trial.status == status for trial in trials) for status in _STATUSES[1:]}
    said = _mapping(state, "counts")
    if said:
        return {status: max(number, _whole(said.get(status))) for status, number in count.items()}
    older = _whole(state.get("settled")) - sum(trial.settled for trial in trials)
    return count | {"FINISHED": count["FINISHED"] + max(older, 0)}


def _best(row: RunRow, state: Mapping[str, Any], trials: Sequence[SearchTrial], objectives: Sequence[Objective]) -> str:
    """The best so far, also where it is older than the trials that the live file holds."""
    if not objectives:
        return ""
    best = best_of(trials, objectives)
    value, number = (best.objectives[0], best.number) if best else (None, None)
    said = _mapping(state, "best")
    for other, known in ((said.get("value"), said.get("number")), (row.metrics.get("search/best"), None)):
        if isinstance(other, (int, float)) and (value is None or objectives[0].better(other, value)):
            value, number = float(other), known
    if value is None:
        return ""
    scale = scale_of(objectives[0].metric, [value])
    unit = " %" if scale.percent else ""
    return f"{scale.metric} {objective_text(value, scale)}{unit}" + (f" (trial {number})" if number is not None else "")


def _newest(lines: Sequence[TrialLine]) -> tuple[TrialLine, ...]:
    """Those that run, then those that ended, the newest first; the best is always among them."""
    running = [line for line in lines if line.state == "running"]
    ended = [line for line in reversed(lines) if line.state not in ("running", "waiting")]
    shown = [*running, *ended][:SHOWN]
    best = [line for line in lines if line.best and line not in shown]
    return (*best, *shown)


def _mapping(state: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = state.get(key)
    return found if isinstance(found, Mapping) else {}


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value == value else 0
