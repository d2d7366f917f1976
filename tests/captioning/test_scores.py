"""Totals, rows and intervals of captions against references."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dlcamp.captioning.scores import SCORE_NAMES, CaptionScorer, CaptionScores, score_captions
from dlcamp.errors import DataError

EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())
REFERENCES, CAPTIONS = EXAMPLES["references"], EXAMPLES["hypotheses"]
IDS = ["one", "two", "three", "four", "five"]


@pytest.fixture
def scored() -> CaptionScores:
    return score_captions(CAPTIONS, REFERENCES, train_captions=["Blue.", "three green stars", "other"], ids=IDS)


def test_totals_are_the_corpus_values(scored: CaptionScores) -> None:
    totals = scored.totals
    assert [totals[f"bleu_{n}"] for n in (1, 2, 3, 4)] == pytest.approx(EXAMPLES["bleu"], abs=1e-12)
    assert totals["rouge_l"] == pytest.approx(np.mean(EXAMPLES["rouge_l"]))
    assert totals["cider"] == pytest.approx(np.mean(EXAMPLES["cider"]))


def test_totals_say_how_long_how_varied_and_how_much_was_copied() -> None:
    captions = ["A red circle.", "a red circle", "blue stars", "a red circle", "a red circle"]
    totals = score_captions(captions, REFERENCES, train_captions=["a RED circle!"]).totals
    assert totals["vocabulary"] == 5
    assert totals["distinct_share"] == pytest.approx(2 / 5)
    assert totals["copied_share"] == pytest.approx(4 / 5)
    assert totals["length_ratio"] == pytest.approx(14 / (8 + 3 + 10 + 7 + 3))
    assert "copied_share" not in score_captions(captions, REFERENCES).totals


def test_case_and_punctuation_do_not_count() -> None:
    loud = [caption.upper() + " !" for caption in CAPTIONS]
    assert score_captions(loud, REFERENCES).scores == score_captions(CAPTIONS, REFERENCES).scores


def test_rows_hold_everything_that_totals_need(scored: CaptionScores) -> None:
    rows = pa.Table.from_pylist(scored.rows()).to_pylist()
    again = CaptionScores.from_rows(rows)
    assert again.totals == scored.totals
    assert again.intervals(50) == scored.intervals(50)
    assert rows[1]["item"] == "two"
    assert rows[1]["output"] == "three green stars"
    assert rows[1]["copied"] is True


def test_rows_without_the_copied_flag_give_totals_without_its_share() -> None:
    again = CaptionScores.from_rows(score_captions(CAPTIONS, REFERENCES).rows())
    assert again.copied is None
    assert "copied_share" not in again.totals


def test_intervals_hold_their_score_and_depend_only_on_the_seed(scored: CaptionScores) -> None:
    intervals = scored.intervals(400, seed=1)
    assert set(intervals) == {*SCORE_NAMES, "length_ratio"}
    for name in SCORE_NAMES:
        assert intervals[name].low <= scored.scores[name] <= intervals[name].high
    assert scored.intervals(400, seed=1) == intervals
    assert scored.intervals(400, seed=2) != intervals
    wide, narrow = scored.intervals(400, level=0.99)["cider"], scored.intervals(400, level=0.5)["cider"]
    assert wide.high - wide.low > narrow.high - narrow.low


def test_a_difference_pairs_images_by_id_whatever_their_order(scored: CaptionScores) -> None:
    backwards = score_captions(CAPTIONS[::-1], REFERENCES[::-1], ids=IDS[::-1])
    for estimate in scored.difference(backwards, resamples=50).values():
        assert estimate.value == pytest.approx(0, abs=1e-12)
        assert estimate.low == pytest.approx(estimate.high, abs=1e-12)
    nothing = score_captions(["x"] * 5, REFERENCES, ids=IDS)
    assert scored.difference(nothing, resamples=200)["bleu_1"].separated


def test_prepared_references_can_be_scored_again_and_again() -> None:
    scorer = CaptionScorer(REFERENCES, ids=IDS)
    assert scorer.score(["x"] * 5).scores["cider"] == 0
    assert scorer.score(CAPTIONS).scores == score_captions(CAPTIONS, REFERENCES).scores


def test_captions_without_a_word_score_zero() -> None:
    totals = score_captions([""] * 5, REFERENCES).totals
    assert all(totals[name] == 0 for name in (*SCORE_NAMES, "vocabulary", "length_ratio"))


def test_bad_input_is_named(scored: CaptionScores) -> None:
    with pytest.raises(ValueError, match="1 captions for 5 images"):
        score_captions(["a"], REFERENCES)
    with pytest.raises(DataError, match="no images"):
        score_captions([], [])
    with pytest.raises(DataError, match="image 1 has no reference"):
        score_captions(["a", "b"], [["a"], []])
    with pytest.raises(DataError, match="1 distinct ids for 2 images"):
        score_captions(["a", "b"], [["a"], ["b"]], ids=["x", "x"])
    with pytest.raises(DataError, match="no rows"):
        CaptionScores.from_rows([])
    with pytest.raises(DataError, match="bleu_match_1"):
        CaptionScores.from_rows([{"item": "a", "output": "b"}])
    with pytest.raises(DataError, match="cannot be paired"):
        scored.difference(score_captions(CAPTIONS, REFERENCES))
