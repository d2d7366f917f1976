"""A dashboard over a store in memory and a folder with one experiment."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.protocol import RunRow, Tracker
from dlcamp.web.app import create_app

MLFLOW = "http://127.0.0.1:5000"
DECLARED = '''"""Does `any` regulariser beat none?

    make exp NAME=regularizers
"""

from dlcamp import Claim, Comparison, Contrast, ExperimentConfig, experiment, maximize


class Config(ExperimentConfig):
    pass


@experiment(
    config=Config,
    data=["noisy_digits"],
    objective=maximize("val/accuracy"),
    course="3.4 Regularisation",
    claims=[Claim("dropout beats none", "its difference is not above 0", contrasts=[Contrast("dropout", "none")])],
    compare=Comparison("test/accuracy", baseline="none"),
)
def regularizers(config, data, run):
    return {"val/accuracy": 1.0}
'''

Answer = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one experiment."""
    path = tmp_path / "project/experiments/deep_networks/regularizers.py"
    path.parent.mkdir(parents=True)
    path.write_text(DECLARED, "utf-8")
    return tmp_path / "project"


@pytest.fixture
def tracker(fresh_home: Path) -> MemoryTracker:
    """An empty store."""
    return MemoryTracker()


@pytest.fixture
def client(tracker: MemoryTracker, root: Path) -> TestClient:
    """A browser of sorts; what it reads is never older than the request."""
    app = create_app(tracker, root, mlflow=MLFLOW, fresh=0)
    return TestClient(app, base_url="http://127.0.0.1:5001", raise_server_exceptions=False)


def add(
    tracker: Tracker, experiment: str = "regularizers", status: str = "FINISHED", seed: int = 0, **tags: str
) -> str:
    """One run; its id. Tags are given without their `dlcamp.`."""
    run = tracker.start(experiment, f"{experiment}-s{seed}", {"dlcamp.kind": "run", "dlcamp.data": "noisy_digits"})
    run.tags({f"dlcamp.{name}": value for name, value in tags.items()})
    run.params({"seed": seed})
    run.final({"test/accuracy": 0.9 + seed / 100, "val/accuracy": 0.8})
    run.end(status)  # type: ignore[arg-type]
    return run.id


def begin(tracker: MemoryTracker, scratch: Path, **tags: str) -> RunRow:
    """The parent of an ablation that runs: two variants, two seeds."""
    parent = tracker.start("regularizers", "regularizers-ablation-3f9c", {"dlcamp.kind": "ablation"})
    parent.tags({"dlcamp.command": "make exp NAME=regularizers", **{f"dlcamp.{k}": v for k, v in tags.items()}})
    declared = {"variants": {"none": {}, "dropout": {}}, "axes": {}, "seeds": [0, 1], "metric": "test/accuracy"}
    keep(tracker, parent.id, scratch, "declaration.json", json.dumps(declared))
    return tracker.run(parent.id)


def keep(tracker: MemoryTracker, run: str, scratch: Path, name: str, content: str) -> None:
    """Store a file of a run."""
    path = scratch / name
    path.write_text(content, "utf-8")
    tracker.resume(run).artifact(path)


def state(done: int, **more: Any) -> dict[str, Any]:
    """What the ablation of `begin` says of itself when `done` cells have finished."""
    places = [(variant, seed) for variant in ("none", "dropout") for seed in (0, 1)]
    cells = [
        {"variant": variant, "axes": {}, "seed": seed, "run": "", "error": "", "seconds": 2.0}
        | ({"status": "FINISHED", "metrics": {"test/accuracy": 0.9}} if place < done else {"status": "WAITING"})
        for place, (variant, seed) in enumerate(places)
    ]
    if done < len(cells):
        cells[done]["status"] = "RUNNING"
    return {"metric": "test/accuracy", "workers": 1, "eta_seconds": 8.0, "cells": cells, **more}


def words(page: str) -> str:
    """What a page says, without its tags, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<body")[2])).split())
