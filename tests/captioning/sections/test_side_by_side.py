"""What several captioners say of the same images."""

from __future__ import annotations

from pathlib import Path

from dlcamp.captioning.sections.side_by_side import cards, section
from dlcamp.captioning.shown import COUNT, drawn
from dlcamp.comparison import Comparison
from dlcamp.tracking.memory import MemoryTracker
from tests.captioning.sections.conftest import Store
from tests.captioning.sections.made_captioners import SCENES, run
from tests.captioning.sections.page_text import text_of

COMPARISON = Comparison("test/cider", "merge")


def test_every_variant_speaks_of_the_same_images_by_its_lowest_seed(store: Store) -> None:
    tracker, cells = store
    found = cards(tracker, list(reversed(cells)))
    assert [card.image.id for card in found] == [item.id for item in drawn(SCENES.items("test", 40))]
    assert len(found) == COUNT
    assert {tuple(sorted(one.variant for one in card.said)) for card in found} == {("attention", "merge")}
    first = {card.image.id: card.said for card in cards(tracker, [cell for cell in cells if cell.seed == 0])}
    assert all(set(first[card.image.id]) == set(card.said) for card in found)


def test_true_and_false_captions_are_marked_and_false_ones_have_a_reason(
    store: Store,
) -> None:
    tracker, cells = store
    said = [one for card in cards(tracker, cells) for one in card.said]
    assert {one.truthful for one in said if one.variant == "attention"} == {True}
    wrong = [one for one in said if not one.truthful]
    assert wrong
    assert all(one.reason for one in wrong)
    made = section(tracker, cells, COMPARISON)
    assert made is not None
    assert made.html.count('class="false"') == len(wrong)
    assert made.html.count("data:image/jpeg;base64,") == COUNT


def test_text_of_captions_is_escaped(tmp_path: Path) -> None:
    tracker, items = MemoryTracker(), SCENES.items("test", 3)
    one = run(tracker, tmp_path, SCENES, items, ["<script>boom()</script>"] * 3, "<b>merge</b>")
    made = section(tracker, [one], COMPARISON)
    assert made is not None
    assert "<script" not in made.html
    assert "<b>merge" not in made.html
    assert "<script>boom()</script>" in text_of(made.html)


def test_runs_that_kept_no_images_have_no_section() -> None:
    assert section(MemoryTracker(), [], COMPARISON) is None
