"""Weak groups: found where they are, not found where luck alone made them, never of few items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcamp.experiment import maximize, minimize
from dlcamp.registry.slices import SMALLEST, mentioned, score_column, told_rightly, weak_slices
from tests.registry.judged import caption_rows

Rows = list[dict[str, Any]]


def labelled(n: int = 400, classes: int = 8, weak: int | None = None, seed: int = 0) -> Rows:
    """Rows of a classifier that is right nine times in ten; half as often on one class."""
    random = np.random.default_rng(seed).random(n)
    right = [int(draw < (0.45 if place % classes == weak else 0.9)) for place, draw in enumerate(random)]
    return [
        {"item": str(place), "label": place % classes, "output": 0, "correct": one, "loss": 1.5 - one}
        for place, one in enumerate(right)
    ]


def test_a_weak_class_is_found_with_its_size_and_interval() -> None:
    found = weak_slices(maximize("val/accuracy"), labelled(weak=3))
    assert found is not None
    assert [one.what for one in found.weak] == ["label 3"]
    worst = found.weak[0]
    assert (worst.n, found.looked_at, found.n) == (50, 8, 400)
    assert worst.low < worst.value < worst.high < found.whole


def test_the_worst_of_equal_classes_is_luck_and_not_told() -> None:
    told = [weak_slices(maximize("val/accuracy"), labelled(seed=seed)) for seed in range(60)]
    assert sum(bool(found and found.weak) for found in told) <= 3


def test_where_less_is_better_the_highest_are_weak() -> None:
    found = weak_slices(minimize("val/loss"), labelled(weak=3))
    assert found is not None
    assert [one.what for one in found.weak] == ["label 3"]
    assert found.weak[0].value > found.whole


def test_small_groups_are_not_looked_at() -> None:
    found = weak_slices(maximize("val/accuracy"), labelled(n=8 * (SMALLEST - 1), weak=3))
    assert found is not None
    assert (found.looked_at, found.weak) == (0, ())


def test_captions_are_weak_by_what_images_show_and_what_their_references_mention() -> None:
    rows = caption_rows()
    references = {row["item"]: ["a dog runs", "the dog"] if row["objects"] == 4 else ["a man"] * 2 for row in rows}
    found = weak_slices(maximize("val/cider"), rows, references)
    assert found is not None
    names = [one.what for one in found.weak]
    assert set(names[:2]) == {"4 objects", "captions that mention “dog”"}
    assert not any("held" in name or "never seen" in name for name in names)


def test_what_is_looked_at_describes_the_item_never_the_answer() -> None:
    rows = caption_rows() + [{**row, "item": f"again {row['item']}"} for row in caption_rows()]
    found = weak_slices(maximize("val/cider"), rows)
    assert found is not None
    assert found.looked_at == 5  # one to four objects, held-out pairs; not truthful, count, colour, reason


@pytest.mark.parametrize(
    "rows", [[], [{"item": "a", "output": 0.3}], [{"item": "a", "cider": float("nan")}], [{"item": "a", "cider": "b"}]]
)
def test_rows_without_a_score_have_no_slices(rows: Rows) -> None:
    assert score_column("val/cider", rows) is None
    assert weak_slices(maximize("val/cider"), rows) is None


def test_aspects_are_told_with_the_captions_that_speak_of_them() -> None:
    told = {one.what: one for one in told_rightly(caption_rows())}
    assert set(told) == {"colour", "count"}  # only 20 captions speak of a shape
    assert (told["colour"].n, told["colour"].value) == (120, 0.5)
    assert told_rightly(labelled()) == []


def test_words_that_most_references_hold_name_an_image() -> None:
    captions = ["A dog is on the grass", "the brown dog runs", "two men watch", "a dog and a man"]
    assert mentioned(captions) == ["captions that mention “dog”"]
    assert mentioned([]) == []
