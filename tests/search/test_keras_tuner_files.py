"""Whatever a killed process, another study or a person left of Keras Tuner's files, the journal decides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.errors import StoreError
from dlcamp.search.keras_tuner_engine import KerasTunerEngine
from tests.contracts.searching import Line, Study, end, off, proposals, space_of, whole
from tests.search.made_tuners import Plane, made


def lost_trial(folder: Path) -> None:
    shutil.rmtree(sorted(folder.glob("trial_*"))[-1])


def trial_too_many(folder: Path) -> None:
    last = sorted(folder.glob("trial_*"))[-1]
    shutil.copytree(last, folder / "trial_9999")


def older_oracle(folder: Path) -> None:
    state = json.loads((folder / "oracle.json").read_text())
    state["tried_so_far"], state["seed_state"], state["ongoing_trials"] = [], 3, {}
    (folder / "oracle.json").write_text(json.dumps(state))


def torn_oracle(folder: Path) -> None:
    (folder / "oracle.json").write_text('{"ongoing_trials": {"0')


def torn_label(folder: Path) -> None:
    (folder / "study.json").write_text("{")


def other_study(folder: Path) -> None:
    label = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps({**label, "study": "another"}))


def nothing_left(folder: Path) -> None:
    shutil.rmtree(folder)


def a_file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


LEFT = [lost_trial, trial_too_many, older_oracle, torn_oracle, torn_label, other_study, nothing_left, a_file_instead]


@pytest.mark.parametrize(
    ("tuner", "left"),
    [*(("hyperband", left) for left in LEFT), ("bayesian", older_oracle), ("random", older_oracle)],
)
def test_whatever_is_left_of_its_files_the_same_is_proposed(
    tuner: str, left: Callable[[Path], None], tmp_path: Path
) -> None:
    study = Study(tmp_path / "one", space_of(Plane))
    journal = study.journal()
    engine = made(journal, study, tuner)
    for number in range(9):
        assert engine.ask() == number
        end(engine, journal, number)
    other = study.copied(tmp_path / "other")
    shutil.copytree(study.path.with_suffix(".keras_tuner"), other.path.with_suffix(".keras_tuner"))
    left(other.path.with_suffix(".keras_tuner"))
    copy = other.journal()
    again = made(copy, other, tuner)
    assert engine.ask() == again.ask() == 9
    assert proposals(copy.trials()) == proposals(journal.trials())
    names = {path.name for path in other.path.with_suffix(".keras_tuner").iterdir()}
    assert names == {path.name for path in study.path.with_suffix(".keras_tuner").iterdir()}


def test_a_proposal_that_did_not_reach_the_journal_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(tmp_path, space_of(Plane))
    journal = study.journal()
    engine = made(journal, study, "hyperband")
    whole(engine, journal, 10, off)
    with monkeypatch.context() as full:
        full.setattr(journal, "add", lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
        with pytest.raises(OSError, match="no space left"):
            engine.ask()
    other = study.copied(tmp_path / "other")
    copy = other.journal()
    assert engine.ask() == made(copy, other, "hyperband").ask() == 10
    assert proposals(journal.trials()) == proposals(copy.trials())


def test_a_foreign_folder_is_kept_beside(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    folder = study.path.with_suffix(".keras_tuner")
    folder.mkdir()
    (folder / "oracle.json").write_text("theirs")
    made(study.journal(), study, "random").ask()
    aside = [path for path in tmp_path.iterdir() if ".aside-" in path.name]
    assert [path.name for path in aside[0].iterdir()] == ["oracle.json"]
    assert (aside[0] / "oracle.json").read_text() == "theirs"


def test_a_changed_space_is_another_study_to_it(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    made(study.journal(), study, "random").ask()
    wider = replace(study, folder=tmp_path / "wider", space=space_of(Plane))
    wider.folder.mkdir()
    folder = wider.path.with_suffix(".keras_tuner")
    shutil.copytree(study.path.with_suffix(".keras_tuner"), folder)
    made(wider.journal(), wider, "random")
    assert not list(folder.glob("trial_*"))


def test_its_files_are_those_that_keras_tuner_reads(tmp_path: Path) -> None:
    import keras_tuner

    study = Study(tmp_path, space_of(Plane))
    journal = study.journal()
    engine = made(journal, study, "bayesian")
    for number in range(8):
        engine.ask()
        end(engine, journal, number)
    theirs = keras_tuner.oracles.BayesianOptimizationOracle(keras_tuner.Objective("objective", "min"))
    theirs._set_project_dir(str(tmp_path), "toy-12345678.keras_tuner")
    theirs.reload()
    best = min((trial for trial in journal.trials() if trial.objectives), key=lambda trial: trial.objectives[0])
    assert theirs.get_best_trials()[0].hyperparameters.values == best.values
    assert len(theirs.trials) == 8


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    study = Study(tmp_path, space_of(Line))
    journal = study.journal()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Keras Tuner's state cannot be written"):
        KerasTunerEngine(journal, study.space, 0, "random", 10, tmp_path / "file" / "toy.keras_tuner")
