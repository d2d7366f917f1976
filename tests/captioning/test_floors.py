"""Floors and the human row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlcamp.captioning.floors import Objective, best_constant, leave_one_out, shuffled
from dlcamp.captioning.scores import score_captions
from dlcamp.errors import DataError

EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())
REFERENCES, CAPTIONS = EXAMPLES["references"], EXAMPLES["hypotheses"]
TRAIN = [*CAPTIONS, "a red circle above a blue square", "A purple star.", "a green circle", "..."]


@pytest.mark.parametrize("objective", ["bleu_4", "cider"])
def test_the_best_constant_is_the_one_that_scores_best_everywhere(objective: Objective) -> None:
    def total(caption: str) -> float:
        return score_captions([caption] * len(REFERENCES), REFERENCES).scores[objective]

    chosen = best_constant(TRAIN, REFERENCES, objective)
    assert chosen in TRAIN
    assert total(chosen) == pytest.approx(max(total(caption) for caption in TRAIN))


def test_of_equal_constants_the_first_is_taken_as_it_stands() -> None:
    assert best_constant(["Nothing!", "nothing", "none"], REFERENCES) == "Nothing!"


@pytest.mark.parametrize("n", [2, 3, 50])
def test_shuffling_leaves_no_caption_in_its_place_and_loses_none(n: int) -> None:
    captions = [str(index) for index in range(n)]
    dealt = shuffled(captions, seed=3)
    assert sorted(dealt) == sorted(captions)
    assert all(a != b for a, b in zip(dealt, captions, strict=True))
    assert dealt == shuffled(captions, seed=3)


def test_one_reference_is_drawn_and_the_others_stay_in_order() -> None:
    captions, others = leave_one_out([list("abcde")] * 30, seed=0)
    assert len(set(captions)) > 2
    for caption, rest in zip(captions, others, strict=True):
        assert rest == [letter for letter in "abcde" if letter != caption]


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="0 candidates"):
        best_constant(["..."], REFERENCES)
    with pytest.raises(DataError, match="1 captions cannot be shuffled"):
        shuffled(["a"], seed=0)
    with pytest.raises(DataError, match="image 1 has 1 reference"):
        leave_one_out([["a", "b"], ["a"]], seed=0)
