"""What was asked of a search, as one value; checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcamp.experiment import Objective
from dlcamp.runner import Plan
from dlcamp.search.journal import Journal, journal_path
from dlcamp.search.space import SearchSpace, replicate_seeds, study_digest


@dataclass(frozen=True)
class Search:
    """What was asked.

    Args:
        base: the plan of the config that everything not searched is taken from.
        total: trials that the study shall have.
        seed: trials' seeds and proposals are derived from it.
        sampler: the sampler, or Keras Tuner's tuner.
        command: that goes on with it.
        carry_on: whether a change of code, data or environment is accepted (CONTINUE=1).
    """

    space: SearchSpace
    base: Plan
    objectives: tuple[Objective, ...]
    total: int
    command: str
    seed: int = 0
    engine: Literal["optuna", "keras_tuner"] = "optuna"
    sampler: str = "tpe"
    pruner: str = "median"
    workers: int = 1
    threads: int = 1
    carry_on: bool = False

    @property
    def digest(self) -> str:
        """What the study is bound to."""
        engine = self.engine if self.engine == "optuna" else f"{self.engine} {self.sampler}"
        return study_digest(self.space, self.base.request.data, engine, self.objectives, self.seed)

    @property
    def study(self) -> str:
        """The study's name in its journal."""
        return f"{self.base.request.experiment.name}-{self.digest[:16]}"

    @property
    def path(self) -> Path:
        """The study's journal."""
        return journal_path(self.base.request.experiment.name, self.digest)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Of the objectives."""
        return tuple(one.metric for one in self.objectives)

    def fresh_seeds(self, count: int) -> tuple[int, ...]:
        """Seeds that no trial of the search had."""
        return replicate_seeds(self.seed, count)

    def journal(self, create: bool = True) -> Journal:
        """The study's journal, opened; StoreError where it cannot be used."""
        return Journal.open(self.path, self.study, self.objectives, self.space.spaces, create)
