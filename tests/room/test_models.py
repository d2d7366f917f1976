"""Models and files of runs: what nothing refers to goes, in an order that a kill leaves nothing that is not found."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dlcamp.model_ref import MODELS_TAG
from dlcamp.paths import runs_folder
from dlcamp.room import models
from dlcamp.room.leftover import Leftover, remove
from dlcamp.room.limits import DAY, Limits
from dlcamp.room.models import DELETED, MODELS, UNKNOWN, folders, why_unneeded
from dlcamp.room.needed import needed
from dlcamp.tracking import MlflowStore, open_store
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import RunRow
from dlcamp.tracking.stored import StoredModel, StoredRun, delete_model, stored

NOW = 1e9


def model(status: str = "READY", days_ago: float = 30.0, ours: bool = True, run: str = "one") -> StoredModel:
    return StoredModel("m-1", run, status, NOW - days_ago * DAY, ours, None)


def run(status: Any, deleted: bool = False, **tags: str) -> StoredRun:
    return StoredRun(RunRow("one", "one", "toy", status, NOW, NOW, tags=tags), deleted)


KEPT, OTHER = {MODEL_TAG: "m-1"}, {MODEL_TAG: "m-2"}


@pytest.mark.parametrize(
    ("one", "of", "why"),
    [
        (model(), run("FINISHED", **KEPT), ""),
        (model(), run("FINISHED", **OTHER), "stored another one"),
        (model(), run("FAILED"), "FAILED"),
        (model(days_ago=6), run("FAILED"), ""),
        (model(), run("KILLED"), ""),
        (model(), None, "gone"),
        (model(), run("FINISHED", deleted=True, **KEPT), "deleted"),
        (model("PENDING"), run("FINISHED"), "PENDING"),
        (model("PENDING", days_ago=6), run("FINISHED"), ""),
        (model("FAILED"), run("FINISHED"), "FAILED"),
        (model("FAILED", ours=False), run("FAILED"), ""),
        (model(run=""), None, ""),
    ],
)
def test_a_model_may_go_when_its_run_did_not_keep_it(one: StoredModel, of: StoredRun | None, why: str) -> None:
    found = why_unneeded(one, of, Limits(7, NOW))
    assert why in found
    assert bool(found) == bool(why)


@dataclass
class Made:
    """A store under a test: runs with models and files."""

    store: MlflowStore

    def run(self, name: str, status: Any = "FINISHED", **tags: str) -> str:
        made = self.store.tracker.start("toy", name, {key.replace("__", "."): value for key, value in tags.items()})
        source = runs_folder().parent / "note.txt"
        source.write_text("x" * 20_000)
        made.artifact(source)
        made.end(status)
        return made.id

    def model(self, run_id: str, status: str = "READY") -> str:
        client = self.store.client
        experiment = client.get_run(run_id).info.experiment_id
        made = client.create_logged_model(experiment, "toy", run_id, model_type="predictor")
        source = runs_folder().parent / "weights"
        source.mkdir(exist_ok=True)
        (source / "weights.bin").write_bytes(b"x" * 50_000)
        client.log_model_artifacts(made.model_id, str(source))
        client.finalize_logged_model(made.model_id, status)
        return str(made.model_id)

    def register(self, run_id: str, model_id: str) -> None:
        client = self.store.client
        client.create_registered_model("toy-data")
        client.create_model_version("toy-data", client.get_logged_model(model_id).artifact_location, run_id)

    def find(self, days: float = 0.0) -> dict[str, Leftover]:
        """By the name of the folder."""
        paths = folders(runs_folder() / "artifacts")
        known = stored(self.store)
        found, self.kept = models.find(paths, self.store, known, needed(known), Limits(days))
        return {one.path.name: one for one in found}


def age(path: Path, days: float) -> None:
    """A folder as it looks when nothing in it was written for so long."""
    for one in (*path.rglob("*"), path):
        os.utime(one, (time.time() - days * DAY,) * 2)


@pytest.fixture
def made(store_home: Path) -> Made:
    return Made(open_store())


def test_what_nothing_refers_to_is_found_and_goes_and_what_is_needed_stays(made: Made) -> None:
    good = made.run("good")
    kept = made.model(good)
    made.store.client.set_tag(good, MODEL_TAG, kept)
    taken, champion, failed, trashed = (made.run(name, "FAILED") for name in ("taken", "champion", "failed", "trashed"))
    of_taken, of_champion, of_failed, of_trashed = map(made.model, (taken, champion, failed, trashed))
    made.run("ensemble", **{MODELS_TAG: json.dumps({"best:toy": of_taken})})
    client = made.store.client
    made.register(champion, of_champion)
    for deleted in (champion, trashed):
        client.delete_run(deleted)

    found = made.find()
    assert {name: one.kind for name, one in found.items()} == {of_failed: MODELS, of_trashed: MODELS, trashed: DELETED}
    assert "toy-data/1" in made.kept[0].advice
    for one in found.values():
        assert remove(one).freed >= 20_000
        assert not one.path.exists()
    assert made.find() == {}
    left = {path.name for path in folders(runs_folder() / "artifacts")}
    assert {good, kept, of_taken, of_champion, champion, failed} <= left
    assert failed in stored(made.store).runs


def test_a_removal_that_was_killed_half_way_is_gone_on_with(made: Made) -> None:
    model_id = made.model(made.run("failed", "FAILED"))
    one = made.find()[model_id]
    one.first()  # the store has forgotten it, and then the power fails
    assert made.find() == {}
    age(one.path, days=8)
    again = made.find(days=7)[model_id]
    assert (again.kind, again.path) == (UNKNOWN, one.path)
    assert remove(again).problems == ()
    assert made.find() == {}


def test_a_model_that_was_registered_meanwhile_stays(made: Made) -> None:
    run_id = made.run("failed", "FAILED")
    model_id = made.model(run_id)
    one = made.find()[model_id]
    made.register(run_id, model_id)
    assert remove(one).stayed == "it is registered by now: toy-data/1"
    assert made.store.client.get_logged_model(model_id)
    assert one.path.exists()


def test_a_deleted_run_that_was_restored_meanwhile_stays(made: Made) -> None:
    run_id = made.run("one")
    made.store.client.delete_run(run_id)
    one = made.find()[run_id]
    made.store.client.restore_run(run_id)
    assert remove(one).stayed == "its run was restored"


def test_a_database_that_knows_less_than_lies_there_is_doubted(made: Made) -> None:
    made.run("one")
    for number in range(2):
        (runs_folder() / "artifacts/toy" / (f"{number}" * 32) / "artifacts").mkdir(parents=True)
    assert made.find() == {}
    assert "was the database replaced" in made.kept[0].advice
    (runs_folder() / "artifacts/toy" / ("0" * 32) / "artifacts").rmdir()
    (runs_folder() / "artifacts/toy" / ("0" * 32)).rmdir()
    assert made.find() == {}
    assert "written to in the last" in made.kept[0].advice
    age(runs_folder() / "artifacts/toy" / ("1" * 32), days=8)
    assert list(made.find()) == ["1" * 32]


def test_an_old_backup_of_the_database_costs_no_files_of_the_runs_since(made: Made) -> None:
    for number in range(4):
        made.run(str(number))
    artifacts = runs_folder() / "artifacts/toy"
    since = artifacts / ("f" * 32)
    since.mkdir()
    (since / "weights.bin").write_text("x")
    later = time.time() + 60
    os.utime(since / "weights.bin", (later, later))
    assert made.find() == {}
    assert "was written after the newest run that the database knows" in made.kept[0].advice
    for number in range(3):  # and of many that look old, as copied files do
        (artifacts / (f"{number}" * 32)).mkdir()
        age(artifacts / (f"{number}" * 32), days=8)
    age(since, days=8)
    assert made.find() == {}
    assert "does not know 4 of the 8 folders" in made.kept[0].advice


def test_deleting_a_model_twice_is_no_error(made: Made) -> None:
    model_id = made.model(made.run("one"))
    delete_model(made.store, model_id)
    delete_model(made.store, model_id)
