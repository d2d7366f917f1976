"""Scores of variants between floors and ceilings, from what their runs kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.items import Predictions
from dlcamp.captioning.sections.bounds import bound_rows
from dlcamp.captioning.sections.scores import manner_rows, section, variant_scores
from dlcamp.comparison import Comparison
from dlcamp.tracking.memory import MemoryTracker
from tests.captioning.sections.conftest import Store
from tests.captioning.sections.made_captioners import Skill, write
from tests.captioning.sections.page_text import text_of


def test_scores_are_those_that_runs_log_with_an_interval_over_seeds_and_images(
    store: Store,
) -> None:
    tracker, cells = store
    found = variant_scores(Predictions(tracker), cells)
    assert [one.label for one in found] == ["attention", "merge"]
    assert (found[0].seeds, found[0].images) == (2, 40)
    for one in found:
        for name, score in one.scores.items():
            logged = [cell.metrics[f"test/{name}"] for cell in cells if cell.variant == one.label]
            assert score.value == pytest.approx(sum(logged) / len(logged), abs=1e-6)
            assert 0 <= score.low <= score.value <= score.high
            assert score.high <= (10 if name == "cider" else 1)


def test_bounds_are_read_with_their_kind_and_range(store: Store) -> None:
    tracker, cells = store
    rows = {row.name: row for row in bound_rows(tracker, cells)}
    assert {name: row.kind for name, row in rows.items()} == {
        "blind": "floor", "constant": "floor", "shuffled": "floor", "sampled": "ceiling", "consensus": "ceiling",
    }  # fmt: skip
    sampled = rows["sampled"].of("truthful")
    assert sampled is not None
    assert (sampled.mean, sampled.least, sampled.most) == (1, 1, 1)
    assert rows["blind"].of("truthful_relation") is None  # it states none: nan in the table


def test_a_value_that_differs_between_seeds_has_its_range(store: Store) -> None:
    _, cells = store
    heads, rows = manner_rows(cells, ["merge"])
    row = dict(zip(heads, rows["merge"], strict=True))
    assert row["parameters"] == ("960,000", "")
    assert row["a run"] == ("1 min 0 s", "")
    mean, ends = row["words used"]
    logged = sorted(cell.metrics["test/vocabulary"] for cell in cells if cell.variant == "merge")
    assert mean == f"{sum(logged) / 2:.0f}"
    assert ends == ("" if logged[0] == logged[1] else f"{logged[0]:.0f}–{logged[1]:.0f}")
    assert "CIDEr, greedy" not in heads  # no run has it


def test_the_section_sets_variants_between_ceilings_and_floors(store: Store) -> None:
    tracker, cells = store
    made = section(tracker, cells, Comparison("test/cider", "merge"))
    assert made is not None
    text = text_of(made.html)
    order = ["consensus:", "attention", "merge", "blind:", "shuffled:"]
    assert sorted(order, key=text.index) == order


def test_a_run_without_its_table_costs_only_its_bounds(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    bare = tracker.start("caption_decoders", "bare", {})
    bare.end("FINISHED")
    cells = write(tracker, tmp_path, {"merge": Skill(1, 1)}, seeds=1, images=4)
    assert bound_rows(tracker, [Cell(bare.id, "", "", "x", {}, 0, "FINISHED"), *cells])
