"""The course's printed figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.paths import REPOSITORY
from dlcamp.runner import execute, prepare
from dlcamp.tracking import MemoryTracker


@pytest.mark.parametrize(
    ("solver", "probability", "ratio"), [("lbfgs", 0.84911, 2.54038), ("liblinear", 0.85305, 2.49817)]
)
def test_the_course_figures_come_out(solver: str, probability: float, ratio: float, fresh_home: object) -> None:
    asked = replace(request(Given({"NAME": "purchase_odds", "SET": f"solver={solver}"}), REPOSITORY), model="drop")
    row = execute(prepare(asked, REPOSITORY), MemoryTracker(), lambda line: None).row
    assert row.metrics["val/probability_asked"] == pytest.approx(probability, abs=5e-6)
    assert row.metrics["val/odds_ratio"] == pytest.approx(ratio, abs=5e-6)
    assert row.metrics["val/odds_ratio_weak_penalty"] > row.metrics["val/odds_ratio"]
