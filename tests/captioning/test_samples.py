"""Training batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlcamp.captioning.samples import Captioned, samples, tells_left_from_right
from dlcamp.captioning.vocabulary import END, PAD, START, Vocabulary
from dlcamp.data.captions import CaptionItem
from dlcamp.data.scenes import Scenes
from dlcamp.data.scenes.truth import judge
from dlcamp.data.scenes.world import CANVAS, Scene
from dlcamp.errors import DataError
from tests.captioning import toy_captions as toy

DATA = toy.captioned(50)
VOCABULARY = toy.vocabulary(DATA)
MIRRORED = Captioned(DATA.features + 100, DATA.items)


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


def test_with_mirrored_images_an_epoch_still_has_each_caption_once_half_of_them_mirrored() -> None:
    plain, both = (samples(DATA, VOCABULARY, 16, 8, mirrored) for mirrored in (None, MIRRORED))
    assert plain.steps == both.steps
    turned = 0
    for one, other in zip(plain.batches(0, 1), both.batches(0, 1), strict=True):
        (features, words_in), words_out, mask = one
        (mixed, *_), (_, same_words), same_out, same_mask = other[0], *other
        for expected, got in ((words_in, same_words), (words_out, same_out), (mask, same_mask)):
            np.testing.assert_array_equal(got, expected)
        difference = mixed - features
        flipped = difference[:, 0] > 50
        np.testing.assert_allclose(difference, np.where(flipped, 100, 0)[:, None] * np.ones_like(features), atol=1e-4)
        turned += int((flipped & mask.any(axis=1)).sum())
    assert turned == both.flips(0, 1).sum()
    assert 30 <= turned <= 70


def test_which_captions_are_mirrored_is_a_function_of_seed_and_epoch() -> None:
    data, again = (samples(DATA, VOCABULARY, 16, 8, MIRRORED) for _ in range(2))
    np.testing.assert_array_equal(data.flips(0, 3), again.flips(0, 3))
    assert (data.flips(0, 3) != data.flips(0, 4)).any()
    assert (data.flips(0, 3) != data.flips(1, 3)).any()
    assert not samples(DATA, VOCABULARY, 16, 8).flips(0, 3).any()


def test_the_pipeline_reads_rows_of_both_files_and_leaves_them_mapped(tmp_path: Path) -> None:
    files = []
    for name, values in (("plain", DATA.features), ("mirrored", MIRRORED.features)):
        np.save(tmp_path / f"{name}.npy", values)
        files.append(Captioned(np.load(tmp_path / f"{name}.npy", mmap_mode="r"), DATA.items))
    data, mapped = samples(DATA, VOCABULARY, 16, 8, MIRRORED), samples(files[0], VOCABULARY, 16, 8, files[1])
    assert mapped.mirrored is not None
    assert (mapped.features is files[0].features, mapped.mirrored.features is files[1].features) == (True, True)
    for got, expected in zip(mapped.dataset(0, 2).as_numpy_iterator(), data.batches(0, 2), strict=True):
        np.testing.assert_array_equal(got[0][0], expected[0][0])
        np.testing.assert_array_equal(got[0][1], expected[0][1])


def test_a_caption_that_tells_left_from_right_is_never_taught_with_the_mirrored_image() -> None:
    texts = ("a red circle left of a square", "a red circle above a square")
    data = Captioned(np.zeros((40, 4), np.float32), [CaptionItem(str(i), texts) for i in range(40)])
    built = samples(data, Vocabulary.of(data.captions), 16, 8, Captioned(data.features + 1, data.items))
    taught = np.array([built.flips(0, epoch) for epoch in range(8)]).reshape(8, 40, 2).any(axis=(0, 1))
    assert taught.tolist() == [False, True]


@pytest.mark.parametrize(
    "caption",
    [
        "Two dogs, the one on the LEFT is brown .",
        "a man in the right-hand lane",
        "the upper-left corner",
        "the leftmost of three girls",
        "a man 's right arm",
        "people run counter-clockwise",
        "a bike right behind him",
        "he eats leftovers",
        "to the left/right",
    ],
)
def test_words_of_left_and_right_are_found_in_every_form_whatever_their_sense(caption: str) -> None:
    assert tells_left_from_right(caption)


@pytest.mark.parametrize(
    "caption",
    ["A bright red kite", "brightly-colored frightened birds stand upright", "a Wright brothers plane", "a lift", ""],
)
def test_words_that_only_contain_them_leave_a_caption_in(caption: str) -> None:
    assert not tells_left_from_right(caption)


def test_a_caption_of_scenes_that_may_be_mirrored_is_true_of_the_mirrored_scene_and_the_others_tell_sides() -> None:
    data, left_out = Scenes(train=300, val=1, test=1), 0
    for item in data.items("train"):
        scene = data.scene(item.id)
        turned = Scene(tuple(replace(o, column=2 - o.column, x=CANVAS - o.x) for o in scene.objects))
        for caption in item.references:
            assert judge(caption, scene).truthful
            stays_true = judge(caption, turned).truthful
            assert stays_true != tells_left_from_right(caption)
            left_out += not stays_true
    assert left_out > 100


def test_mirrored_images_that_are_not_those_of_the_data_are_refused() -> None:
    with pytest.raises(DataError, match="49 mirrored images are not the 50 training images"):
        samples(DATA, VOCABULARY, 16, 8, Captioned(DATA.features[1:], DATA.items[1:]))
    with pytest.raises(DataError, match=r"mirrored images have the shape \(50, 8\), those of the images \(50, 16\)"):
        samples(DATA, VOCABULARY, 16, 8, Captioned(DATA.features[:, :8], DATA.items))
