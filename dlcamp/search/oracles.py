"""Keras Tuner's three oracles, following a journal. Importing this module loads TensorFlow: some seconds.

Each trial is laid into an oracle as the journal has it, in the same way whether it has just ended or ended last week,
and every proposal is seeded by its trial's number: what is proposed depends on the journal and SEED alone. The files
are those that Keras Tuner writes; none is read.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial, TrialStatus

from dlcamp.analysis.searched import SearchTrial
from dlcamp.search.space import SearchSpace, nearest_point
from dlcamp.spaces import Choice, Float, Int, Space

METRIC = "objective"
MOST_POINTS = 10_000
"""Up to so many points, what is left of a space is looked for one by one before it counts as exhausted."""


@dataclass(frozen=True)
class Proposed:
    """Values of the searched fields, and what is noted beside them: what Hyperband allots, and the trial's place."""

    values: Mapping[str, Any]
    note: Mapping[str, Any]


class Oracle(Protocol):
    """What the engine asks of an oracle."""

    def follow(self, trial: SearchTrial, place: Mapping[str, Any] | None) -> None:
        """Take a trial as the journal has it, known or not; `place` is what was noted of it."""

    def propose(self, number: int, seed: int) -> Proposed | None:
        """The next trial, or None."""

    def drawn(self, seed: int) -> Mapping[str, Any] | None:
        """Random values that no trial has, or None."""

    def keep(self, number: int) -> None:
        """Write the trial's file and the oracle's."""

    def keep_all(self, folder: Path) -> None:
        """Write all files, into this folder from now on."""


# spaces and values -------------------------------------------------------------------------------------------


def hyperparameters(spaces: Mapping[str, Space]) -> Any:
    """The spaces as Keras Tuner's."""
    found = keras_tuner.HyperParameters()
    for name, space in spaces.items():
        match space:
            case Float(low, high, log):
                found.Float(name, low, high, sampling="log" if log else "linear")
            case Int(low, high, True):
                # its logarithmic steps multiply and ours add: the range is searched whole, and values go to our steps
                found.Int(name, low, high, sampling="log")
            case Int(low, high, _, step):
                found.Int(name, low, high, step=step)
            case Choice():
                found.Choice(name, _labels(space))
    return found


def _labels(space: Choice) -> list[Any]:
    """One type, and no True or False, which would become 1 and 0; Keras Tuner goes by the place in the list anyway."""
    if len({type(one) for one in space.options}) == 1 and type(space.options[0]) in (int, float, str):
        return list(space.options)
    return [repr(one) for one in space.options]


def to_tuner(space: Space, value: Any) -> Any:
    """A config's value as Keras Tuner knows it; one outside of its range goes to the nearest end."""
    if isinstance(space, Choice):
        same = [type(one) is type(value) and one == value for one in space.options]
        return _labels(space)[same.index(True)]
    return nearest_point(space, value)


def from_tuner(space: Space, value: Any) -> Any:
    """The config's value; rounding, and the far end that Keras Tuner oversteps, are put right."""
    if isinstance(space, Choice):
        return space.options[_labels(space).index(value)]
    return nearest_point(space, int(value) if isinstance(space, Int) else float(value))


# following the journal ---------------------------------------------------------------------------------------


class _Follower:
    """What the three have in common; comes before Keras Tuner's class among the bases."""

    spaces: Mapping[str, Space]
    size: int | None

    def follow(self: Any, trial: SearchTrial, place: Mapping[str, Any] | None) -> None:
        known = self.id_of(trial.number)
        self.trials[known] = self._laid_out(trial)
        self.ongoing_trials.pop(known, None)
        if not trial.settled:
            self.ongoing_trials[known] = self.trials[known]
        for order, reached in ((self.start_order, True), (self.end_order, trial.settled)):
            if reached and known not in order:
                order.append(known)
        if trial.values.keys() >= self.spaces.keys():
            self._record_values(self.trials[known])

    def _laid_out(self: Any, trial: SearchTrial) -> Trial:
        found = Trial(self.hyperparameters.copy(), self.id_of(trial.number), _status(trial))
        found.hyperparameters.values = {
            name: to_tuner(space, trial.values[name]) for name, space in self.spaces.items() if name in trial.values
        }
        found.message = trial.error or None
        if found.status == TrialStatus.COMPLETED:
            # Keras Tuner scores a trial by the best of its steps; ours has the value that its run ended with
            found.score, found.best_step = trial.objectives[0], trial.curve[-1][0] if trial.curve else 0
            found.metrics.register(METRIC, direction=self.objective.direction)
            for step, value in (*trial.curve[:-1], (found.best_step, found.score)):
                found.metrics.update(METRIC, value, step=step)
        return found

    def id_of(self: Any, number: int) -> str:
        """Keras Tuner's name of a trial."""
        return f"{number:0{len(str(self.max_trials))}d}"

    def propose(self: Any, number: int, seed: int) -> Proposed | None:
        self.reseed(seed)
        trial = self.create_trial(self.id_of(number))
        if trial.status != TrialStatus.RUNNING:
            return None
        given = trial.hyperparameters.values
        return Proposed(self._read(given), self.noted(number, given))

    def noted(self, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is noted of a proposal beside its values."""
        return {}

    def drawn(self: Any, seed: int) -> dict[str, Any] | None:
        self.reseed(seed)
        given = self._random_values()
        return None if given is None else self._read(given)

    def _read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: from_tuner(space, given[name]) for name, space in self.spaces.items()}

    def reseed(self, seed: int) -> None:
        """Forget earlier draws. Keras Tuner counts its seed up with each value: those of two trials must lie apart."""
        source = random.Random(seed)
        self.seed, self._seed_state = source.getrandbits(31), source.getrandbits(48)

    # writing

    def keep(self: Any, number: int) -> None:
        self._save_trial(self.trials[self.id_of(number)])
        self.save()

    def keep_all(self: Any, folder: Path) -> None:
        self._set_project_dir(str(folder.parent), folder.name)
        for trial in self.trials.values():
            self._save_trial(trial)
        self.save()

    # what has been tried

    def _compute_values_hash(self, values: Mapping[str, Any]) -> str:
        """Of the values that a config would have: two that end on one step are one."""
        own = {n: to_tuner(s, from_tuner(s, values[n])) for n, s in self.spaces.items() if n in values}
        return super()._compute_values_hash(own)  # type: ignore[misc,no-any-return]

    @property
    def exhausted(self: Any) -> bool:
        """Whether every point of the space is a trial."""
        return self.size is not None and len(self._tried_so_far) >= self.size

    def _random_values(self: Any) -> dict[str, Any] | None:
        if self.exhausted:
            return None
        return super()._random_values() or self._left_over()  # type: ignore[misc]

    def _left_over(self: Any) -> dict[str, Any] | None:
        """One of the points not tried yet: Keras Tuner gives a space up after twenty draws in a row that it has had."""
        if self.size is None or self.size > MOST_POINTS:
            return None
        points = (
            dict(zip(self.spaces, one, strict=True)) for one in itertools.product(*map(_points, self.spaces.values()))
        )
        left = [point for point in points if not self._duplicate(point)]
        return random.Random(self._seed_state).choice(left) if left else None


def _status(trial: SearchTrial) -> str:
    if not trial.settled:
        return TrialStatus.RUNNING  # type: ignore[no-any-return]
    good = trial.status == "FINISHED" and math.isfinite(trial.objectives[0])
    return TrialStatus.COMPLETED if good else TrialStatus.FAILED  # type: ignore[no-any-return]


def _points(space: Space) -> list[Any]:
    match space:
        case Choice():
            return _labels(space)
        case Int(low, high, _, step):
            return list(range(low, high + 1, step))
    return [space.low]


# the three ---------------------------------------------------------------------------------------------------


class Random(_Follower, oracles.RandomSearchOracle):
    """Random values that no trial had."""


class Bayesian(_Follower, oracles.BayesianOptimizationOracle):
    """A Gaussian process and its lower confidence bound, after three random trials a searched field."""

    def reseed(self, seed: int) -> None:
        super().reseed(seed)
        self._random_state = np.random.RandomState(self.seed)
        self.gpr = self._make_gpr()

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """As Keras Tuner has it; a point that was tried, which it would train again, gives way to a random one."""
        if self.exhausted:
            return {"status": TrialStatus.STOPPED, "values": None}
        self._fit_to_ended()
        found: dict[str, Any] = super().populate_space(trial_id)
        if found["values"] is not None and self._duplicate(found["values"]):
            found = self._random_populate_space()
        return found

    def _fit_to_ended(self: Any) -> None:
        """Open trials get a predicted score, by the process as it was last fitted: of this session, or never."""
        ended = {known: one for known, one in self.trials.items() if one.status == TrialStatus.COMPLETED}
        if not self.ongoing_trials or len(ended) < self.num_initial_points:
            return
        every, ongoing = self.trials, self.ongoing_trials
        self.trials, self.ongoing_trials = ended, {}
        try:
            self.gpr.fit(*self._vectorize_trials())
        finally:
            self.trials, self.ongoing_trials = every, ongoing


class Hyperband(_Follower, oracles.HyperbandOracle):
    """Successive halving in brackets; each bracket has a number, and each trial's place in it is noted."""

    def _start_new_bracket(self) -> None:
        super()._start_new_bracket()
        self._brackets[-1]["number"] = self._begun

    @property
    def _begun(self) -> int:
        """How many brackets were begun before the newest."""
        return self._current_iteration * self._get_num_brackets() + self._get_num_brackets() - 1 - self._current_bracket

    def follow(self, trial: SearchTrial, place: Mapping[str, Any] | None) -> None:
        super().follow(trial, place)
        if place is None:
            return
        while self._begun < place["bracket"]:
            self._increment_bracket_num()
            self._start_new_bracket()
        past = None if place["promoted"] is None else self.id_of(place["promoted"])
        entry = {"past_id": past, "id": self.id_of(trial.number)}
        for bracket in self._brackets:
            if bracket["number"] == place["bracket"] and entry not in bracket["rounds"][place["round"]]:
                bracket["rounds"][place["round"]].append(entry)

    def noted(self, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """The epochs, and the place: bracket, round, and the trial whose config it has."""
        known = self.id_of(number)
        bracket, level, past = next(
            (bracket["number"], level, entry["past_id"])
            for bracket in self._brackets
            for level, entries in enumerate(bracket["rounds"])
            for entry in entries
            if entry["id"] == known
        )
        place = {"bracket": bracket, "round": level, "promoted": None if past is None else int(past)}
        return {"values": {"epochs": given["tuner/epochs"]}, "oracle": place}


def oracle_of(tuner: str, space: SearchSpace, direction: str, total: int, epochs: int | None) -> Oracle:
    """A fresh oracle.

    Args:
        direction: "MAXIMIZE" or "MINIMIZE".
        total: trials that the study shall have.
        epochs: the most that Hyperband allots.
    """
    common = {
        "objective": keras_tuner.Objective(METRIC, "max" if direction == "MAXIMIZE" else "min"),
        "hyperparameters": hyperparameters(space.spaces),
        "seed": 1,  # 0 and None would be drawn by chance; each proposal is seeded anew
    }
    made: Any
    if tuner == "hyperband":
        # brackets follow each other for as long as trials are asked for
        made = Hyperband(max_epochs=epochs, hyperband_iterations=None, **common)
    elif tuner == "bayesian":
        made = Bayesian(num_initial_points=max(3 * len(space.spaces), 3), **common)
    else:
        made = Random(**common)
    made.max_trials, made.spaces, made.size = total, space.spaces, space.size
    made.verbose = 0
    return made  # type: ignore[no-any-return]
