"""A captioner beside its rival: paired by image, as metrics, as a table and in words."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dlcamp.captioning.claims import gained
from dlcamp.captioning.gains import Gains, Rival, gains
from dlcamp.captioning.scores import CaptionScorer
from dlcamp.data.captions import CaptionItem, Split
from dlcamp.experiment import Claim
from tests.captioning.test_encoding import Notes

ITEMS = [
    CaptionItem("a.jpg", ("a brown dog runs over the green grass", "the dog runs")),
    CaptionItem("b.jpg", ("two children play in the blue water", "children in water")),
    CaptionItem("c.jpg", ("a man climbs the steep rock wall", "a man on a rock")),
]
RIGHT = [item.references[0] for item in ITEMS]


def compared(before: list[str], after: list[str], run: Notes) -> tuple[Gains, list[Split]]:
    scorer = CaptionScorer([item.references for item in ITEMS], ids=[item.id for item in ITEMS])
    asked: list[Split] = []

    def says(split: Split) -> list[str]:
        asked.append(split)
        return before

    return gains("test", ITEMS, scorer.score(after), Rival("best_member", says), run), asked


def test_what_is_gained_is_the_difference_on_the_same_images_with_its_interval(tmp_path: Path) -> None:
    run = Notes(tmp_path)
    compared_with, asked = compared([RIGHT[0], "a dog", "a dog"], RIGHT, run)
    assert asked == ["test"]
    found = compared_with.metrics
    scorer = CaptionScorer([item.references for item in ITEMS])
    for name in ("cider", "bleu_4"):
        was, now = (scorer.score(said).scores[name] for said in ([RIGHT[0], "a dog", "a dog"], RIGHT))
        assert found[f"test/best_member_{name}"] == was
        assert found[f"test/gain_{name}"] == pytest.approx(now - was)
        low, high = found[f"test/gain_{name}_low"], found[f"test/gain_{name}_high"]
        assert low <= now - was <= high
        said = f"{was:.3f} -> {now:.3f}, {now - was:+.3f} [{low:+.3f}, {high:+.3f}] over its best member"
        assert [said in line for line in compared_with.lines].count(True) == 1
    assert [line.partition(",")[0] for line in compared_with.lines] == ["test", "test"]
    table = list(csv.DictReader(run.texts["best_member/test.csv"].splitlines()))
    assert [row["item"] for row in table] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [row["best_member"] for row in table] == [RIGHT[0], "a dog", "a dog"]
    assert [row["caption"] for row in table] == RIGHT
    assert table[0]["best_member_cider"] == table[0]["cider"]


def test_who_says_the_same_gains_nothing(tmp_path: Path) -> None:
    found, _ = compared(RIGHT, RIGHT, Notes(tmp_path))
    assert {found.metrics[f"test/gain_cider{end}"] for end in ("", "_low", "_high")} == {0.0}


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.01, 0.03, "supported"), (-0.01, 0.03, "undecided"), (-0.03, -0.01, "refuted")]
)
def test_a_gain_is_judged_by_its_interval(low: float, high: float, verdict: str) -> None:
    claim = Claim("it gains", "it loses", gained("cider"))
    assert claim.verdict({"test/gain_cider_low": low, "test/gain_cider_high": high}) == verdict
    assert claim.verdict({"val/gain_cider_low": low}) == "undecided", "test was left alone"
