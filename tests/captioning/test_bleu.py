"""Corpus BLEU: hand-counted, stored, NLTK's and the COCO evaluation's values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dlcamp.captioning.bleu import BleuReferences, bleu_of_sums, corpus_bleu
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

COCO = REPOSITORY.parent / "shared" / "reference" / "caption_scores.json"
EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())
REFERENCES = [[text.split() for text in image] for image in EXAMPLES["references"]]
HYPOTHESES = [text.split() for text in EXAMPLES["hypotheses"]]


def words(text: str) -> list[str]:
    return text.split()


def test_repeated_words_count_only_as_often_as_one_reference_has_them() -> None:
    """Papineni et al. 2002, example 2: precision 2/7."""
    references = [[words("the cat is on the mat"), words("there is a cat on the mat")]]
    row = BleuReferences(references).statistics([["the"] * 7])[0]
    assert row.tolist() == [2, 0, 0, 0, 7, 6, 5, 4, 7, 7]
    assert bleu_of_sums(row)[0] == pytest.approx(2 / 7)


def test_of_two_references_equally_near_in_length_the_shorter_counts() -> None:
    row = BleuReferences([[words("a b c d"), words("a b")]]).statistics([words("a b c")])[0]
    assert row[8:].tolist() == [3, 2]


def test_a_short_corpus_pays_the_brevity_penalty() -> None:
    values = corpus_bleu([[words("a b c d e f g h")]], [words("a b c d")])
    assert values == pytest.approx([math.exp(1 - 8 / 4)] * 4)


def test_the_stored_examples_keep_their_values() -> None:
    statistics = BleuReferences(REFERENCES).statistics(HYPOTHESES)
    assert statistics.tolist() == EXAMPLES["statistics"]
    assert bleu_of_sums(statistics.sum(axis=0)) == pytest.approx(EXAMPLES["bleu"], abs=1e-12)


def test_it_agrees_with_nltk_where_no_caption_is_shorter_than_the_order() -> None:
    from nltk.translate.bleu_score import corpus_bleu as nltk_bleu

    long = [index for index, tokens in enumerate(HYPOTHESES) if len(tokens) > 3]
    references, hypotheses = [REFERENCES[index] for index in long], [HYPOTHESES[index] for index in long]
    theirs = [nltk_bleu(references, hypotheses, weights=[1 / n] * n) for n in (1, 2, 3, 4)]
    assert corpus_bleu(references, hypotheses) == pytest.approx(theirs, abs=1e-9)


def test_without_a_match_the_definition_gives_zero_and_coco_next_to_nothing() -> None:
    references, hypotheses = [[words("a b c d e")]], [words("e d c b a")]
    assert corpus_bleu(references, hypotheses, smoothing="none")[1:].tolist() == [0, 0, 0]
    assert 0 < corpus_bleu(references, hypotheses)[1] < 1e-6


@pytest.mark.parametrize("smoothing", ["coco", "none"])
def test_empty_captions_score_zero(smoothing: str) -> None:
    assert corpus_bleu([[words("a b")]], [[]], smoothing=smoothing).tolist() == [0, 0, 0, 0]  # type: ignore[arg-type]


def test_sums_of_rows_are_the_corpus_of_those_images() -> None:
    rows = BleuReferences(REFERENCES).statistics(HYPOTHESES)
    drawn = [0, 2, 2, 4, 1]
    whole = corpus_bleu([REFERENCES[i] for i in drawn], [HYPOTHESES[i] for i in drawn])
    assert bleu_of_sums(rows[drawn].sum(axis=0)) == pytest.approx(whole, abs=1e-12)
    many = np.stack([rows.sum(axis=0), rows[drawn].sum(axis=0)])
    assert bleu_of_sums(many)[1] == pytest.approx(whole, abs=1e-12)


def test_constants_score_as_if_they_were_every_caption() -> None:
    scorer = BleuReferences(REFERENCES)
    candidates = [*HYPOTHESES, words("a red a red a"), []]
    direct = [scorer.statistics([tokens] * len(scorer)).sum(axis=0).tolist() for tokens in candidates]
    assert scorer.sums_of_constants(candidates).tolist() == direct


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="image 1 has no reference"):
        BleuReferences([[["a"]], []])
    with pytest.raises(ValueError, match="2 captions for 1 images"):
        BleuReferences([[["a"]]]).statistics([["a"], ["b"]])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["human_against_four", "shuffled", "short", "constant"])
def test_the_values_are_those_of_the_coco_evaluation(name: str) -> None:
    if not COCO.exists():
        pytest.skip("needs shared/reference/caption_scores.json beside the checkout")
    known = json.loads(COCO.read_text())[name]
    references = [[text.split() for text in image] for image in known["references"]]
    values = corpus_bleu(references, [text.split() for text in known["hypotheses"]])
    assert values == pytest.approx(known["bleu"], abs=1e-6)
