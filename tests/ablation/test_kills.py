"""Killed at random moments, an ablation run again makes every cell once and leaves nothing open."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from dlcamp.tracking import end_stale, open_store, stale_runs
from tests.kills import begin, strike

MODULE = '''"""Does it last?"""
import time
from dlcamp import Comparison, ExperimentConfig, experiment, maximize

class Config(ExperimentConfig):
    kind: str = "a"

@experiment(config=Config, data=["purchases"], objective=maximize("val/score"),
            compare=Comparison("val/score", baseline="a"))
def lasting(config, data, run):
    mark = run.folder / "checkpoint"
    done = int(mark.read_text()) if mark.exists() else 0
    for step in range(done + 1, 9):
        time.sleep(0.05)
        run.metrics({"train/step": float(step)}, step=step)
        run.flush()
        mark.write_text(str(step))
    return {"val/score": config.seed + (config.kind == "b")}
'''
SCRIPT = """
import sys
from pathlib import Path
from dlcamp.ablation.engine import run_ablation
from dlcamp.cli.ablate import ablation_of
from dlcamp.cli.commands import Given
from dlcamp.launch.workers import WorkerPool
from dlcamp.tracking import open_store

if __name__ == "__main__":
    ablation = ablation_of(Given({"NAME": "lasting"}), Path(sys.argv[1]))
    with WorkerPool(2, threads=1) as pool:
        run_ablation(ablation, open_store(), pool, print, lambda state, expected: None)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for part, name, text in (
        ("experiments", "lasting.py", MODULE),
        ("configs", "lasting.yaml", "variants: {a: {kind: a}, b: {kind: b}}\nseeds: 4\n"),
    ):
        (folder / part / "basics").mkdir(parents=True)
        (folder / part / "basics" / name).write_text(text, "utf-8")
    (tmp_path / "parent.py").write_text(SCRIPT, "utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["worker", "parent", "both"])
def test_after_kills_every_cell_is_there_once_and_nothing_is_left_running(
    root: Path, store_home: Path, whom: str
) -> None:
    rng = random.Random(whom)
    for _ in range(3):
        strike(begin(root.parent / "parent.py", root), whom, rng.uniform(3, 9), rng)
    last = begin(root.parent / "parent.py", root)
    assert last.wait(120) == 0
    store = open_store()
    end_stale(store, stale_runs(store.reader))
    rows = store.reader.runs("lasting")
    assert not [row.name for row in rows if row.status == "RUNNING"]
    cells = Counter(
        row.tags["dlcamp.child"] for row in rows if row.tags["dlcamp.kind"] == "cell" and row.status == "FINISHED"
    )
    assert cells == Counter({f"{variant} seed {seed}": 1 for variant in "ab" for seed in range(4)})
    for row in rows:
        if row.tags["dlcamp.kind"] == "cell" and row.status == "FINISHED":
            assert [point.step for point in store.reader.history(row.id, "train/step")] == list(range(1, 9))


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_once_or_twice_stops_runs_and_parent_and_the_rest_goes_on(
    root: Path, store_home: Path, presses: int
) -> None:
    process = begin(root.parent / "parent.py", root)
    store = open_store()
    deadline = time.monotonic() + 150
    while not [row for row in store.reader.runs("lasting") if row.tags["dlcamp.kind"] == "cell"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    process.wait(60)
    statuses = Counter(row.status for row in store.reader.runs("lasting"))
    assert statuses["RUNNING"] == statuses["FAILED"] == 0
    (parent,) = (row for row in store.reader.runs("lasting") if row.tags["dlcamp.kind"] == "ablation")
    assert parent.status == "KILLED"
    assert begin(root.parent / "parent.py", root).wait(120) == 0
    assert store.reader.run(parent.id).status == "FINISHED"
