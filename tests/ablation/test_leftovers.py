"""What killed ablations leave is found, and what a stopped one still needs is not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from dlcamp.ablation.leftovers import leftovers, remove
from dlcamp.ablation.state import live_file
from dlcamp.held_models import folder_of
from dlcamp.tracking import MemoryTracker


def ablation(store: MemoryTracker, status: Literal["FINISHED", "FAILED", "KILLED", ""]) -> list[Path]:
    """A parent of that status with a live file, and a child with a held model."""
    parent = store.start("toy", f"parent {status}")
    child = store.start("toy", f"child {status}", parent=parent.id)
    if status:
        parent.end(status)
    paths = [live_file(parent.id), folder_of(child.id)]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    paths[0].write_text("{}", "utf-8")
    (paths[1] / "predictor").mkdir(parents=True)
    return paths


@pytest.mark.parametrize(("status", "stays"), [("", 2), ("KILLED", 1), ("FINISHED", 0), ("FAILED", 0)])
def test_only_what_nobody_needs_is_removed(
    fresh_home: Path, status: Literal["FINISHED", "FAILED", "KILLED", ""], stays: int
) -> None:
    store = MemoryTracker()
    paths = ablation(store, status)
    remove(leftovers(store))
    assert sum(path.exists() for path in paths) == stays
    assert leftovers(store) == []


def test_what_belongs_to_no_run_goes(fresh_home: Path) -> None:
    folder = folder_of("unknown")
    folder.mkdir(parents=True)
    assert leftovers(MemoryTracker()) == [folder]
