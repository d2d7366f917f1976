"""Rows of prefixes: the course's example, order, padding, and the course's own function beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.captioning.camp import as_taught
from dlcamp.captioning.camp.rows import prefix_rows, rows
from dlcamp.captioning.samples import Captioned
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError
from tests.captioning import toy_captions as toy
from tests.captioning.camp import small_course as course

TOY = toy.captioned(40)


def test_the_courses_example_has_its_21_rows() -> None:
    data = rows(course.photos(), course.tokenizer())
    assert (len(data), data.steps) == (21, 2)
    (features_a, prefixes_a), words_a = data.batch(0)
    (features_b, prefixes_b), words_b = data.batch(1)
    assert (len(words_a), len(words_b)) == (10, 11)
    assert list(zip(prefixes_a.tolist(), words_a.tolist(), strict=True))[:5] == course.FIRST_A
    assert list(zip(prefixes_b.tolist(), words_b.tolist(), strict=True))[5:] == course.LAST_B
    assert (prefixes_b[-1].tolist(), words_b[-1]) == ([2, 59, 16, 165, 127, 24], 3)
    assert ((features_a == 1).all(), (features_b == 2).all()) == (True, True)
    assert (features_a.shape, prefixes_a.dtype, words_a.dtype) == ((10, 5), np.int32, np.int32)


def test_the_course_as_taught_makes_the_same_rows() -> None:
    words = course.tokenizer()
    photos, prefixes, following = as_taught.create_input_data(
        course.keras_tokenizer(words), course.MAX_LENGTH, course.wrapped(course.PHOTOS), course.FEATURES, len(words)
    )
    assert (photos.shape, prefixes.shape, following.shape) == ((21, 5), (21, 6), (21, 255))
    data = rows(course.photos(), words)
    batches = [data.batch(number) for number in range(2)]
    np.testing.assert_array_equal(photos, np.concatenate([features for (features, _), _ in batches]))
    np.testing.assert_array_equal(prefixes, np.concatenate([prefixes for (_, prefixes), _ in batches]))
    np.testing.assert_array_equal(following, np.eye(255)[np.concatenate([words for _, words in batches])])


def test_the_generator_as_taught_gives_one_image_a_batch_without_end() -> None:
    words = course.tokenizer()
    batches = as_taught.data_generator(
        course.wrapped(course.PHOTOS), course.FEATURES, course.keras_tokenizer(words), course.MAX_LENGTH
    )
    sizes = [len(following) for _, following in (next(batches) for _ in range(4))]
    assert sizes == [10, 11, 10, 11]


def test_a_prefix_longer_than_the_longest_loses_its_beginning() -> None:
    prefixes, words = prefix_rows([2, 7, 8, 9, 3], max_length=2)
    assert prefixes.tolist() == [[0, 2], [2, 7], [7, 8], [8, 9]]
    assert words.tolist() == [7, 8, 9, 3]


def test_every_image_comes_once_an_epoch_in_an_order_of_seed_and_epoch() -> None:
    data = rows(TOY, course.toy_tokenizer(TOY))
    seen = [features[0] for (features, _), _ in data.batches(0, 1)]
    assert sorted(map(tuple, seen)) == sorted(map(tuple, TOY.features))
    assert (data.order(0, 3) == rows(TOY, course.toy_tokenizer(TOY)).order(0, 3)).all()
    assert (data.order(0, 3) != data.order(0, 4)).any()
    assert (data.order(0, 3) != data.order(1, 3)).any()


@pytest.mark.parametrize("trim", [True, False])
def test_the_pipeline_gives_the_same_rows_as_the_arrays(trim: bool) -> None:
    data = rows(TOY, course.toy_tokenizer(TOY))
    pairs = zip(data.dataset(0, 2, trim=trim).as_numpy_iterator(), data.batches(0, 2), strict=True)
    for ((features, prefixes), words, weights), expected in pairs:
        left_out = data.max_length - prefixes.shape[1]
        assert (features == expected[0][0]).all()
        assert (prefixes == expected[0][1][:, left_out:]).all()
        assert not expected[0][1][:, :left_out].any()
        assert (words == expected[1]).all()
        assert (weights == np.ones(len(words))).all()
        assert (prefixes[:, 0] != 0).any() if trim else left_out == 0


def test_images_without_captions_have_no_rows_and_maps_keep_their_shape() -> None:
    items = [CaptionItem("a", ()), CaptionItem("b", ("one bird",))]
    data = rows(Captioned(np.zeros((2, 3, 3, 4), np.float16), items), course.tokenizer())
    assert (data.steps, len(data)) == (1, 3)
    (features, _), _ = data.batch(0)
    assert (features.shape, features.dtype) == ((3, 3, 3, 4), np.float32)
    with pytest.raises(DataError, match="none of 1 images has a caption"):
        rows(Captioned(np.zeros((1, 4)), items[:1]), course.tokenizer())
