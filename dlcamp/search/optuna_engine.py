"""Trials proposed by Optuna's samplers, under pruners that look at what runs report."""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from dlcamp.analysis.searched import SearchTrial
from dlcamp.errors import UnknownName, UserError
from dlcamp.search.journal import Journal
from dlcamp.search.space import SearchSpace, trial_seed
from dlcamp.search.translate import distributions
from dlcamp.spaces import Choice

SAMPLERS = ("tpe", "random", "grid", "gp")
PRUNERS = ("median", "hyperband", "none")

_MADE: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
    "gp": lambda seed: GPSampler(seed=seed),
}


def check_sampler(name: str, space: SearchSpace) -> None:
    """Whether the sampler exists, is installed and can search this space.

    Raises:
        UnknownName: no sampler of that name.
        UserError: it is not installed, or the space holds ranges where it takes choices.
    """
    if name not in SAMPLERS:
        raise UnknownName("sampler", name, SAMPLERS)
    if name == "gp" and importlib.util.find_spec("torch") is None:
        raise UserError("SAMPLER=gp needs PyTorch, which is not installed: .venv/bin/pip install torch; or SAMPLER=tpe")
    ranges = [field for field, one in space.spaces.items() if not isinstance(one, Choice)]
    if name == "grid" and ranges:
        choices = [field for field in space.spaces if field not in ranges]
        instead = f"SPACE={','.join(choices)}" if choices else "another sampler"
        raise UserError(
            f"SAMPLER=grid goes through choices, and {', '.join(ranges)} {'are' if len(ranges) > 1 else 'is'} searched "
            f'over a range\ntake {instead}, or fix what is a range: SET="{ranges[0]}=..."'
        )


def check_pruner(name: str, objectives: int) -> str:
    """The pruner's name; several objectives are not pruned.

    Raises:
        UnknownName: no pruner of that name.
        UserError: a pruner was asked for and there are several objectives.
    """
    if name and name not in PRUNERS:
        raise UnknownName("pruner", name, PRUNERS)
    if objectives > 1 and name not in ("", "none"):
        raise UserError(f"PRUNER={name} goes by one objective, and there are {objectives}: leave it out")
    return name or ("median" if objectives == 1 else "none")


def pruner_of(name: str) -> BasePruner:
    """A fresh pruner.

    The median rule (Golovin et al., KDD 2017) begins after five finished trials; Hyperband is Li et al., JMLR 18, 2018.
    """
    if name == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    return HyperbandPruner() if name == "hyperband" else NopPruner()


class OptunaEngine:
    """Proposes by a sampler that is made anew for each trial, seeded by the trial's number.

    So that a study continued tomorrow proposes what it would have proposed today, as long as what has ended is the
    same: with one worker a search is reproducible, however often it was interrupted.
    """

    def __init__(self, journal: Journal, space: SearchSpace, seed: int, sampler: str, pruner: str) -> None:
        self._journal, self._space, self._seed = journal, space, seed
        self.name = sampler
        self._distributions = distributions(space.spaces)
        journal.study.pruner = pruner_of(pruner)

    def ask(self) -> int | None:
        """Open the next trial with the values that the sampler gives; None when a grid is through."""
        number = len(self._journal.study.get_trials(deepcopy=False))
        note = {"seed": trial_seed(self._seed, number), "sampler": self.name}
        if self.name == "grid":
            point = self._next_point()
            return None if point is None else self._journal.add(point, note)
        self._seeded(number)
        trial = self._journal.study.ask(self._distributions)
        self._journal.note(trial.number, **note)
        return trial.number

    def complete(self, number: int) -> None:
        """Let the sampler give the values that the trial lacks."""
        known = self._journal.study.get_trials(deepcopy=False)[number]
        if not known.params.keys() >= self._distributions.keys():
            self._seeded(number)
            trial = optuna.trial.Trial(self._journal.study, known._trial_id)
            for name, one in self._distributions.items():
                trial._suggest(name, one)
        elif self._journal.trial(number).sampler:
            return
        self._journal.note(number, seed=trial_seed(self._seed, number), sampler=self.name)

    def told(self, trial: SearchTrial) -> None:
        """The study in the journal knows it already."""

    def _seeded(self, number: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            name = "tpe" if self.name == "grid" else self.name
            # consecutive seeds give Mersenne Twisters that begin alike: they are spread first
            spread = np.random.SeedSequence(trial_seed(self._seed, number)).generate_state(1)[0]
            self._journal.study.sampler = _MADE[name](int(spread))

    def _next_point(self) -> dict[str, Any] | None:
        """The first combination, in the order of declaration, that no trial has."""
        names = list(self._space.spaces)
        tried = [trial.values for trial in self._journal.trials()]
        options = [one.options for one in self._space.spaces.values() if isinstance(one, Choice)]
        for values in itertools.product(*options):
            point = dict(zip(names, values, strict=True))
            if point not in tried:
                return point
        return None
