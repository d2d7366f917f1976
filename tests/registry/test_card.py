"""The model card: what stands in it, that it fits into a description, and that nothing in it is markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.config import ExperimentConfig
from dlcamp.errors import UnknownName
from dlcamp.experiment import Experiment, maximize
from dlcamp.registry.about import About, about
from dlcamp.registry.card import LONGEST, card
from dlcamp.registry.slices import Slices
from dlcamp.registry.verdict import Check
from tests.registry.judged import FLOOR, caption_rows, run, verdict

CAPTIONS = Experiment(
    "caption_lstm",
    lambda config, data, run: {},
    ExperimentConfig,
    ("scenes", "flickr8k"),
    maximize("val/cider"),
    "experiments.captioning.caption_lstm",
    "What does the merge network say?",
)
HOSTILE = "<img src=x onerror=alert(1)> | `x` *y* ![z](http://e.org/p.png)\n# heading"


@pytest.fixture(scope="module")
def known() -> About:
    return about(CAPTIONS, "scenes", caption_rows())


def test_the_card_says_what_it_is_how_good_where_weak_and_how_to_make_it_again(known: About) -> None:
    text = card(verdict(), run(), known)
    for line in (
        "# caption_lstm-scenes, version 3",
        "**Promoted to champion** on 2023-11-14, asked for by ada.",
        "Against the champion of the time, version 2 (0.470 by val/cider): +0.030 [+0.010, +0.050] on 1,000 items",
        "4 candidates were judged on these validation items before.",
        "- ✓ better: above zero",
        "| val/cider | 0.50 | [0.45, 0.55] | as judged, on val |",
        "| test/cider | 0.49 | [0.44, 0.54] | logged by the run |",
        "Trained on 6,000 items of its training split.",
        "- licence: part of dlcamp",
        "| 4 objects | 30 |",
        "| colour | 120 | 50 |",
        "- parameters: 1,030,536",
        "- the run took 2 min 6 s",
        "    python -m dlcamp reproduce caption_lstm-s0-bbbb",
        "`uncommitted.patch`",
        "`units=512`",
    ):
        assert line in text, line
    assert "`18459902867e+`" in text


def test_a_first_champion_stands_beside_the_floor(known: About) -> None:
    text = card(verdict(against=FLOOR, judged_before=0), run(), known)
    assert "Against the floor, which scores 0.3100 by val/cider." in text
    assert "No candidate was judged on these validation items before." in text


def test_what_was_forced_and_what_failed_is_told(known: About) -> None:
    failed = (Check("better", False, "not above zero"), Check("the floor", False, "not made: there is no score"))
    text = card(verdict(forced="the demo is tomorrow", checks=failed), run(), known)
    assert "The gate was overruled: “the demo is tomorrow”" in text
    assert "- ✗ better: not above zero" in text
    assert "- – the floor: not made: there is no score" in text
    assert "**Kept as challenger**" in card(verdict(outcome="challenger"), run(), known)


def test_a_run_that_was_never_tested_says_so(known: About) -> None:
    metrics = {name: value for name, value in run().metrics.items() if not name.startswith("test/")}
    assert "It was never scored on the test split." in card(verdict(), run(metrics=metrics), known)
    assert "never scored" not in card(verdict(), run(), known)


def test_names_tags_and_answers_are_text(known: About) -> None:
    text = card(
        verdict(by=HOSTILE, forced=HOSTILE, run_name=HOSTILE, checks=(Check(HOSTILE, True, HOSTILE),)),
        run(name=HOSTILE, params={"units": HOSTILE}),
        replace(known, title=HOSTILE, citation=HOSTILE, question=HOSTILE),
    )
    for part in ("<img", "![z]", "*y*", "http://", "\n# heading"):
        assert part not in text
    assert "reproduce <" not in text


def test_the_longest_card_fits_into_a_description(known: About) -> None:
    metrics = {f"test/{'very_' * 20}long_{n}": float(n) for n in range(200)}
    checks = tuple(Check(f"question {n}", True, "x" * 1000) for n in range(12))
    text = card(verdict(checks=checks), run(metrics=metrics), known)
    assert len(text) <= LONGEST
    assert "python -m dlcamp reproduce" in text
    assert len(card(verdict(checks=checks * 9), run(metrics=metrics), known)) <= LONGEST


def test_groups_looked_at_and_none_weak_is_a_finding(known: About) -> None:
    text = card(verdict(), run(), replace(known, slices=Slices("val/cider", 0.5, 400, 9, 0.99, ()), told=()))
    assert "9 groups of 30 items or more were looked at" in text
    assert "None is surely worse than the whole." in text


def test_limits_follow_from_the_data_and_the_rows() -> None:
    few = about(CAPTIONS, "scenes", caption_rows(6))
    assert any("judged on 6 items: too few" in limit for limit in few.limits)
    assert any("made up for teaching" in limit for limit in few.limits)
    rows = [{"item": "a", "output": 0.5}]
    other = about(CAPTIONS, "digits", rows)
    assert not other.captions
    assert any("no score of single items" in limit for limit in other.limits)


def test_data_that_is_away_costs_the_groups_by_words_only(fresh_home: Path) -> None:
    found = about(CAPTIONS, "flickr8k", caption_rows())
    assert found.licence == "research and education only"
    assert found.slices is not None
    assert found.slices.looked_at == 5


def test_an_unknown_data_set_is_named() -> None:
    with pytest.raises(UnknownName, match="flickr8k"):
        about(CAPTIONS, "flickr9k", caption_rows())
