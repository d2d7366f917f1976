"""Scores of captions as statistics of rows: what an interval over seeds and images is computed from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlcamp.analysis.items import item_statistic
from dlcamp.captioning.item_scores import BLEU_4, TOLD_RELATION, bleu
from dlcamp.captioning.scores import score_captions

EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_of_mean_statistics_is_that_of_the_corpus(order: int) -> None:
    scored = score_captions(EXAMPLES["hypotheses"], EXAMPLES["references"])
    means = np.array([bleu(order).of_row(row) for row in scored.rows()]).mean(axis=0)
    assert bleu(order).of_means(means) == pytest.approx(scored.scores[f"bleu_{order}"], abs=1e-6)


def test_it_works_on_many_resamples_at_once() -> None:
    scored = score_captions(EXAMPLES["hypotheses"], EXAMPLES["references"])
    table = np.array([BLEU_4.of_row(row) for row in scored.rows()])
    assert BLEU_4.of_means(np.stack([table.mean(axis=0)] * 6).reshape(2, 3, -1)).shape == (2, 3)


def test_an_image_that_allows_no_relation_does_not_count() -> None:
    rows = [{"told_relation": value} for value in (True, False, None, None)]
    means = np.array([TOLD_RELATION.of_row(row) for row in rows]).mean(axis=0)
    assert TOLD_RELATION.of_means(means) == 0.5


def test_what_experiments_name_is_there() -> None:
    assert item_statistic("dlcamp.captioning.item_scores:BLEU_4") is BLEU_4
    with pytest.raises(ValueError, match="the orders are 1 to 4"):
        bleu(5)
