"""A captioning run that is SIGKILLed and resumed equals one that was not: weights, curves, captions."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dlcamp.paths import REPOSITORY

pytestmark = pytest.mark.slow

CONFIG = (
    "train_images=64 val_images=16 test_images=16 epochs=8 patience=8 units=48 embedding=48 min_count=1 "
    "batch=16 decode_batch=16 learning_rate=4e-3"
)


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dlcamp", "exp", *arguments]
    environment = os.environ | {"DLCAMP_HOME": str(home)}
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    out, _ = process.communicate(timeout=400)
    assert process.returncode == 0, out


def new_home(folder: Path, template: Path, features: Path | None = None) -> Path:
    (folder / "mlruns").mkdir(parents=True)
    shutil.copy(template, folder / "mlruns" / "mlflow.db")
    if features:
        shutil.copytree(features, folder / "data")
    return folder


def state(home: Path) -> tuple[str, dict[str, list[tuple[int, float]]], list[dict[str, Any]], str]:
    """Weights, every curve but those of time, predictions, run id."""
    from pyarrow import parquet

    from dlcamp.tracking import open_store

    store = open_store(home)
    (row,) = store.reader.runs("caption_lstm")
    assert row.status == "FINISHED"
    curves = {
        name: [(point.step, point.value) for point in store.reader.history(row.id, name)]
        for name in row.metrics
        if "second" not in name
    }
    rows = parquet.read_table(store.reader.fetch(row.id, "predictions.parquet")).to_pylist()
    return row.tags["dlcamp.weights"], curves, rows, row.id


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        if process.poll() is not None:
            return
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Path:
    home = new_home(tmp_path_factory.mktemp("whole"), store_template)
    finish(start(home, "NAME=caption_lstm", f"SET={CONFIG}"))
    return home


@pytest.mark.parametrize("draw", range(3))
def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    draw: int, uninterrupted: Path, tmp_path: Path, store_template: Path
) -> None:
    home = new_home(tmp_path / "home", store_template, uninterrupted / "data")
    process = start(home, "NAME=caption_lstm", f"SET={CONFIG}")
    checkpoints = home / "mlruns" / "checkpoints"
    wait_for(lambda: list(checkpoints.glob("*/checkpoint/*.npz")), process)
    time.sleep(random.Random(draw).uniform(0, 4))
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = list(checkpoints.iterdir())
    finish(start(home, f"RESUME={folder.name}"))
    whole, resumed = state(uninterrupted), state(home)
    assert resumed[3] == folder.name
    assert resumed[0] == whole[0]
    assert resumed[1] == whole[1]
    assert resumed[2] == whole[2]
