"""Training batches."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.captioning.samples import Captioned, samples
from dlcamp.captioning.vocabulary import END, PAD, START, Vocabulary
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError
from tests.captioning import toy_captions as toy

DATA = toy.captioned(50)
VOCABULARY = toy.vocabulary(DATA)


def said(words_in: np.ndarray, words_out: np.ndarray, mask: np.ndarray) -> list[tuple[str, str]]:
    """What each real row of a batch reads and must say."""
    real = mask.any(axis=1)
    return [(VOCABULARY.decode(a), VOCABULARY.decode(b)) for a, b in zip(words_in[real], words_out[real], strict=True)]


def test_every_caption_comes_once_an_epoch_beside_its_own_image() -> None:
    data = samples(DATA, VOCABULARY, batch=16, max_length=8)
    assert (data.steps, len(data.rows)) == (7, 100)
    found = []
    for (features, words_in), words_out, mask in data.batches(seed=0, epoch=1):
        assert features.shape == (16, toy.CHANNELS)
        assert words_in.shape == words_out.shape == mask.shape
        for feature, (reads, says) in zip(features, said(words_in, words_out, mask), strict=False):
            row = int(np.flatnonzero((DATA.features == feature).all(axis=1))[0])
            assert reads == says
            found.append((row, says))
    expected = [
        (row, VOCABULARY.decode(VOCABULARY.encode(c))) for row, i in enumerate(DATA.items) for c in i.references
    ]
    assert sorted(found) == sorted(expected)


def test_words_in_begin_with_start_and_words_out_end_with_end() -> None:
    for (_, words_in), words_out, mask in samples(DATA, VOCABULARY, 16, 8).batches(0, 1):
        assert (words_in[:, 0] == START).all()
        spoken_before = mask[:, 1:] > 0
        assert (words_in[:, 1:][spoken_before] == words_out[:, :-1][spoken_before]).all()
        assert ((words_out == END).sum(axis=1) == 1).all()
        assert (mask <= (words_out != PAD)).all()


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    data = samples(DATA, VOCABULARY, 16, 8)
    again = samples(DATA, VOCABULARY, 16, 8)
    assert (data.order(0, 3) == again.order(0, 3)).all()
    assert (data.order(0, 3) != data.order(0, 4)).any()
    assert (data.order(0, 3) != data.order(1, 3)).any()


def test_the_last_batch_is_filled_with_captions_that_do_not_count() -> None:
    data = samples(DATA, VOCABULARY, batch=64, max_length=8)
    masks = [mask for _, _, mask in data.batches(0, 1)]
    assert [len(mask) for mask in masks] == [64, 64]
    assert sum(int(mask.any(axis=1).sum()) for mask in masks) == 100


def test_a_long_caption_is_cut_without_an_end() -> None:
    data = samples(Captioned(DATA.features[:1], [CaptionItem("x", ("a red circle above a line",))]), VOCABULARY, 1, 3)
    ((_, words_in), words_out, mask) = next(data.batches(0, 1))
    assert VOCABULARY.decode(words_out[0]) == "a red circle"
    assert END not in words_out
    assert VOCABULARY.decode(words_in[0]) == "a red"
    assert mask.tolist() == [[1, 1, 1]]


def test_captions_of_like_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).integers(1, 9, 400)
    items = [CaptionItem(str(i), (" ".join(["a"] * n),)) for i, n in enumerate(lengths)]
    data = samples(Captioned(np.zeros((400, 4), np.float32), items), Vocabulary.of(["a"]), 16, 20)
    computed = sum(mask.size for _, _, mask in data.batches(0, 1))
    assert computed < 1.2 * (lengths + 1).sum() + 16 * 9


def test_the_pipeline_gives_the_same_batches_as_the_arrays() -> None:
    data = samples(DATA, VOCABULARY, 16, 8)
    pairs = zip(data.dataset(0, 2).as_numpy_iterator(), data.batches(0, 2), strict=True)
    for ((features, words_in), words_out, mask), expected in pairs:
        assert (features == expected[0][0]).all()
        assert (words_in == expected[0][1]).all()
        assert (words_out == expected[1]).all()
        assert (mask == expected[2]).all()


def test_maps_of_features_keep_their_shape() -> None:
    data = Captioned(np.zeros((2, 7, 7, 5), np.float16), DATA.items[:2])
    (features, _), _, _ = next(samples(data, VOCABULARY, 4, 8).batches(0, 1))
    assert (features.shape, features.dtype) == ((4, 7, 7, 5), np.float32)


def test_data_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DataError, match="3 rows of features for 2 images"):
        Captioned(np.zeros((3, 4)), DATA.items[:2])
    with pytest.raises(DataError, match="got shape"):
        Captioned(np.zeros((2, 4, 4)), DATA.items[:2])
    with pytest.raises(DataError, match="no images"):
        Captioned(np.zeros((0, 4)), [])
    with pytest.raises(DataError, match="none of 1 images has a caption"):
        samples(Captioned(np.zeros((1, 4)), [CaptionItem("x", ("...",))]), VOCABULARY, 4, 8)
