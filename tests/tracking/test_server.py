"""A server that goes away in the middle of a run, and eight processes on a store that nobody made yet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcamp.paths import REPOSITORY
from dlcamp.tracking import open_store
from dlcamp.tracking.doctor import waiting
from tests.mlflow_server import MlflowServer

pytestmark = pytest.mark.slow


@pytest.fixture
def server(
    tmp_path: Path, store_template: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MlflowServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = MlflowServer(folder, store_template)
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    yield server
    server.stop()


def test_a_server_gone_in_the_middle_and_back_loses_and_doubles_nothing(server: MlflowServer, tmp_path: Path) -> None:
    said: list[str] = []
    store = open_store(say=said.append, patience=60)
    run = store.tracker.start("tiny", "tiny-s0")
    note = tmp_path / "note.txt"
    for epoch in range(30):
        if epoch == 10:
            server.stop()
        if epoch == 15:
            run.params({"late": "yes"})
            note.write_text("while it was away")
            run.artifact(note, "in")
            note.unlink()
        if epoch == 20:
            server.start()
        run.metrics({"val/loss": float(epoch)}, epoch)
        run.flush()
    run.end("FINISHED")
    points = store.reader.history(run.id, "val/loss")
    assert [(point.step, point.value) for point in points] == [(epoch, float(epoch)) for epoch in range(30)]
    row = store.reader.run(run.id)
    assert (row.status, row.params) == ("FINISHED", {"late": "yes"})
    assert store.reader.fetch(run.id, "in/note.txt").read_text() == "while it was away"
    assert any("no answer" in line for line in said)
    assert "answers again" in said[-1]
    assert waiting(store.folder / "spool") == []


def test_a_server_that_stays_away_gets_everything_at_the_next_opening(server: MlflowServer, tmp_path: Path) -> None:
    said: list[str] = []
    store = open_store(say=said.append, patience=0.5)
    run = store.tracker.start("tiny", "tiny-s0")
    run.metrics({"val/loss": 0.0}, 0)
    run.flush()
    server.stop()
    run.metrics({"val/loss": 1.0}, 1)
    (tmp_path / "note.txt").write_text("late")
    run.artifact(tmp_path / "note.txt")
    run.end("FAILED")
    assert str(store.folder / "spool" / run.id) in said[-1]
    assert [(one.run_id, one.records) for one in waiting(store.folder / "spool")] == [(run.id, 3)]
    open_store(say=said.append)
    assert "still waits" in said[-1]
    server.start()
    store = open_store(say=said.append)
    row = store.reader.run(run.id)
    assert row.status == "FAILED"
    assert row.metrics == {"val/loss": 1.0}
    assert len(store.reader.history(run.id, "val/loss")) == 2
    assert store.reader.fetch(run.id, "note.txt").read_text() == "late"
    assert waiting(store.folder / "spool") == []


def test_a_run_killed_while_the_server_was_away_resumes_with_what_it_had_spooled(server: MlflowServer) -> None:
    code = """
import os, sys
from dlcamp.tracking import open_store
store = open_store(say=lambda line: None)
run = store.tracker.start("tiny", "killed")
run.metrics({"val/loss": 0.0}, 0)
run.flush()
print(run.id, flush=True)
sys.stdin.readline()
run.metrics({"val/loss": 1.0}, 1)
run.flush()
os.kill(os.getpid(), 9)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    server.stop()
    process.communicate("go\n")
    assert process.returncode == -9
    server.start()
    store = open_store()
    run = store.tracker.resume(run_id)
    run.metrics({"val/loss": 9.0}, 1)
    run.metrics({"val/loss": 2.0}, 2)
    run.end("FINISHED")
    assert [(p.step, p.value) for p in store.reader.history(run_id, "val/loss")] == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_eight_processes_at_once_on_a_fresh_store(fresh_home: Path) -> None:
    code = """
import sys
from dlcamp.tracking import open_store
store = open_store()
run = store.tracker.start("crowd", f"crowd-{sys.argv[1]}")
run.params({"index": sys.argv[1]})
for step in range(20):
    run.metrics({"val/loss": float(step), "val/score": 1.0}, step)
    run.flush()
run.end("FINISHED")
"""
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(index)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=fresh_home,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )
        for index in range(8)
    ]
    complaints = [process.communicate()[1] for process in crowd]
    assert complaints == [""] * 8
    assert [process.returncode for process in crowd] == [0] * 8
    store = open_store()
    rows = store.reader.runs("crowd")
    assert sorted(row.params["index"] for row in rows) == [str(index) for index in range(8)]
    assert {row.status for row in rows} == {"FINISHED"}
    for row in rows:
        assert [point.step for point in store.reader.history(row.id, "val/loss")] == list(range(20))
    assert sorted(path.name for path in fresh_home.iterdir()) == ["mlruns"]
