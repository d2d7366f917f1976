"""Where decoders fail on scenes, from the rows that their runs kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.analysis.items import Predictions
from dlcamp.captioning.sections.truth import MEASURES, Share, section, separations, shares, truth_shares
from dlcamp.comparison import Comparison
from dlcamp.tracking.memory import MemoryTracker
from tests.captioning.sections.conftest import Store
from tests.captioning.sections.made_captioners import Skill, write
from tests.captioning.sections.page_text import text_of

COMPARISON = Comparison("test/cider", "merge")


def share(low: float, high: float) -> Share:
    return Share((low + high) / 2, low, high, (50, 50), 3)


def test_shares_are_the_rates_that_runs_log_averaged_over_seeds(store: Store) -> None:
    tracker, cells = store
    found = truth_shares(Predictions(tracker), cells)
    assert set(found) == {name for group in MEASURES.values() for name in group}
    for name in ("truthful", "truthful_relation", "told_binding", "ranked_relation", "truthful_3_objects"):
        logged = [cell.metrics[f"test/{name}"] for cell in cells if cell.variant == "merge"]
        assert found[name]["merge"].value == pytest.approx(sum(logged) / len(logged))
        assert 0 <= found[name]["merge"].low <= found[name]["merge"].value <= found[name]["merge"].high <= 1


def test_who_is_always_right_has_an_interval_all_the_same(store: Store) -> None:
    tracker, cells = store
    own = [cell for cell in cells if cell.variant == "attention"]
    found = shares(Predictions(tracker), own, MEASURES["of all captions"]["truthful"][1])
    assert found is not None
    assert found.value == 1
    assert 0.9 < found.low < 1


def test_a_measure_that_no_image_bears_on_is_left_out(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    cells = write(tracker, tmp_path, {"merge": Skill(1, 1)}, seeds=1, images=1)
    by_objects = {f"truthful_{number}_objects" for number in (1, 2, 3, 4)}
    assert len(by_objects & truth_shares(Predictions(tracker), cells).keys()) == 1


def test_intervals_that_do_not_touch_are_told_from_those_that_overlap() -> None:
    found = {
        "ranked_relation": {"merge": share(0.1, 0.3), "gru": share(0.2, 0.4), "attention": share(0.5, 0.7)},
        "told_binding": {"merge": share(0.1, 0.3), "gru": share(0.2, 0.6), "attention": share(0.5, 0.7)},
    }
    apart, over = separations(found, {"merge": False, "gru": False, "attention": True})
    assert apart.startswith("Relation ranked: ")
    assert "without overlap" in apart
    assert "attention 0.60 [0.50, 0.70]" in apart
    assert "gru 0.30 [0.20, 0.40]" in apart
    assert over == "Binding told: the intervals overlap of attention 0.60 [0.50, 0.70] and gru 0.40 [0.20, 0.60]."


def test_nothing_is_said_of_separation_without_both_kinds_of_decoders() -> None:
    found = {"told_relation": {"merge": share(0.1, 0.3)}}
    assert separations(found, {"merge": False}) == []
    assert separations(found, {}) == []


def test_the_section_shows_every_measure_by_variant_beside_the_floor(store: Store) -> None:
    tracker, cells = store
    made = section(tracker, cells, COMPARISON)
    assert made is not None
    text = text_of(made.html)
    assert "merge baseline attention blind ceiling" in text
    assert "of all images that allow it, told and true relation" in text
    assert "(chance is 0.50) relation ranked" in text
    assert "Relation ranked: the intervals" in text
    assert made.html.count('style="--share:') == 2 * sum(map(len, MEASURES.values()))


def test_runs_without_judged_captions_have_no_section() -> None:
    assert section(MemoryTracker(), [], COMPARISON) is None
