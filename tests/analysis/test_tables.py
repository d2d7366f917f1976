"""Runs as a DataFrame, from the memory tracker and from MLflow's store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

import dlcamp
from dlcamp.analysis.groups import newest, observations, unequal_configs
from dlcamp.analysis.tables import table
from dlcamp.errors import UnknownName
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.protocol import Tracker

Ended = Literal["FINISHED", "FAILED", "KILLED"]


def add(
    tracker: Tracker,
    variant: str = "",
    seed: int | None = 0,
    *,
    metrics: Mapping[str, float] | None = None,
    axes: Mapping[str, str] | None = None,
    status: Ended = "FINISHED",
    kind: str = "cell",
    experiment: str = "regularizers",
    **params: str,
) -> str:
    """One run as the ablation writes it; its id."""
    tags = {"dlcamp.kind": kind, "dlcamp.data": "digits", "dlcamp.data_digest": "sha256:1", "dlcamp.preset": ""}
    tags |= {"dlcamp.variant": variant, "dlcamp.axes": json.dumps(dict(axes or {})), "dlcamp.git_commit": "c" * 40}
    run = tracker.start(experiment, f"{variant}-{seed}", tags)
    run.params({**params} | ({} if seed is None else {"seed": seed}))
    run.metrics({"test/accuracy": 0.5} if metrics is None else metrics)
    run.end(status)
    return run.id


def take(tracker: MemoryTracker, tmp_path: Path, cells: list[dict[str, object]], **tags: str) -> None:
    """A parent run that took these cells."""
    parent = tracker.start("regularizers", "parent", {"dlcamp.kind": "ablation", "dlcamp.data": "digits", **tags})
    (tmp_path / "cells.json").write_text(json.dumps(cells), "utf-8")
    parent.artifact(tmp_path / "cells.json")
    parent.end("FINISHED")


def test_one_row_a_seed_with_every_final_metric_as_a_column() -> None:
    tracker = MemoryTracker()
    add(tracker, "none", 1, metrics={"test/accuracy": 0.6, "train/loss": 1.0})
    add(tracker, "none", 0, metrics={"test/accuracy": 0.5})
    add(tracker, "dropout", 0, metrics={"test/accuracy": 0.7})
    frame = table("regularizers", reader=tracker)
    assert list(zip(frame["variant"], frame["seed"], frame["test/accuracy"], strict=True)) == [
        ("dropout", 0, 0.7), ("none", 0, 0.5), ("none", 1, 0.6),
    ]  # fmt: skip
    assert list(frame.columns) == [
        "experiment", "variant", "seed", "data", "preset", "kind", "status", "digest", "commit", "run", "name",
        "seconds", "test/accuracy", "train/loss",
    ]  # fmt: skip
    assert frame["train/loss"].isna().sum() == 2
    assert frame["digest"].unique() == ["sha256:1"]
    assert (frame["seconds"] >= 0).all()


def test_the_newest_finished_run_of_a_place_and_seed_counts_and_all_shows_every_one() -> None:
    tracker = MemoryTracker()
    add(tracker, "none", 0, metrics={"test/accuracy": 0.1})
    add(tracker, "none", 0, metrics={"test/accuracy": 0.2})
    add(tracker, "none", 0, status="FAILED", metrics={})
    add(tracker, "none", 1, status="FAILED", metrics={})
    add(tracker, "none", 1000, kind="trial")
    frame = table("regularizers", reader=tracker)
    assert list(frame["status"]) == ["FINISHED", "FAILED"]
    assert frame["test/accuracy"].iloc[0] == 0.2
    assert list(table("regularizers", all=True, reader=tracker)["kind"]) == ["cell"] * 4 + ["trial"]


def test_each_axis_is_a_column_of_numbers_where_its_values_are_numbers() -> None:
    tracker = MemoryTracker()
    for size, activation in (("100", "relu"), ("1000", "tanh")):
        add(tracker, "none", axes={"train_images": size, "activation": activation, "seed": "x"})
    frame = table("regularizers", reader=tracker)
    assert frame["train_images"].sum() == 1100
    assert sorted(frame["activation"]) == ["relu", "tanh"]
    assert list(frame["axis/seed"]) == ["x", "x"]


def test_an_ablation_says_where_a_run_stands_though_the_run_was_made_elsewhere(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    by_hand = add(tracker, "", 0, kind="run")
    other = add(tracker, "none", 0)
    failed = add(tracker, "l2", 0, status="FAILED", metrics={})
    cells = [
        {"variant": "none", "axes": {"size": 10}, "seed": 0, "run": by_hand, "status": "FINISHED"},
        {"variant": "l2", "axes": {"size": 10}, "seed": 0, "run": failed, "status": "FAILED"},
        {"variant": "l2", "axes": {"size": 20}, "seed": 0, "run": "", "status": "WAITING"},
        {"variant": "none", "axes": {"size": 20}, "seed": 0, "run": other, "status": "FINISHED"},
    ]
    take(tracker, tmp_path, cells, **{"dlcamp.preset": "size"})
    frame = table("regularizers", reader=tracker)
    assert list(zip(frame["variant"], frame["size"], frame["preset"], frame["run"], strict=True)) == [
        ("l2", 10, "size", failed), ("none", 10, "size", by_hand), ("none", 20, "size", other),
    ]  # fmt: skip


def test_a_parent_whose_cells_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    add(tracker, "none", 0)
    take(tracker, tmp_path, [])
    parent = tracker.start("regularizers", "parent", {"dlcamp.kind": "ablation"})
    parent.end("KILLED")
    assert len(table("regularizers", reader=tracker)) == 1


def test_runs_that_dlcamp_did_not_write_keep_all_their_repetitions() -> None:
    tracker = MemoryTracker()
    for value in (0.1, 0.2, 0.3):
        run = tracker.start("plain", "run")
        run.metrics({"accuracy": value, "seed": 4.0})
        run.end("FINISHED")
    frame = table("plain", reader=tracker)
    assert list(frame["accuracy"]) == [0.1, 0.2, 0.3]
    assert frame["seed"].isna().all()
    assert list(frame["metric/seed"]) == [4.0] * 3
    assert [one.cell.seed for one in observations(tracker, "plain")] == [2, 1, 0]


def test_configs_that_differ_at_one_place_are_named() -> None:
    tracker = MemoryTracker()
    add(tracker, "none", 0, epochs="5", text="x" * 99)
    add(tracker, "none", 1, epochs="30", text="x" * 99)
    add(tracker, "l2", 0, epochs="7")
    (line,) = unequal_configs(newest(observations(tracker, "regularizers")))
    assert line == "none: runs differ in more than the seed, epochs is 30 (1), 5 (1)"


def test_an_experiment_that_never_ran_has_no_rows_and_the_store_is_not_made(fresh_home: Path) -> None:
    frame = dlcamp.table("purchase_odds")
    assert len(frame) == 0
    assert "seed" in frame.columns
    assert not list(fresh_home.iterdir())


def test_a_name_that_is_neither_a_file_nor_in_the_store_gets_the_nearest(fresh_home: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'purchase_odds'"):
        table("purchase_ods")
    tracker = MemoryTracker()
    add(tracker, experiment="from_elsewhere")
    with pytest.raises(UnknownName, match="did you mean 'from_elsewhere'"):
        table("from_elsewere", reader=tracker)


def test_the_present_store_is_read(store_home: Path) -> None:
    store = open_store()
    for seed in (0, 1):
        add(store.tracker, "none", seed, metrics={"test/accuracy": 0.5 + seed / 10}, axes={"size": "3"})
    frame = dlcamp.table("regularizers")
    assert list(frame["test/accuracy"]) == [0.5, 0.6]
    assert list(frame["size"]) == [3, 3]
