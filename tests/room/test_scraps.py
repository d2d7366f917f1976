"""What killed processes leave in small: found by age, never while somebody may be at work on it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from dlcamp.paths import data_folder, runs_folder
from dlcamp.reproduce.worktree import PREFIX
from dlcamp.room import scraps
from dlcamp.room.leftover import IN_USE, remove
from dlcamp.room.limits import DAY, Limits


@pytest.fixture(autouse=True)
def _own_temporary_folder(fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def aged(path: Path, days_ago: float = 8.0) -> Path:
    """A file of that age, in folders of that age."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    for one in (path, path.parent):
        os.utime(one, (time.time() - days_ago * DAY,) * 2)
    return path


def found(days: float = 7.0) -> list[tuple[str, Path]]:
    return [(one.kind, one.path) for one in scraps.find(Limits(days))]


def test_each_kind_is_found_and_goes() -> None:
    temporary = Path(tempfile.gettempdir())
    wanted = [
        ("sent spools", aged(runs_folder() / "spool/1234/rejected.jsonl").parent),
        ("fetched copies", aged(runs_folder() / "fetched/1234/note.txt").parent),
        ("locks", aged(runs_folder() / "locks/abcd.lock")),
        ("temporary", aged(data_folder() / "features/lite/views/1.77.part")),
        ("temporary", aged(data_folder() / "weights/lite.77.part")),
        ("temporary", aged(data_folder() / "features/throughput-x1/rows.bin").parent),
        ("temporary", aged(data_folder() / ".fetch/mnist/mnist.npz.part").parent),
        ("temporary", aged(temporary / "dlcamp-model-x1/MLmodel").parent),
    ]
    assert found() == wanted
    for one in scraps.find(Limits()):
        assert remove(one).problems == ()
    assert found() == []
    assert not [path for _, path in wanted if path.exists()]


def test_what_was_written_lately_stays_and_never_less_than_a_day() -> None:
    aged(runs_folder() / "locks/abcd.lock", days_ago=6)
    aged(runs_folder() / "spool/1234/lock", days_ago=0.9)
    assert found() == []
    assert [kind for kind, _ in found(days=0)] == ["locks"]


def test_records_that_wait_and_data_that_must_be_put_back_are_no_leftovers() -> None:
    aged(runs_folder() / "spool/1234/records.jsonl")
    aged(data_folder() / ".fetch/mnist/old/manifest.json")
    os.utime(data_folder() / ".fetch/mnist", (0, 0))
    aged(Path(tempfile.gettempdir()) / f"{PREFIX}x1/tree")
    aged(Path(tempfile.gettempdir()) / "another/thing")
    assert found() == []


def test_a_lock_that_somebody_holds_stays() -> None:
    path = aged(runs_folder() / "locks/abcd.lock")
    (one,) = scraps.find(Limits())
    with FileLock(path):
        assert remove(one).stayed == IN_USE
    assert path.exists()
