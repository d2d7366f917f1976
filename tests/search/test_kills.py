"""Killed at random moments, a search run again accounts for every trial once and leaves nothing open."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from dlcamp.search.doctor import settle_stale, stale_trials
from dlcamp.search.journal import Journal
from dlcamp.tracking import end_stale, open_store, stale_runs
from tests.kills import begin, strike
from tests.search.toy import asked, toy_repository

SCRIPT = """
import sys
from pathlib import Path
from dlcamp.launch.workers import WorkerPool
from dlcamp.search.engine import run_search
from dlcamp.tracking import open_store
from tests.search.toy import asked

if __name__ == "__main__":
    search = asked(Path(sys.argv[1]), TRIALS=sys.argv[2], PRESET="lasting", PRUNER="none", WORKERS="2")
    with WorkerPool(2, threads=1) as pool:
        run_search(search, open_store(), pool, print, lambda progress: None)
"""
TRIALS = 14


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "parent.py").write_text(SCRIPT, "utf-8")
    return toy_repository(tmp_path / "repository")


def journal_of(root: Path) -> Journal:
    return asked(root, TRIALS=str(TRIALS), PRESET="lasting", PRUNER="none").journal(create=False)


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["worker", "parent", "both"])
def test_after_kills_every_trial_is_accounted_for_once_and_nothing_is_left_running(
    root: Path, store_home: Path, whom: str
) -> None:
    rng = random.Random(whom)
    for _ in range(4):
        strike(begin(root.parent / "parent.py", root, TRIALS), whom, 4.0 + rng.uniform(0, 4), rng)
        if whom != "worker":  # between two sessions doctor leaves nothing open, in the store and in the journal
            store = open_store()
            end_stale(store, stale_runs(store.reader))
            settle_stale(store, stale_trials()[0])
            assert not [trial for trial in journal_of(root).trials() if trial.status == "RUNNING"]
            assert not store.reader.runs("toy", status="RUNNING")
    assert begin(root.parent / "parent.py", root, TRIALS).wait(120) == 0
    rows = open_store().reader.runs("toy")
    trials = journal_of(root).trials()
    assert [trial.number for trial in trials] == list(range(TRIALS))
    by_trial = Counter(row.tags["dlcamp.trial"] for row in rows if row.tags["dlcamp.kind"] == "trial")
    assert by_trial == Counter({str(trial.number): 1 for trial in trials if trial.run})
    assert all(trial.run for trial in trials if trial.status == "FINISHED")
    status = {row.id: row.status for row in rows}
    for trial in trials:
        assert trial.status in ("FINISHED", "FAILED")
        if trial.run:
            assert status[trial.run] == ("FINISHED" if trial.status == "FINISHED" else "KILLED")
        if trial.status == "FAILED":
            assert "died 3 times" in trial.error
    assert sum(trial.status == "FINISHED" for trial in trials) >= TRIALS - 2
    assert "RUNNING" not in status.values()
    assert stale_trials() == ([], [])
    for row in rows:
        if row.tags["dlcamp.kind"] == "trial" and row.status == "FINISHED":
            steps = [point.step for point in open_store().reader.history(row.id, "train/loss")]
            assert steps == list(range(1, 7))


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_stops_runs_and_parent_and_the_rest_goes_on(root: Path, store_home: Path, presses: int) -> None:
    process = begin(root.parent / "parent.py", root, TRIALS)
    store = open_store()
    deadline = time.monotonic() + 60
    while len(store.reader.runs("toy", tags={"dlcamp.kind": "trial"})) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
    process.wait(60)
    assert not store.reader.runs("toy", status="RUNNING")
    (parent,) = store.reader.runs("toy", tags={"dlcamp.kind": "search"})
    assert parent.status == "KILLED"
    assert not [trial for trial in journal_of(root).trials() if trial.status in ("RUNNING", "FAILED")]
    assert begin(root.parent / "parent.py", root, TRIALS).wait(120) == 0
    assert store.reader.run(parent.id).status == "FINISHED"
    assert [trial.status for trial in journal_of(root).trials()] == ["FINISHED"] * TRIALS
