"""Which scratch folders of runs may go: never one that a run, an ablation or a search may yet go on from."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from dlcamp.paths import runs_folder
from dlcamp.room.checkpoints import could_go, find, folders, judge
from dlcamp.room.leftover import IN_USE, remove
from dlcamp.room.limits import DAY, Limits
from dlcamp.tracking import open_store
from dlcamp.tracking.lease import LEASE_TAG, Lease
from dlcamp.tracking.protocol import RunRow
from dlcamp.tracking.stored import Stored, StoredRun, stored

NOW = 1e9
ALIVE = {LEASE_TAG: Lease.of_this_process().text()}
DEAD = {LEASE_TAG: Lease("elsewhere", "", 1, 0.0, 0.0).text()}


def run(status: Any, days_ago: float = 0.0, deleted: bool = False, name: str = "one", **tags: str) -> StoredRun:
    ended = NOW - days_ago * DAY
    row = RunRow(name, name, "toy", status, ended - 60, ended if status != "RUNNING" else None, tags=tags)
    return StoredRun(row, deleted)


PARENT = {"dlcamp.kind": "ablation"}


@pytest.mark.parametrize(
    ("one", "parent", "becomes"),
    [
        (run("FINISHED"), None, "goes"),
        (run("KILLED", deleted=True), None, "goes"),
        (run("RUNNING", **ALIVE), None, "alive"),
        (run("RUNNING", **DEAD), None, "dead"),
        (run("RUNNING"), None, "dead"),
        (run("KILLED", 6), None, "resumable"),
        (run("KILLED", 8), None, "goes"),
        (run("FAILED", 6), None, "resumable"),
        (run("FAILED", 8), None, "goes"),
        (run("KILLED", 0, **{"dlcamp.state": "PRUNED"}), None, "goes"),
        (run("KILLED", 99), run("KILLED", 99, **PARENT), "parent"),
        (run("KILLED", 99), run("RUNNING", **PARENT), "parent"),
        (run("KILLED", 99), run("FINISHED", **PARENT), "goes"),
        (run("KILLED", 99), run("KILLED", 99, deleted=True, **PARENT), "goes"),
        (run("FAILED", 99), run("KILLED", 99, **PARENT), "goes"),
        (run("KILLED", 99, **PARENT), None, "parent"),
        (run("FAILED", 99, **PARENT), None, "goes"),
        (run("KILLED", 99, **{"dlcamp.kind": "replicate"}), None, "goes"),
    ],
)
def test_the_end_of_a_run_and_of_its_parent_says_whether_it_may_go(
    one: StoredRun, parent: StoredRun | None, becomes: str
) -> None:
    assert judge(one, parent, Limits(7, NOW))[0] == becomes


def test_older_0_lets_runs_go_that_were_stopped_just_now() -> None:
    assert judge(run("KILLED"), None, Limits(0, NOW))[0] == "goes"


def checkpoint(run_id: str, days_ago: float = 0.0) -> Path:
    path = runs_folder() / "checkpoints" / run_id
    path.mkdir(parents=True)
    (path / "last.npz").write_bytes(b"x" * 100_000)
    moment = time.time() - days_ago * DAY
    for one in (path / "last.npz", path):
        os.utime(one, (moment, moment))
    return path


def test_what_is_found_is_asked_again_and_stays_when_its_run_goes_on(store_home: Path) -> None:
    store = open_store()
    made = store.tracker.start("toy", "toy-1", {"dlcamp.fingerprint": "f" * 64})
    made.end("KILLED")
    path = checkpoint(made.id)
    (one,), _ = find(folders(), store, stored(store), Limits(0), local=True)
    assert (one.name, one.path) == ("toy-1", path)

    lock = runs_folder() / "locks" / f"{'f' * 32}.lock"
    lock.parent.mkdir()
    with FileLock(lock):  # as `make exp RESUME=` holds it
        assert remove(one).stayed == IN_USE
    resumed = store.tracker.resume(made.id)
    assert remove(one).stayed == "its run is RUNNING by now"
    resumed.end("FINISHED")
    assert remove(one).freed >= 100_000
    assert not path.exists()


def test_folders_of_unknown_runs_go_when_they_are_old_and_the_store_is_this_ones(store_home: Path) -> None:
    store = open_store()
    young, old = checkpoint("1" * 32), checkpoint("2" * 32, days_ago=8)
    paths = folders()
    found, (kept,) = find(paths, store, Stored(), Limits(), local=True)
    assert [one.path for one in found] == [old]
    assert (kept.count, kept.size >= 100_000) == (1, True)
    assert find(paths, store, Stored(), Limits(), local=False)[0] == []
    assert young.exists()


def test_what_stays_says_how_to_go_on(store_home: Path) -> None:
    parent = run("KILLED", 99, name="p", **PARENT, **{"dlcamp.command": "make exp NAME=toy SEEDS=3"})
    child, alone = run("KILLED", 99, name="c", **{"dlcamp.parent": "p"}), run("FAILED", 1, name="a" * 32)
    for one in (child, alone):
        checkpoint(one.row.id)
    known = Stored({one.row.id: one for one in (parent, child, alone)})
    found, kept = find(folders(), open_store(), known, Limits(7, NOW), local=True)
    assert found == []
    assert {one.what: one.advice.partition(";")[0] for one in kept} == {
        "checkpoints of interrupted runs": "younger than 7 days",
        "checkpoints of stopped ablations and searches": "go on: make exp NAME=toy SEEDS=3",
    }
    assert "RESUME=aaaaaaaa" in kept[0].advice


def test_what_could_go_of_some_runs_is_told_by_their_rows_alone(fresh_home: Path) -> None:
    for name in ("done", "on", "other"):
        checkpoint(name)
    rows = [run("FINISHED", name="done").row, run("RUNNING", name="on", **ALIVE).row]
    assert 100_000 <= could_go(rows, Limits(7, NOW)) < 150_000
    assert could_go([], Limits()) == 0
