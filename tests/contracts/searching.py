"""What every engine of a search must do; an engine is done when a subclass of `EngineContract` passes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from dlcamp.analysis.searched import SearchTrial
from dlcamp.config import ExperimentConfig, resolve, tune
from dlcamp.experiment import Experiment, Objective
from dlcamp.search.journal import Journal
from dlcamp.search.protocol import Engine
from dlcamp.search.space import SearchSpace, search_space, trial_seed
from dlcamp.search.translate import distributions
from dlcamp.spaces import Choice, Float, Int

Kind = int | str | None
Direction = Literal["maximize", "minimize"]


class Layers(ExperimentConfig):
    units: int = tune(64, space=Int(8, 512, log=True))
    sizes: tuple[int, ...] = tune((3,), space=Choice((3,), (3, 5), (7,)))


class Everything(ExperimentConfig):
    """A field of each kind that a space has."""

    rate: float = tune(1e-3, space=Float(1e-5, 1e-1, log=True))
    dropout: float = tune(0.5, space=Float(0.0, 0.9))
    batch: int = tune(24, space=Int(10, 55, step=7))
    width: int = tune(48, space=Int(16, 250, log=True, step=16))
    norm: bool = tune(True, space=Choice(True, False))
    optimizer: str = tune("adam", space=Choice("adam", "sgd"))
    scale: float = tune(0.5, space=Choice(0.5, 1.0))
    patience: Kind = tune(None, space=Choice(None, "auto", 1, "1"))
    layers: Layers = Layers()
    epochs: int = tune(9, valid=Int(1, 1000))


class Choices(ExperimentConfig):
    """Eighteen points."""

    optimizer: str = tune("adam", space=Choice("adam", "sgd", "rmsprop"))
    norm: bool = tune(True, space=Choice(True, False))
    patience: Kind = tune(None, space=Choice(None, "auto", 3))
    epochs: int = tune(9, valid=Int(1, 1000))


class Letters(ExperimentConfig):
    """Six points."""

    letter: str = tune("c", space=Choice(*"abcdef"))
    epochs: int = tune(9, valid=Int(1, 1000))


class Line(ExperimentConfig):
    """One real number; `off` is how far it is from where it should be."""

    x: float = tune(-4.0, space=Float(-5.0, 5.0))
    epochs: int = tune(9, valid=Int(1, 1000))


def off(trial: SearchTrial) -> float:
    """Least at x = 1."""
    return (trial.values["x"] - 1.0) ** 2


def guessed(trials: int) -> float:
    """What the best of so many random x is off by, on average."""
    return 50 / ((trials + 1) * (trials + 2))


def space_of(config_type: type[ExperimentConfig], **fixed: Any) -> SearchSpace:
    """Everything that the config declares, from its defaults."""
    toy = Experiment("toy", lambda *_: {}, config_type, ("none",), Objective("val/off", "minimize"), "", "")
    found = search_space(toy, resolve(config_type, []), (), ())
    return replace(found, fixed={**found.fixed, **fixed})


@dataclass(frozen=True)
class Study:
    """A study in a folder of its own; each `journal()` is opened anew, as another process would."""

    folder: Path
    space: SearchSpace
    direction: Direction = "minimize"
    seed: int = 7

    @property
    def path(self) -> Path:
        return self.folder / "toy-12345678.journal"

    def journal(self) -> Journal:
        return Journal.open(self.path, "toy", [Objective("val/off", self.direction)], self.space.spaces)

    def copied(self, to: Path) -> Study:
        """The same journal, and nothing else, elsewhere."""
        to.mkdir()
        shutil.copy(self.path, to)
        return replace(self, folder=to)


def enqueue_defaults(journal: Journal, study: Study) -> None:
    """As a search does it."""
    note = {"seed": trial_seed(study.seed, 0), "sampler": "defaults", "defaults": True}
    journal.enqueue(study.space.defaults, note)


Score = Callable[[SearchTrial], float]


def score_of(trial: SearchTrial) -> float:
    """Some score that depends on every value and nothing else."""
    return sum(len(repr(value)) * (index + 1) for index, value in enumerate(trial.values.values())) / 10


def end(engine: Engine, journal: Journal, number: int, score: Score = score_of) -> None:
    """The trial ends as trials do; every fifth fails, every seventh is pruned."""
    if number % 5 == 3:
        journal.fail(number, "ValueError: no")
    elif number % 7 == 6:
        journal.prune(number)
    else:
        journal.finish(number, [score(journal.trial(number))])
    engine.told(journal.trial(number))


def whole(engine: Engine, journal: Journal, trials: int, score: Score) -> list[SearchTrial]:
    """So many trials, one after the other, all of which finish."""
    for _ in range(trials):
        number = engine.ask()
        assert number is not None
        journal.finish(number, [score(journal.trial(number))])
        engine.told(journal.trial(number))
    return journal.trials()


def proposals(trials: Iterable[SearchTrial]) -> list[tuple[Mapping[str, Any], int]]:
    return [(trial.values, trial.seed) for trial in trials]


class EngineContract:
    """Subclasses give `name` and `engine`; `config` where the engine cannot search every kind of field."""

    name: str
    config: type[ExperimentConfig] = Everything

    def engine(self, journal: Journal, study: Study, total: int = 1000) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def study(self, tmp_path: Path) -> Study:
        return Study(tmp_path, space_of(self.config))

    def begun(self, study: Study, total: int = 1000) -> tuple[Journal, Engine]:
        journal = study.journal()
        return journal, self.engine(journal, study, total)

    def test_values_lie_in_the_space_and_have_the_types_of_the_config(self, study: Study) -> None:
        journal, engine = self.begun(study)
        for _ in range(12):
            number = engine.ask()
            assert number is not None
            trial = journal.trial(number)
            assert trial.status == "RUNNING"
            for name, space in study.space.spaces.items():
                assert trial.values[name] in space, name
                if not isinstance(space, Choice):
                    assert type(trial.values[name]) is type(study.space.defaults[name]), name
            config = study.space.resolved(trial.values, trial.seed).config.model_dump()
            assert config["seed"] == trial.seed
            end(engine, journal, number)

    def test_each_trial_notes_its_number_its_seed_and_who_proposed_it(self, study: Study) -> None:
        journal, engine = self.begun(study)
        assert engine.name == self.name
        assert [engine.ask() for _ in range(4)] == [0, 1, 2, 3]
        assert [trial.seed for trial in journal.trials()] == [trial_seed(study.seed, number) for number in range(4)]
        assert {trial.sampler for trial in journal.trials()} == {self.name}

    def test_the_journal_alone_decides_what_is_proposed_next(self, study: Study, tmp_path: Path) -> None:
        journal, engine = self.begun(study)
        for number in range(14):
            assert engine.ask() == number
            if number != 12:  # one stays open
                end(engine, journal, number)
        other = study.copied(tmp_path / "copy")
        copy, same = self.begun(other)
        assert (engine.ask(), engine.ask()) == (same.ask(), same.ask()) == (14, 15)
        assert proposals(journal.trials()) == proposals(copy.trials())

    def test_another_study_with_the_same_seed_goes_the_same_way(self, study: Study, tmp_path: Path) -> None:
        found = []
        for one in (study, replace(study, folder=tmp_path / "again")):
            journal, engine = self.begun(one)
            for number in range(13):
                assert engine.ask() == number
                end(engine, journal, number)
            found.append(proposals(journal.trials()))
        assert found[0] == found[1]

    def test_sessions_that_end_after_each_trial_go_on_as_one_would(self, study: Study, tmp_path: Path) -> None:
        journal, engine = self.begun(study)
        for number in range(14):
            assert engine.ask() == number
            end(engine, journal, number)
        cut = replace(study, folder=tmp_path / "cut")
        for number in range(14):
            again, fresh = self.begun(cut)
            assert fresh.ask() == number
            again, fresh = self.begun(cut)  # the parent was killed over it; its worker's result is taken all the same
            end(fresh, again, number)
        rows = cut.journal().trials()
        assert [trial.number for trial in rows] == list(range(14))
        assert proposals(rows) == proposals(journal.trials())

    def test_open_trials_are_not_proposed_again(self, study: Study) -> None:
        journal, engine = self.begun(study)
        numbers = [engine.ask() for _ in range(4)]
        journal.requeue(1)
        fresh_journal, fresh = self.begun(study)
        assert fresh_journal.reopen() == 1  # a search takes up what waits before it asks
        numbers += [fresh.ask() for _ in range(4)]
        assert numbers == list(range(8))
        values = [trial.values for trial in fresh_journal.trials()]
        assert not [one for index, one in enumerate(values) if one in values[:index]]

    def test_a_trial_that_waited_goes_on_with_its_values(self, study: Study) -> None:
        journal, engine = self.begun(study)
        engine.ask()
        before = journal.trial(0)
        journal.requeue(0)
        journal, engine = self.begun(study)
        assert journal.reopen() == 0
        engine.complete(0)
        assert journal.trial(0).values == before.values
        assert journal.trial(0).seed == before.seed
        assert journal.trial(0).status == "RUNNING"

    @pytest.mark.parametrize("given", [0, 1])
    def test_a_half_asked_trial_gets_the_values_it_lacks(self, study: Study, given: int) -> None:
        journal, _ = self.begun(study)
        half = journal.study.ask()
        for name, one in list(distributions(study.space.spaces).items())[:given]:
            half._suggest(name, one)
        before = journal.trial(0).values
        journal, engine = self.begun(study)
        engine.complete(0)
        trial = journal.trial(0)
        assert {**trial.values, **before} == trial.values
        assert all(trial.values[name] in space for name, space in study.space.spaces.items())
        assert (trial.seed, trial.sampler) == (trial_seed(study.seed, 0), self.name)
        end(engine, journal, 0)
        assert engine.ask() == 1
        assert journal.trial(1).values != trial.values

    def test_the_defaults_are_not_proposed_again(self, study: Study) -> None:
        journal = study.journal()
        enqueue_defaults(journal, study)
        engine = self.engine(journal, study)
        assert journal.reopen() == 0
        engine.complete(0)
        assert journal.trial(0).values == study.space.defaults
        assert journal.trial(0).defaults
        asked = [engine.ask() for _ in range(3)]
        end(engine, journal, 0)
        asked += [engine.ask() for _ in range(4)]
        assert asked == list(range(1, 8))
        for trial in journal.trials()[1:]:
            assert {name: trial.values[name] for name in study.space.spaces} != study.space.defaults

    def test_trials_that_all_fail_do_not_stop_it_and_nothing_is_printed(
        self, study: Study, capfd: pytest.CaptureFixture[str]
    ) -> None:
        journal, engine = self.begun(study)
        capfd.readouterr()
        for number in range(6):
            assert engine.ask() == number
            journal.fail(number, "ValueError: no\n  at line 3")
            engine.told(journal.trial(number))
        _, fresh = self.begun(study)
        assert fresh.ask() == 6
        assert capfd.readouterr() == ("", "")

    def test_looking_at_a_study_writes_nothing_into_its_journal(self, study: Study) -> None:
        _, engine = self.begun(study)
        engine.ask()
        before = study.path.read_bytes()
        self.begun(study)
        assert study.path.read_bytes() == before


class EndingContract:
    """For engines that never propose a point twice: a space of few points ends."""

    few: type[ExperimentConfig] = Choices

    def test_a_small_space_is_gone_through_and_then_ends(self, tmp_path: Path) -> None:
        study = Study(tmp_path, space_of(self.few))
        journal = study.journal()
        enqueue_defaults(journal, study)
        engine = self.engine(journal, study)  # type: ignore[attr-defined]
        assert journal.reopen() == 0
        end(engine, journal, 0)
        while (number := engine.ask()) is not None:
            assert number < 40
            end(engine, journal, number)
        tried = [tuple(trial.values[name] for name in study.space.spaces) for trial in journal.trials()]
        assert len({repr(one) for one in tried}) == study.space.size
        assert engine.ask() is None
        journal = study.journal()
        assert self.engine(journal, study).ask() is None  # type: ignore[attr-defined]
        assert len(journal.trials()) == len(tried)


class LearningContract:
    """For engines that learn from what has ended: the best found beats guessing, whichever way is better."""

    learning_trials: int

    @pytest.mark.parametrize("direction", ["minimize", "maximize"])
    def test_the_best_found_beats_guessing(self, tmp_path: Path, direction: Direction) -> None:
        study = Study(tmp_path, space_of(Line), direction)
        sign = 1 if direction == "minimize" else -1
        journal = study.journal()
        engine = self.engine(journal, study)  # type: ignore[attr-defined]
        trials = whole(engine, journal, self.learning_trials, lambda trial: sign * off(trial))
        assert min(off(trial) for trial in trials) < guessed(self.learning_trials)
