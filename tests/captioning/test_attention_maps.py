"""Where a decoder looked: what is recorded, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlcamp.captioning.attention_maps import Attention, attend, fit_of, looking, whereabouts
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError, UserError
from dlcamp.vision.encoder import lite0
from tests.captioning.attended import predictor as untrained
from tests.captioning.attended import record

SHAPE = lite0("map").shape
RNG = np.random.default_rng(1)


@pytest.fixture(scope="module", params=["attention", "transformer"])
def predictor(request: pytest.FixtureRequest) -> CaptionPredictor:
    return untrained(request.param)


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return RNG.normal(0, 2, (3, *SHAPE)).astype(np.float32)


def looked_word_by_word(predictor: CaptionPredictor, features: np.ndarray, ids: list[int]) -> np.ndarray:
    """(words, heads, height, width) of one image, asked for one prefix after the other."""
    net = predictor.net
    assert net.attention is not None
    taken = [predictor.vocabulary.marks.start, *ids]
    maps = [
        np.asarray(net.attention([features[None], np.array([taken[: time + 1]], np.int32)], training=False))[0, -1]
        for time in range(len(ids))
    ]
    return np.stack(maps).reshape(len(ids), -1, *net.spec.feature_shape[:2])


def test_every_word_of_the_predictors_own_caption_has_the_maps_of_the_step_that_chose_it(
    predictor: CaptionPredictor, features: np.ndarray
) -> None:
    """The step after the words before it, the first after the start mark alone; an image does not depend on others."""
    records = attend(predictor, features)
    assert [one.caption for one in records] == predictor.captions(features)
    for image, one in zip(features, records, strict=True):
        assert one.weights.shape == (len(one.words), 4, 7, 7)
        assert one.weights.dtype == np.float32
        np.testing.assert_allclose(one.weights.sum(axis=(2, 3)), 1, atol=1e-5)
        ids = predictor.vocabulary.encode(one.caption)
        np.testing.assert_allclose(one.weights, looked_word_by_word(predictor, image, ids), atol=1e-5)


def test_a_gallery_is_told_of_the_images_it_asks_for_in_its_order(
    predictor: CaptionPredictor, features: np.ndarray
) -> None:
    items = [CaptionItem(name, ("a red circle",)) for name in ("a", "b", "c")]
    ask = looking(predictor, items, features)
    assert ask is not None
    said = predictor.captions(features)
    assert [one.caption for one in ask(["c", "a"])] == [said[2], said[0]]
    assert looking(untrained("merge"), items, features) is None


def test_a_decoder_that_does_not_look_says_which_do(features: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"'merge' looks at no positions(?s:.*)attention, transformer") as raised:
        attend(untrained("merge"), features)
    assert "features=map" in str(raised.value)


def test_no_images_give_no_records(predictor: CaptionPredictor) -> None:
    assert attend(predictor, np.empty((0, *SHAPE), np.float32)) == []


def test_pointing_is_measured() -> None:
    """One head looks at one place, the other everywhere alike; then both everywhere."""
    weights = np.full((2, 2, 2, 4), 1 / 8, np.float32)
    weights[0, 1] = [[0, 0, 0, 1], [0, 0, 0, 0]]
    one = Attention(("a", "dog"), weights)
    mean = np.array([9 / 16] + [1 / 16] * 7)
    np.testing.assert_allclose(one.entropy, [-(mean * np.log2(mean)).sum(), 3], atol=1e-6)
    np.testing.assert_allclose(one.spread, 2**one.entropy)
    np.testing.assert_allclose(one.top_share, [9 / 16, 1 / 8])
    assert one.strongest.tolist() == [1, 0]
    assert one.pointed_at(0) == one.brightest(0) == (0, 3)
    np.testing.assert_allclose(one.head_top_share, [[1 / 8, 1], [1 / 8, 1 / 8]])


def test_a_caption_without_words_has_nothing_to_measure() -> None:
    one = record("")
    assert one.caption == ""
    assert len(one.entropy) == len(one.top_share) == len(one.strongest) == 0


def test_weights_that_do_not_belong_to_the_words_are_refused() -> None:
    with pytest.raises(DataError, match=r"of 3 words, got \(2, 4, 7, 7\)"):
        replace(record("a dog runs"), weights=record("a dog").weights)


def test_how_the_encoder_fits_a_photo_is_known_or_an_error() -> None:
    assert fit_of(lite0("map").preprocessing) == "squash"
    assert fit_of("crop-bilinear-1-224-bgr-means") == "crop"
    with pytest.raises(DataError, match="not known"):
        fit_of("fisheye-1")


@pytest.mark.parametrize(
    ("position", "said"),
    [((0, 0), "upper left"), ((3, 3), "centre"), ((3, 6), "middle right"), ((6, 3), "lower middle")],
)
def test_a_position_is_told_in_words(position: tuple[int, int], said: str) -> None:
    assert whereabouts(position, (7, 7)) == said
