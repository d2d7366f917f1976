"""Strengths chosen on validation: of a place's trials, all made on one seed, the best by the experiment's objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlcamp.ablation.design import Place
from dlcamp.ablation.state import Child
from dlcamp.experiment import Objective


@dataclass(frozen=True)
class Choice:
    """What was tried for a place and what was chosen; `strengths` is empty when every trial failed."""

    place: Place
    trials: tuple[Child, ...]
    strengths: Mapping[str, Any]
    metric: str

    @property
    def failed(self) -> bool:
        """Whether nothing could be chosen."""
        return not self.strengths

    def record(self) -> dict[str, Any]:
        """What tuning.json says of it."""
        return {
            "variant": self.place.variant,
            "axes": dict(self.place.axes),
            "fields": sorted({field for trial in self.trials for field in trial.strengths}),
            "objective": self.metric,
            "seed": self.trials[0].seed if self.trials else None,
            "chosen": dict(self.strengths),
            "trials": [
                {
                    "values": dict(trial.strengths),
                    "run": trial.run,
                    "status": trial.status,
                    "objective": trial.metrics.get(self.metric),
                }
                for trial in self.trials
            ],
        }


def choose(place: Place, trials: Sequence[Child], objective: Objective) -> Choice:
    """The strengths of the best finished trial; of equal ones the first (the declared one comes first)."""
    best: Child | None = None
    for trial in trials:
        value = trial.metrics.get(objective.metric)
        if trial.status != "FINISHED" or value is None:
            continue
        if best is None or objective.better(value, best.metrics[objective.metric]):
            best = trial
    return Choice(place, tuple(trials), dict(best.strengths) if best else {}, objective.metric)
