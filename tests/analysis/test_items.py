"""Statistics of items over seeds and items: means of a column, shares of those that count, what a reference names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.items import (
    ItemStatistic,
    Predictions,
    column,
    item_differences,
    item_mean,
    item_statistic,
    share,
)
from dlcamp.comparison import Comparison
from dlcamp.errors import DiscoveryError
from dlcamp.tracking.memory import MemoryTracker

RATIO = ItemStatistic(lambda row: (row["right"], row["all"]), lambda means: means[..., 0] / means[..., 1])
"""A corpus statistic: a ratio of sums, which is no mean over items."""
HERE = f"{__name__}:RATIO"
RIGHT = share(lambda row: row["said"] is True, lambda row: row["said"] is not None)


def kept(tracker: MemoryTracker, scratch: Path, variant: str, seed: int, rows: Sequence[dict[str, Any]]) -> Cell:
    """A finished run with these predictions."""
    run = tracker.start("asked", f"{variant}-{seed}", {})
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), scratch / "predictions.parquet")
    run.artifact(scratch / "predictions.parquet")
    run.end("FINISHED")
    return Cell(run.id, "", "asked", variant, {}, seed, "FINISHED")


def counts(first: float, rows: int = 40) -> list[dict[str, Any]]:
    """`all` differs much between items, so that a mean of ratios is another number than the ratio of sums."""
    rng = np.random.default_rng(0)
    every = rng.integers(1, 50, rows)
    right = rng.binomial(every, first)
    return [
        {"item": f"i{number}", "right": float(one), "all": float(total), "said": None if number % 2 else bool(one)}
        for number, (one, total) in enumerate(zip(right, every, strict=True))
    ]


@pytest.fixture
def store(tmp_path: Path) -> tuple[MemoryTracker, list[Cell]]:
    tracker = MemoryTracker()
    cells = [
        kept(tracker, tmp_path, variant, seed, counts(level + seed / 100))
        for variant, level in (("none", 0.3), ("more", 0.6))
        for seed in range(3)
    ]
    return tracker, cells


def test_a_corpus_statistic_is_taken_of_sums_and_not_of_item_scores(store: tuple[MemoryTracker, list[Cell]]) -> None:
    tracker, cells = store
    comparison = Comparison("test/ratio", "none", items={"test/ratio": HERE, "test/right": "right"})
    ratio, right = item_differences(tracker, cells, comparison)
    sums = {
        cell.variant: np.mean([sum(r["right"] for r in rows) / sum(r["all"] for r in rows)])
        for cell in cells
        if (rows := Predictions(tracker).rows(cell.run)) and cell.seed == 0
    }
    assert (ratio.metric, ratio.variant, ratio.seeds, ratio.items) == ("test/ratio", "more", 3, 40)
    assert ratio.difference == pytest.approx(sums["more"] - sums["none"], abs=0.03)
    assert ratio.low < ratio.difference < ratio.high
    assert right.metric == "test/right"
    assert right.difference > 1  # a mean of counts, another scale


def test_a_share_counts_only_the_items_that_bear_on_it(store: tuple[MemoryTracker, list[Cell]]) -> None:
    tracker, cells = store
    read = Predictions(tracker)
    own = [cell for cell in cells if cell.variant == "none"]
    found = item_mean(read, own, RIGHT)
    assert found is not None
    estimate, seeds, items = found
    said = [[row["said"] for row in read.rows(cell.run) if row["said"] is not None] for cell in own]
    assert (seeds, items) == (3, 40)
    assert {len(one) for one in said} == {20}
    assert estimate.value == pytest.approx(np.mean([np.mean(one) for one in said]))


def test_a_share_of_no_items_is_nothing_instead_of_no_number() -> None:
    assert RIGHT.of_means(np.array([[0.0, 0.0], [0.25, 0.5]])).tolist() == [0.0, 0.5]


def test_runs_that_lack_a_column_or_predictions_are_left_out(
    store: tuple[MemoryTracker, list[Cell]], tmp_path: Path
) -> None:
    tracker, cells = store
    bare = tracker.start("asked", "bare", {})
    bare.end("FINISHED")
    odd = kept(tracker, tmp_path, "odd", 0, [{"item": "a", "right": float("nan"), "all": 1.0}])
    read = Predictions(tracker)
    assert read.rows(bare.id) == []
    assert read.scored(bare.id, RATIO) is None
    assert read.scored(odd.run, RATIO) is None
    assert read.scored(cells[0].run, column("nowhere")) is None
    assert item_mean(read, [odd], RATIO) is None
    comparison = Comparison("test/ratio", "none", items={"test/nowhere": "nowhere"})
    assert item_differences(tracker, cells, comparison) == []


def test_runs_on_other_items_than_the_baselines_are_not_paired(
    store: tuple[MemoryTracker, list[Cell]], tmp_path: Path
) -> None:
    tracker, cells = store
    other = kept(tracker, tmp_path, "other", 0, [row | {"item": f"x{row['item']}"} for row in counts(0.5)])
    comparison = Comparison("test/ratio", "none", items={"test/ratio": HERE})
    assert [one.variant for one in item_differences(tracker, [*cells, other], comparison)] == ["more"]


def test_a_reference_is_followed_and_must_name_a_statistic() -> None:
    assert item_statistic(HERE) is RATIO
    with pytest.raises(DiscoveryError, match="names nothing"):
        item_statistic(f"{__name__}:NOWHERE")
    with pytest.raises(DiscoveryError, match="is a str, not an ItemStatistic"):
        item_statistic(f"{__name__}:HERE")
