"""The course's BLEU, against NLTK called as the course calls it."""

from __future__ import annotations

import warnings

import pytest

from dlcamp.captioning.bleu import corpus_bleu
from dlcamp.captioning.camp.metric import camp_bleu
from dlcamp.errors import DataError

REFERENCES = [
    ("A dog runs across the grass .", "The brown dog is running"),
    ("Two children play in water", "A boy and a girl play ."),
]
SAID = ["startseq a dog runs across the water endseq", "startseq two children play play play"]


def as_the_course_calls_it() -> dict[str, float]:
    from nltk.translate.bleu_score import corpus_bleu

    actual = [[f"startseq {text} endseq".split() for text in image] for image in REFERENCES]
    predicted = [text.split() for text in SAID]
    return {
        "bleu_1": corpus_bleu(actual, predicted, weights=(1.0, 0, 0, 0)),
        "bleu_2": corpus_bleu(actual, predicted, weights=(0.5, 0.5, 0, 0)),
        "bleu_3": corpus_bleu(actual, predicted, weights=(0.3, 0.3, 0.3, 0)),
        "bleu_4": corpus_bleu(actual, predicted, weights=(0.25, 0.25, 0.25, 0.25)),
    }


def test_it_is_what_the_course_prints() -> None:
    assert camp_bleu(SAID, REFERENCES) == pytest.approx(as_the_course_calls_it())


def test_marks_inflate_it_and_its_bleu_3_is_not_bleu_3() -> None:
    words = [text.removeprefix("startseq ").removesuffix(" endseq").split() for text in SAID]
    honest = corpus_bleu([[text.split() for text in image] for image in REFERENCES], words)
    ours = camp_bleu(SAID, REFERENCES)
    assert ours["bleu_1"] > honest[0]
    assert ours["bleu_3"] > ours["bleu_2"] ** (2 / 3) * 0.5 > 0


def test_without_a_match_it_is_nearly_nothing_and_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = camp_bleu(["startseq cats"], [("Dogs bark loudly",)])
    assert found["bleu_1"] > 0
    assert 0 <= found["bleu_4"] < 1e-50


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(DataError, match="1 captions for 2 images"):
        camp_bleu(SAID[:1], REFERENCES)
    with pytest.raises(DataError, match="0 captions"):
        camp_bleu([], [])
    with pytest.raises(DataError, match="no reference"):
        camp_bleu(SAID, [REFERENCES[0], ()])
    with pytest.raises(DataError, match="no startseq: 'a dog'"):
        camp_bleu(["a dog", "a"], REFERENCES)
