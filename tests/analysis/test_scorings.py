"""How often a test split was scored."""

from __future__ import annotations

from typing import Any

from dlcamp.analysis.scorings import Scorings, scorings, scorings_line
from dlcamp.tracking.memory import MemoryTracker
from dlcamp.tracking.protocol import RunRow


def row(
    number: int, seed: int = 0, experiment: str = "a", metrics: tuple[str, ...] = ("test/cider",), **more: Any
) -> RunRow:
    tags = {"dlcamp.data_digest": more.pop("digest", "d"), "dlcamp.preset": more.pop("preset", "")}
    tags["dlcamp.kind"] = more.pop("kind", "run")
    params = {"seed": str(seed), "units": str(more.pop("units", 8))}
    status = more.pop("status", "FINISHED")
    return RunRow(str(number), f"run-{number}", experiment, status, 0.0, 1.0, params, dict.fromkeys(metrics, 0.5), tags)


def test_seeds_of_one_configuration_count_once() -> None:
    rows = [row(1), row(2, seed=1), row(3, units=16), row(4, experiment="b")]
    assert scorings(rows, "d", "a") == Scorings(runs=4, configurations=3, own=2)


def test_only_finished_scorings_of_this_very_test_split_count() -> None:
    rows = [row(1), row(2, metrics=("val/cider",)), row(3, digest="e"), row(4, preset="smoke"), row(5, status="FAILED")]
    rows.append(row(6, kind="ablation", units=32))
    assert scorings(rows, "d", "a") == Scorings(runs=1, configurations=1, own=1)


def test_the_line_says_how_many_and_of_what() -> None:
    begins = "test of flickr8k was scored for 3 configurations"
    assert Scorings(7, 3, 2).line("flickr8k", "lstm") == f"{begins}, 2 of them of lstm so far (7 runs in this store)"
    assert Scorings(7, 3, 0).line("flickr8k", "lstm").startswith(f"{begins}, none of them of lstm so far")
    assert Scorings(7, 3, 3).line("flickr8k", "lstm").startswith(f"{begins} of lstm so far")
    assert "1 configuration of lstm so far (1 run " in Scorings(1, 1, 1).line("scenes", "lstm")


def test_a_store_is_asked_for_the_runs_on_the_data_of_a_run_and_a_smoke_run_asks_for_none() -> None:
    tracker = MemoryTracker()
    for units in ("8", "16"):
        run = tracker.start("a", f"units-{units}", {"dlcamp.data_digest": "d", "dlcamp.data": "scenes"})
        run.params({"units": units})
        run.metrics({"test/cider": 0.5})
        run.end("FINISHED")
    assert scorings_line(tracker, tracker.runs("a")[0]).startswith(
        "test of scenes was scored for 2 configurations of a"
    )
    assert scorings_line(tracker, row(9, digest="other")) == ""
    assert scorings_line(tracker, row(9, preset="smoke")) == ""
