"""How far a search is, as plain values that pages, files and terminals read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from dlcamp.analysis.searched import SearchTrial
from dlcamp.experiment import Objective
from dlcamp.search.asked import Search

SHOWN = 300
"""Trials in the live file, the newest."""


@dataclass(frozen=True)
class Progress:
    """How far a search is; `eta` in seconds."""

    trials: tuple[SearchTrial, ...]
    total: int
    running: tuple[int, ...]
    eta: float | None

    @property
    def settled(self) -> int:
        """Trials that have ended."""
        return sum(trial.settled for trial in self.trials)


def live(search: Search, parent: str, started: float, progress: Progress) -> dict[str, Any]:
    """What the live page reads."""
    first = search.objectives[0]
    return {
        "kind": "search",
        "experiment": search.base.request.experiment.name,
        "run": parent,
        "started": started,
        "metric": first.metric,
        "direction": first.direction,
        "workers": search.workers,
        "eta_seconds": progress.eta,
        "total": progress.total,
        "settled": progress.settled,
        "counts": dict(Counter(trial.status for trial in progress.trials)),
        "best": _best(first, progress),
        "trials": [_shown(trial) for trial in progress.trials[-SHOWN:]],
    }


def _best(objective: Objective, progress: Progress) -> dict[str, Any] | None:
    sign = -1 if objective.direction == "maximize" else 1
    finished = [trial for trial in progress.trials if trial.status == "FINISHED"]
    best = min(finished, key=lambda trial: (sign * trial.objectives[0], trial.number), default=None)
    return None if best is None else {"number": best.number, "value": best.objectives[0]}


def _shown(trial: SearchTrial) -> dict[str, Any]:
    took = trial.ended - trial.started if trial.started and trial.ended else None
    found = {"number": trial.number, "status": trial.status, "objectives": list(trial.objectives), "run": trial.run}
    return found | {"values": {name: _plain(value) for name, value in trial.values.items()}, "seconds": took}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
