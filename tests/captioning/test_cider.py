"""CIDEr: computed by hand, stored and the COCO evaluation's values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from dlcamp.captioning.cider import CiderScorer
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

COCO = REPOSITORY.parent / "shared" / "reference" / "caption_scores.json"
EXAMPLES = json.loads((Path(__file__).parent / "score_examples.json").read_text())
REFERENCES = [[text.split() for text in image] for image in EXAMPLES["references"]]
HYPOTHESES = [text.split() for text in EXAMPLES["hypotheses"]]


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a b", 10 * (1 + 1 + 0 + 0) / 4),  # both orders that exist are equal, the others count as 0
        ("a d", 10 * (1 / 2) / 4),  # one of two words, the bigram differs
        ("a", 10 * math.exp(-1 / 72) / math.sqrt(2) / 4),  # one bigram fewer: penalty exp(-1 / (2 * 36))
        ("a a", 10 * (1 / math.sqrt(2)) / 2 / 4),  # clipped: 1 * idf^2 over norms 2 idf and sqrt(2) idf
        ("x y", 0.0),
        ("", 0.0),
    ],
)
def test_two_images_of_two_words_score_as_by_hand(caption: str, expected: float) -> None:
    """Every word stands in one of two images, so that all idf are log 2 and cancel."""
    scorer = CiderScorer([[words("a b")], [words("c d")]])
    assert scorer.score([caption.split(), words("c d")]) == pytest.approx([expected, 5.0], abs=1e-12)


def test_what_every_image_says_is_worth_nothing() -> None:
    scorer = CiderScorer([[words("a b")], [words("a b")]])
    assert scorer.score([words("a b")] * 2).tolist() == [0.0, 0.0]


def test_one_image_alone_scores_zero() -> None:
    """With a single image every idf is log 1."""
    assert CiderScorer([[words("a b c d e")]]).score([words("a b c d e")]).tolist() == [0.0]


def test_the_stored_examples_keep_their_values() -> None:
    assert CiderScorer(REFERENCES).score(HYPOTHESES) == pytest.approx(EXAMPLES["cider"], abs=1e-12)


def test_constants_score_as_if_they_were_every_caption() -> None:
    scorer = CiderScorer(REFERENCES)
    candidates = [*HYPOTHESES, words("a red a red a"), words("a a a a square square"), ["unknown"], []]
    direct = [scorer.score([tokens] * len(scorer)).mean() for tokens in candidates]
    assert scorer.corpus_of_constants(candidates) == pytest.approx(direct, abs=1e-12)


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="image 0 has no reference"):
        CiderScorer([[]])
    with pytest.raises(ValueError, match="0 captions for 1 images"):
        CiderScorer([[["a"]]]).score([])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["human_against_four", "shuffled", "short", "constant"])
def test_the_values_are_those_of_the_coco_evaluation(name: str) -> None:
    if not COCO.exists():
        pytest.skip("needs shared/reference/caption_scores.json beside the checkout")
    known = json.loads(COCO.read_text())[name]
    references = [[text.split() for text in image] for image in known["references"]]
    values = CiderScorer(references).score([text.split() for text in known["hypotheses"]])
    assert values.mean() == pytest.approx(known["cider"], abs=1e-6)
    assert values[:10] == pytest.approx(known["cider_each"], abs=1e-6)
