"""Two captioners of known skill, written once for all tests of sections."""

from __future__ import annotations

import pytest

from dlcamp.analysis.cells import Cell
from dlcamp.tracking.memory import MemoryTracker
from tests.captioning.sections.made_captioners import Skill, write

Store = tuple[MemoryTracker, list[Cell]]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """merge is mostly wrong in relations and bindings, attention never; two seeds each."""
    tracker = MemoryTracker()
    skills = {"merge": Skill(0.2, 0.3), "attention": Skill(1, 1, "map")}
    return tracker, write(tracker, tmp_path_factory.mktemp("captioners"), skills)
