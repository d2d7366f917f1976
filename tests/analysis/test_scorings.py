"""How often a test split was scored."""

from __future__ import annotations

from typing import Any

from dlcamp.analysis.scorings import Scorings, scorings
from dlcamp.tracking.protocol import RunRow


def row(
    number: int, seed: int = 0, experiment: str = "a", metrics: tuple[str, ...] = ("test/cider",), **more: Any
) -> RunRow:
    tags = {"dlcamp.data_digest": more.pop("digest", "d"), "dlcamp.preset": more.pop("preset", "")}
    params = {"seed": str(seed), "units": str(more.pop("units", 8))}
    status = more.pop("status", "FINISHED")
    return RunRow(str(number), f"run-{number}", experiment, status, 0.0, 1.0, params, dict.fromkeys(metrics, 0.5), tags)


def test_seeds_of_one_configuration_count_once() -> None:
    rows = [row(1), row(2, seed=1), row(3, units=16), row(4, experiment="b")]
    assert scorings(rows, "d") == Scorings(runs=4, configurations=3)


def test_only_finished_scorings_of_this_very_test_split_count() -> None:
    rows = [row(1), row(2, metrics=("val/cider",)), row(3, digest="e"), row(4, preset="smoke"), row(5, status="FAILED")]
    assert scorings(rows, "d") == Scorings(runs=1, configurations=1)


def test_the_line_says_how_many_and_of_what() -> None:
    assert Scorings(7, 3).line("flickr8k").startswith("test of flickr8k was scored for 3 configurations so far (7 runs")
    assert "1 configuration so far (1 run " in Scorings(1, 1).line("scenes")
