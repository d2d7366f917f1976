"""Optuna's samplers keep the contract of engines."""

from __future__ import annotations

import importlib.util

import pytest

from dlcamp.errors import UnknownName, UserError
from dlcamp.search.journal import Journal
from dlcamp.search.optuna_engine import OptunaEngine, check_pruner, check_sampler
from tests.contracts.searching import (
    Choices,
    EndingContract,
    EngineContract,
    Everything,
    LearningContract,
    Study,
    space_of,
)


class OptunaContract(EngineContract):
    def engine(self, journal: Journal, study: Study, total: int = 1000) -> OptunaEngine:
        return OptunaEngine(journal, study.space, study.seed, self.name, "none")


class TestTpe(OptunaContract, LearningContract):
    name = "tpe"
    learning_trials = 25


class TestRandom(OptunaContract):
    name = "random"


class TestGrid(OptunaContract, EndingContract):
    name = "grid"
    config = Choices


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="SAMPLER=gp needs PyTorch")
class TestGp(OptunaContract, LearningContract):
    name = "gp"
    learning_trials = 15


def test_an_unknown_sampler_or_pruner_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'random'"):
        check_sampler("randm", space_of(Everything))
    with pytest.raises(UnknownName, match="did you mean 'median'"):
        check_pruner("medain", 1)


def test_a_grid_over_a_range_is_refused_with_what_to_take_instead() -> None:
    with pytest.raises(UserError, match=r"rate, dropout, batch, width, layers\.units are searched over a range"):
        check_sampler("grid", space_of(Everything))
    check_sampler("grid", space_of(Choices))


def test_several_objectives_are_not_pruned() -> None:
    assert check_pruner("", 2) == "none"
    assert check_pruner("", 1) == "median"
    with pytest.raises(UserError, match="PRUNER=median goes by one objective, and there are 2"):
        check_pruner("median", 2)
