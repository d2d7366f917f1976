"""Keras Tuner's oracles keep the contract of engines, whatever a killed process left of their files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.analysis.searched import SearchTrial
from dlcamp.config import ExperimentConfig, tune
from dlcamp.errors import UnknownName, UserError
from dlcamp.paths import REPOSITORY
from dlcamp.search.journal import Journal
from dlcamp.search.keras_tuner_engine import TUNERS, KerasTunerEngine, check_tuner, first_bracket
from dlcamp.spaces import Choice, Float, Int
from tests.contracts.searching import (
    Choices,
    Direction,
    EndingContract,
    EngineContract,
    Everything,
    LearningContract,
    Letters,
    Line,
    Study,
    end,
    enqueue_defaults,
    off,
    proposals,
    score_of,
    space_of,
    whole,
)
from tests.search.made_tuners import Plane, made


class KerasTunerContract(EngineContract):
    def engine(self, journal: Journal, study: Study, total: int = 1000) -> KerasTunerEngine:
        return made(journal, study, self.name, total)


class TestHyperband(KerasTunerContract, EndingContract):
    name = "hyperband"


class TestBayesian(KerasTunerContract, EndingContract, LearningContract):
    name = "bayesian"
    few = Letters
    learning_trials = 7


class TestRandom(KerasTunerContract, EndingContract):
    name = "random"


# what is asked for -------------------------------------------------------------------------------------------


def test_checking_a_tuner_and_importing_the_module_load_neither_keras_tuner_nor_tensorflow() -> None:
    probe = (
        "import sys; from dlcamp.search.keras_tuner_engine import check_tuner, KerasTunerEngine; "
        "from tests.contracts.searching import space_of, Line; check_tuner('hyperband', space_of(Line), 1); "
        "print({'keras_tuner', 'tensorflow', 'keras', 'sklearn'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_unknown_tuner_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'bayesian'"):
        check_tuner("bayesan", space_of(Line), 1)


@pytest.mark.parametrize("tuner", TUNERS)
def test_several_objectives_are_refused(tuner: str) -> None:
    with pytest.raises(UserError, match="one objective, and there are 2"):
        check_tuner(tuner, space_of(Line), 2)


@pytest.mark.parametrize("module", ["keras_tuner", "tensorboard"])
def test_what_is_not_installed_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"pip install {module.replace('_', '-')}"):
        check_tuner("random", space_of(Line), 1)


class Searched(ExperimentConfig):
    x: float = tune(0.5, space=Float(0, 1))
    epochs: int = tune(9, space=Int(3, 30))


class Unnamed(ExperimentConfig):
    x: float = tune(0.5, space=Float(0, 1))


class Real(ExperimentConfig):
    x: float = tune(0.5, space=Float(0, 1))
    epochs: float = 9.0


class Even(ExperimentConfig):
    x: float = tune(0.5, space=Float(0, 1))
    epochs: int = tune(20, valid=Int(2, 1000, step=2))


@pytest.mark.parametrize(
    ("config", "fixed", "message"),
    [
        (Searched, {}, "leave epochs out of SPACE"),
        (Unnamed, {}, "toy has no whole-numbered field `epochs`"),
        (Real, {}, "toy has no whole-numbered field `epochs`"),
        (Line, {"epochs": 2}, "toy has epochs=2: SET=epochs=9 or more"),
        (Even, {}, "for 3 of 20 epochs, and toy's epochs take 2 to 1000 in steps of 2"),
        (Choices, {"epochs": 50}, "begins with 34 different configs, and the space holds 17 beside the defaults"),
    ],
)
def test_hyperband_needs_epochs_that_it_can_allot(
    config: type[ExperimentConfig], fixed: dict[str, int], message: str
) -> None:
    check_tuner("random", space_of(config, **fixed), 1)
    with pytest.raises(UserError, match=message):
        check_tuner("hyperband", space_of(config, **fixed), 1)


def test_hyperband_says_when_the_trials_end_before_it_keeps_anything() -> None:
    with pytest.raises(UserError, match=r"first round is 34 trials of 2 epochs\nTRIALS=53 is the defaults and one"):
        check_tuner("hyperband", space_of(Line, epochs=30), 1, total=30)
    check_tuner("hyperband", space_of(Line, epochs=30), 1, total=53)


# spaces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.999999, 1.0])
def test_values_at_every_share_of_a_range_lie_in_the_space_and_come_back(share: float) -> None:
    from dlcamp.search.oracles import from_tuner, hyperparameters, to_tuner

    spaces = space_of(Everything).spaces
    for field in hyperparameters(spaces).space:
        space = spaces[field.name]
        value = from_tuner(space, field.prob_to_value(share))
        assert value in space, field.name
        assert from_tuner(space, to_tuner(space, value)) == value
        assert 0 <= field.value_to_prob(to_tuner(space, value)) <= 1


def test_options_of_several_types_are_told_apart() -> None:
    from dlcamp.search.oracles import from_tuner, to_tuner

    options = (1, "1", 1.0, True, None, "True", (1,))
    space = Choice(*options)
    assert len({to_tuner(space, one) for one in options}) == len(options)
    assert [repr(from_tuner(space, to_tuner(space, one))) for one in options] == [repr(one) for one in options]


def test_a_default_outside_of_its_range_is_taken_as_the_nearest_point(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    journal.enqueue({"x": 5.0}, {"seed": 1, "sampler": "defaults", "defaults": True, "values": {"x": 70.0}})
    engine = made(journal, study, "bayesian")
    assert journal.reopen() == 0
    journal.finish(0, [1.0])
    engine.told(journal.trial(0))
    assert engine.ask() == 1


# Hyperband ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [3, 8, 9, 27, 50, 243, 1000])
def test_the_first_bracket_is_the_one_of_keras_tuner(most: int) -> None:
    from keras_tuner.oracles import HyperbandOracle

    oracle = HyperbandOracle(max_epochs=most)
    top = oracle._get_num_brackets() - 1
    theirs = [(oracle._get_size(top, level), oracle._get_epochs(top, level)) for level in range(top + 1)]
    assert first_bracket(most) == theirs


def test_hyperband_gives_the_best_of_a_round_more_epochs(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    trials = whole(made(journal, study, "hyperband"), journal, 13 + 7 + 3, off)
    assert [trial.values["epochs"] for trial in trials[:13]] == [1] * 9 + [3] * 3 + [9]
    assert [trial.values["epochs"] for trial in trials[13:20]] == [3] * 5 + [9] * 2
    assert [trial.values["epochs"] for trial in trials[20:]] == [9] * 3
    kept = sorted(trials[:9], key=off)[:3]
    assert {trial.values["x"] for trial in trials[9:12]} == {trial.values["x"] for trial in kept}
    assert trials[12].values["x"] == kept[0].values["x"]
    assert all(trial.seed == 8_000_000 + trial.number for trial in trials)


def test_hyperband_begins_again_when_more_trials_are_asked_for_than_its_brackets_take(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    trials = whole(made(journal, study, "hyperband"), journal, 23 + 13, off)
    assert [trial.values["epochs"] for trial in trials[23:]] == [1] * 9 + [3] * 3 + [9]


@pytest.mark.parametrize("tuner", TUNERS)
def test_with_workers_side_by_side_sessions_cut_anywhere_go_as_one_does(tuner: str, tmp_path: Path) -> None:
    """Three trials are open at a time; they end out of order; some fail."""

    def run(study: Study, fresh_after: int) -> list[SearchTrial]:
        journal = study.journal()
        engine = made(journal, study, tuner)
        running: list[int] = []
        for step in range(26 if tuner == "hyperband" else 6):
            if step % fresh_after == fresh_after - 1:
                journal = study.journal()
                engine = made(journal, study, tuner)
            while len(running) < 3:
                number = engine.ask()
                assert number is not None
                running.append(number)
            number = running.pop((step * 2) % 3)
            end(engine, journal, number, lambda trial: off(trial) + trial.number / 100)
        return journal.trials()

    space = space_of(Line if tuner == "bayesian" else Plane)  # bayesian: one field, three random trials
    once = run(Study(tmp_path / "once", space), 1000)
    for every in (1, 3):
        again = run(Study(tmp_path / f"every{every}", space), every)
        assert proposals(again) == proposals(once)
        assert [trial.status for trial in again] == [trial.status for trial in once]


# what it takes for good --------------------------------------------------------------------------------------


def test_the_score_is_the_final_objective_and_not_the_best_step(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    engine = made(journal, study, "random")
    assert engine.ask() == 0
    trial = replace(journal.trial(0), status="FINISHED", objectives=(3.0,), curve=((0, 5.0), (1, 1.0), (2, 2.9)))
    engine.told(trial)
    saved = json.loads((study.path.with_suffix(".keras_tuner") / "trial_0000" / "trial.json").read_text())
    assert (saved["score"], saved["best_step"], saved["status"]) == (3.0, 2, "COMPLETED")
    assert [one["step"] for one in saved["metrics"]["metrics"]["objective"]["observations"]] == [0, 1, 2]


def test_an_infinite_objective_is_no_result_to_learn_from(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    engine = made(journal, study, "bayesian")
    whole(engine, journal, 3, lambda trial: off(trial) if trial.number else float("inf"))
    assert engine.ask() == 3


def test_trials_end_with_the_total(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    engine = made(journal, study, "random", total=3)
    assert [engine.ask() for _ in range(4)] == [0, 1, 2, None]
    journal = study.journal()
    more = made(journal, study, "random", total=5)
    assert [more.ask() for _ in range(3)] == [3, 4, None]


def test_what_waits_is_not_proposed_again_before_it_is_taken_up(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Choices))
    journal = study.journal()
    enqueue_defaults(journal, study)
    engine = made(journal, study, "random")
    asked = [engine.ask() for _ in range(17)]
    assert asked == list(range(1, 18))
    assert len({repr(sorted(trial.values.items())) for trial in journal.trials()}) == 18
    assert engine.ask() is None


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_bayesian_tuner_finds_a_point_of_a_plane(direction: Direction, tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Plane), direction)
    sign = 1 if direction == "minimize" else -1
    journal = study.journal()

    def away(trial: SearchTrial) -> float:
        return off(trial) + (trial.values["y"] + 2) ** 2

    trials = whole(made(journal, study, "bayesian"), journal, 25, lambda trial: sign * away(trial))
    assert min(away(trial) for trial in trials) < 100 / (3.14 * 26)


@pytest.mark.slow
@pytest.mark.parametrize("tuner", ["hyperband", "random"])
def test_two_thousand_trials_are_laid_out_again_in_seconds(tuner: str, tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Everything))
    journal = study.journal()
    whole(made(journal, study, tuner, 3000), journal, 2000, score_of)
    journal = study.journal()
    engine = made(journal, study, tuner, 3000)
    assert engine.ask() == 2000
