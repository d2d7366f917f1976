"""The reward: whatever is said of whichever image, it is what the CIDEr scorer gives."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.captioning.cider import CiderScorer
from dlcamp.captioning.reward import CiderReward
from dlcamp.captioning.tokens import tokenize
from dlcamp.captioning.vocabulary import END, PAD, START, UNKNOWN, Vocabulary
from dlcamp.errors import DataError

REFERENCES = [
    ("a dog runs over the grass .", "A brown dog's ball is on the grass", "dog"),
    ("two men and a dog", "men stand near a dog and a dog near men"),
    ("a man climbs a rock wall", "a man climbs", "The man in red doesn't climb a rock"),
    ("the the the the", "a man on the grass on the grass on the grass"),
]
RARE_ONCE = Vocabulary.of((text for image in REFERENCES for text in image), min_count=2)
EVERY_WORD = Vocabulary.of(text for image in REFERENCES for text in image)
LENGTH = 14


def rows(captions: list[list[int]]) -> np.ndarray:
    """Ids with the end mark behind them where there is room, then padding."""
    table = np.full((len(captions), LENGTH), PAD, np.int32)
    for row, ids in zip(table, captions, strict=True):
        row[: len(ids) + 1] = [*ids, END][:LENGTH]
    return table


def drawn(vocabulary: Vocabulary, count: int) -> tuple[np.ndarray, list[list[int]]]:
    """Captions of random words, of words said again and again, of pieces of references, and empty ones."""
    rng = np.random.default_rng(0)
    encoded = [vocabulary.encode(text) for image in REFERENCES for text in image]
    captions = []
    for number in range(count):
        kind = number % 4
        size = int(rng.integers(0, LENGTH + 1))
        if kind == 0:
            ids = rng.integers(UNKNOWN + 1, len(vocabulary), size).tolist()
        elif kind == 1:
            ids = [int(rng.integers(UNKNOWN + 1, UNKNOWN + 4))] * size
        else:
            known = [word for word in encoded[rng.integers(len(encoded))] if word != UNKNOWN]
            ids = (known * 2)[int(rng.integers(0, 3)) :][:size] if kind == 2 else known
        captions.append(ids)
    return rng.integers(0, len(REFERENCES), count), captions


@pytest.mark.parametrize("vocabulary", [RARE_ONCE, EVERY_WORD])
@pytest.mark.parametrize("ends", [False, True])
def test_it_is_what_the_scorer_gives_to_the_same_words(vocabulary: Vocabulary, ends: bool) -> None:
    images, captions = drawn(vocabulary, 200)
    end = ["<end>"] if ends else []
    scorer = CiderScorer([[*tokenize(text), *end] for text in image] for image in REFERENCES)
    table = rows(captions)
    said = [vocabulary.decode(ids).split() + (end if END in ids else []) for ids in table.tolist()]
    expected = [scorer.score([words] * len(scorer))[image] for words, image in zip(said, images, strict=True)]
    rewards = CiderReward(REFERENCES, vocabulary, ends=ends)(images, table)
    assert rewards == pytest.approx(expected, abs=1e-9)
    assert len(set(np.round(expected, 6))) > 20
    assert min(expected) == 0 < max(expected)


def test_what_follows_the_end_is_not_read() -> None:
    reward = CiderReward(REFERENCES, EVERY_WORD)
    ids = EVERY_WORD.encode("a man climbs")
    table = rows([ids, ids])
    table[1, len(ids) + 1 :] = ids[0]
    assert len(set(reward(np.array([2, 2]), table).tolist())) == 1


def test_plain_cider_likes_a_caption_that_breaks_off_and_counting_the_end_does_not() -> None:
    ended, broken_off = rows([EVERY_WORD.encode("a man climbs"), EVERY_WORD.encode("a man climbs a")])
    broken_off[4] = PAD  # not even ended
    images, captions = np.array([2, 2]), np.stack([ended, broken_off])
    plain = CiderReward(REFERENCES, EVERY_WORD)(images, captions)
    whole = CiderReward(REFERENCES, EVERY_WORD, ends=True)(images, captions)
    assert plain[0] < plain[1]
    assert whole[0] > whole[1]


def test_a_captions_image_decides_alone() -> None:
    """Values do not depend on what else is in the batch."""
    images, captions = drawn(EVERY_WORD, 40)
    reward, table = CiderReward(REFERENCES, EVERY_WORD), rows(captions)
    alone = [float(reward(images[[i]], table[[i]])[0]) for i in range(len(images))]
    assert reward(images, table).tolist() == pytest.approx(alone, abs=1e-12)


def test_one_image_alone_is_worth_nothing() -> None:
    """Every n-gram stands in every image, so that all weigh nothing."""
    reward = CiderReward([("a dog",)], Vocabulary(("a", "dog")))
    assert reward(np.array([0, 0]), np.array([[4, 5, END], [END, PAD, PAD]])).tolist() == [0.0, 0.0]


def test_bad_input_is_named() -> None:
    words = Vocabulary(("a",))
    with pytest.raises(DataError, match="no images"):
        CiderReward([], words)
    with pytest.raises(DataError, match="image 1 has no reference"):
        CiderReward([("a",), ()], words)
    with pytest.raises(DataError, match="none of 2 reference captions"):
        CiderReward([("...", "")], words)
    with pytest.raises(DataError, match="65,536"):
        CiderReward([(" ".join(f"word{number}" for number in range(2**16)),)], words)
    reward = CiderReward([("a",)], words)
    with pytest.raises(ValueError, match="1 captions of 2 images"):
        reward(np.array([0, 0]), np.array([[START]]))
    with pytest.raises(ValueError, match="images 1 to 1 of 1"):
        reward(np.array([1]), np.array([[END]]))
