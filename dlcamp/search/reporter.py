"""What a trial's run reports, written into the journal while it runs, and the pruner asked about it.

It runs in the worker. The body knows nothing of it: it calls `run.metrics` as ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import optuna

from dlcamp.guards import Pruned
from dlcamp.search.journal import RUN
from dlcamp.search.journal_file import storage_of
from dlcamp.search.optuna_engine import pruner_of

SPARED = 0.25
"""The median rule leaves trials alone in their first quarter: what learns slowly is often what ends well."""


class Reporter:
    """Watches one run for one trial (`tracking.handle.Watch`).

    Args:
        journal: path of the study's journal.
        study: its name.
        number: of the trial.
        metric: what is reported of: the first objective's.
        pruner: "none" reports and gives nothing up.
    """

    def __init__(self, journal: str, study: str, number: int, metric: str, pruner: str) -> None:
        self._study, self._number, self._metric, self._pruner = _study(journal, study, pruner), number, metric, pruner
        trials = self._study.get_trials(deepcopy=False)
        self._trial = optuna.trial.Trial(self._study, trials[number]._trial_id)
        self._known = set(trials[number].intermediate_values)
        longest = max(
            (one.last_step or 0 for one in trials if one.state == optuna.trial.TrialState.COMPLETE), default=0
        )
        self._spared = longest * SPARED if pruner == "median" else 0

    def begins(self, run_id: str) -> None:
        """Link the trial to its run, before anything can go wrong in it."""
        self._trial.set_user_attr(RUN, run_id)

    def reports(self, values: Mapping[str, float], step: int | None) -> None:
        """Write the objective's value at a step once, and ask the pruner.

        Raises:
            Pruned: the pruner gives the trial up.
        """
        if self._metric not in values or step is None or step in self._known:
            return
        value = float(values[self._metric])
        self._known.add(step)
        if self._pruner == "none":
            # not by Trial.report, which refuses where there are several objectives: their curves are kept too
            self._study._storage.set_trial_intermediate_value(self._trial._trial_id, step, value)
            return
        self._trial.report(value, step)
        if not math.isfinite(value):
            raise Pruned(f"{self._metric} is {value} at step {step}")
        if step > self._spared and self._trial.should_prune():
            raise Pruned(f"{self._metric} = {value:.4g} at step {step} ({self._pruner})")


@cache
def _study(journal: str, name: str, pruner: str) -> optuna.Study:
    """The study, read once a process."""
    return optuna.load_study(study_name=name, storage=storage_of(Path(journal)), pruner=pruner_of(pruner))
