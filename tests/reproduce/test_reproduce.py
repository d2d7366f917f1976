"""A run made again from end to end, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcamp.cli.main import main
from dlcamp.errors import RunFailed, UserError
from dlcamp.reproduce.engine import RECORD, reproduce
from dlcamp.reproduce.recorded import OF_TAG, VERDICT_TAG
from dlcamp.reproduce.verdict import Verdict
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.protocol import RunRow, Store
from tests.reproduce.repository import commit, edit, git, with_package


@pytest.fixture
def root(tmp_path: Path, store_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = with_package(tmp_path / "repository")
    yield folder
    assert "tree" not in git(folder, "worktree", "list")
    assert not list((tmp_path / "temporary").glob("dlcamp-reproduce-*"))


@pytest.fixture
def store(store_home: Path) -> Store:
    return open_store()


def run(root: Path, store: Store, *variables: str) -> RunRow:
    """The newest run, made by the repository's own command line."""
    command = [sys.executable, "-m", "dlcamp", "exp", "NAME=steady", *variables]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return store.reader.runs("steady", limit=1)[0]


def again(store: Store, root: Path, of: RunRow, said: list[str] | None = None) -> Verdict:
    return reproduce(store, of.name, root, ([] if said is None else said).append)


@pytest.mark.slow
def test_a_run_with_uncommitted_changes_comes_out_identical_whatever_was_committed_since(
    root: Path, store: Store
) -> None:
    edit(root, "SCALE = 1.0", "SCALE = 2.0")
    before = run(root, store, "SEED=4", "SET=epochs=2")
    edit(root, "SCALE = 2.0", "SCALE = 3.0")
    commit(root)
    verdict = again(store, root, before)
    assert verdict.word == "identical"
    assert verdict.again is not None
    made = store.reader.run(verdict.again.id)
    assert [point.value for point in store.reader.history(made.id, "train/loss")] == [2.0, 1.0]
    assert (made.name, made.status) == (f"{before.name}-reproduced", "FINISHED")
    assert (made.tags[OF_TAG], made.tags[VERDICT_TAG], made.params["seed"]) == (before.id, "identical", "4")
    assert made.tags["dlcamp.git_commit"] == before.tags["dlcamp.git_commit"]
    record = json.loads(store.reader.fetch(made.id, RECORD).read_text("utf-8"))
    assert (record["verdict"], record["compared"]["items"], record["first"]) == ("identical", 3, None)
    # it answers nobody: neither the cache, nor the run's name, nor the list of runs
    assert store.reader.runs(tags={"dlcamp.fingerprint": before.tags["dlcamp.fingerprint"]}) == [before]
    assert store.reader.run(before.name) == before
    assert made.tags["dlcamp.parent"] == before.id
    with pytest.raises(UserError, match="is itself a reproduction"):
        reproduce(store, made.id, root, print)


@pytest.mark.slow
def test_what_is_not_recorded_makes_it_different_and_the_first_step_is_named(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(root, store)
    monkeypatch.setenv("LUCK", "0.25")
    verdict = again(store, root, before)
    assert verdict.word == "different"
    assert str(verdict.first) == "train/loss at step 2: 0.5 then, 0.75 now (relative 3.3e-01)"
    monkeypatch.setenv("LUCK", "1e-9")
    close = again(store, root, before)
    assert close.word == "within tolerance"
    assert close.again is not None
    assert close.again.name.endswith("-reproduced-2")


@pytest.mark.slow
def test_a_failure_of_the_recorded_code_is_told_with_its_last_lines(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(root, store)
    monkeypatch.setenv("ILL", "1")
    with pytest.raises(RunFailed, match=r"(?s)FAILED when made again, by commit.*ValueError: the cause"):
        again(store, root, before)
    assert store.reader.runs("steady", limit=1)[0].status == "FAILED"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_it_leaves_no_run_open_and_no_worktree(
    root: Path, store: Store, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(root, store)
    monkeypatch.setenv("SLOW", "30")
    command = [sys.executable, "-m", "dlcamp", "reproduce", before.name]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    assert _until(lambda: len(store.reader.runs("steady", status="RUNNING")) == 1)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == {2: 130, 15: 143, 9: -9}[number]
    assert _until(lambda: not store.reader.runs("steady", status="RUNNING"))
    assert store.reader.runs("steady", limit=1)[0].status == "KILLED"
    if number == signal.SIGKILL:  # nobody was left to remove it: the next one does
        assert "tree" in git(root, "worktree", "list")
        monkeypatch.delenv("SLOW")
        assert again(store, root, before).word == "identical"
    else:
        assert "the worktree is removed" in said


def _until(true: object, seconds: float = 120.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.slow
def test_on_other_data_nothing_is_run(root: Path, store: Store) -> None:
    made = run(root, store)
    parts = {**json.loads(made.tags["dlcamp.fingerprint_parts"]), "data": "purchases:of other data"}
    tracked = store.tracker.resume(made.id)
    tracked.tags({"dlcamp.data_digest": "of other data", "dlcamp.fingerprint_parts": json.dumps(parts)})
    tracked.end("FINISHED")
    before = store.reader.run(tracked.id)
    verdict = again(store, root, before)
    assert (verdict.word, verdict.again) == ("different", None)
    assert verdict.first is not None
    assert (verdict.first.part, verdict.first.before) == ("data", "of other data")
    assert len(store.reader.runs("steady")) == 1


@pytest.mark.slow
def test_the_command_ends_with_3_where_it_is_different(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(root, store)
    monkeypatch.setenv("LUCK", "0.25")
    command = [sys.executable, "-m", "dlcamp", "reproduce", f"RUN={before.id[:8]}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 3
    assert "first            metric: train/loss at step 2: 0.5 then, 0.75 now" in done.stdout


def test_a_run_of_a_commit_that_is_not_here_is_the_users_mistake(tmp_path: Path) -> None:
    store = MemoryTracker()
    tags = {"dlcamp.config": "{}", "dlcamp.fingerprint_parts": "{}", "dlcamp.git_commit": "0" * 40}
    made = store.start("steady", "steady-1", tags)
    (tmp_path / "provenance.json").write_text("{}")
    made.artifact(tmp_path / "provenance.json")
    made.end("FINISHED")
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UserError, match=r"commit 000000000000 is not in the repository"):
        reproduce(store, "steady-1", tmp_path, print)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "takes one run"),
        (["a", "RUN=b"], "takes one run, got b, a"),
        (["a", "TOLERANCE=much"], "TOLERANCE='much'"),
        (["a", "TOLERANCE=-1"], "bit for bit"),
        (["a", "TOLERANCE=nan"], "bit for bit"),
        (["a"], "the store is empty"),
        (["a", "SEED=1"], "unknown variable"),
    ],
)
def test_mistakes_exit_2_and_say_what_to_give(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(fresh_home.iterdir())
