"""ROUGE-L: hand-counted, stored and the COCO evaluation's values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcamp.captioning.rouge import _longest_common, _places, rouge_l
from dlcamp.paths import REPOSITORY

COCO = REPOSITORY.parent / "shared" / "reference" / "caption_scores.json"
EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())
SENTENCES = st.lists(st.sampled_from("abcd"), max_size=12)


def words(text: str) -> list[str]:
    return text.split()


def test_precision_and_recall_of_the_common_subsequence_are_joined_with_beta_1_2() -> None:
    """Subsequence a c d: precision 3/4, recall 3/5, 2.44 * .45 / (.6 + 1.44 * .75)."""
    assert rouge_l([[words("a x c d e")]], [words("a b c d")])[0] == pytest.approx(1.098 / 1.68)


def test_precision_and_recall_may_come_from_different_references() -> None:
    """Precision 2/3 of the long one, recall 1 of the short one."""
    value = rouge_l([[words("a b y y y y"), ["c"]]], [words("a b c")])[0]
    assert value == pytest.approx(2.44 * (2 / 3) / (1 + 1.44 * 2 / 3))


@pytest.mark.parametrize(("references", "tokens"), [([["a"]], []), ([["a"]], ["b"]), ([[]], ["a"]), ([[]], [])])
def test_nothing_in_common_scores_zero(references: list[list[str]], tokens: list[str]) -> None:
    assert rouge_l([references], [tokens]).tolist() == [0.0]


@given(SENTENCES, SENTENCES)
def test_the_bit_parallel_length_is_that_of_the_table(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert _longest_common(_places(a), len(a), b) == table[-1][-1]


def test_the_stored_examples_keep_their_values() -> None:
    references = [[text.split() for text in image] for image in EXAMPLES["references"]]
    values = rouge_l(references, [text.split() for text in EXAMPLES["hypotheses"]])
    assert values == pytest.approx(EXAMPLES["rouge_l"], abs=1e-12)


def test_another_number_of_captions_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 captions for 2 images"):
        rouge_l([[["a"]], [["b"]]], [["a"]])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["human_against_four", "shuffled", "short", "constant"])
def test_the_values_are_those_of_the_coco_evaluation(name: str) -> None:
    if not COCO.exists():
        pytest.skip("needs shared/reference/caption_scores.json beside the checkout")
    known = json.loads(COCO.read_text())[name]
    references = [[text.split() for text in image] for image in known["references"]]
    values = rouge_l(references, [text.split() for text in known["hypotheses"]])
    assert values.mean() == pytest.approx(known["rouge_l"], abs=1e-6)
