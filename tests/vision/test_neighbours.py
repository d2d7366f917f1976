"""Neighbours are those that a plain comparison of everything with everything finds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dlcamp.errors import DataError
from dlcamp.vision.encoder import lite0
from dlcamp.vision.features import Features, Skipped
from dlcamp.vision.neighbours import alike, copies, directions, look_up, nearest


def drawn(n: int, channels: int = 8, seed: int = 0) -> np.ndarray:
    return directions(np.random.default_rng(seed).normal(size=(n, channels)))


@pytest.mark.parametrize("block_values", [1, 50, 1 << 20])
def test_the_nearest_are_those_of_a_full_sort_whatever_the_block(block_values: int) -> None:
    queries, collection = drawn(17, seed=1), drawn(40, seed=2)
    found = nearest(queries, collection, 5, block_values=block_values)
    cosines = queries @ collection.T
    expected = np.argsort(-cosines, axis=1)[:, :5]
    np.testing.assert_array_equal(found.positions, expected)
    np.testing.assert_allclose(found.cosines, np.take_along_axis(cosines, expected, axis=1), atol=1e-6)


def test_equal_cosines_keep_the_order_of_the_collection() -> None:
    one = np.eye(3, dtype=np.float32)
    found = nearest(one[:1], np.stack([one[1], one[0], one[0], one[0], one[2]]), 2)
    assert found.positions.tolist() == [[1, 2]]
    assert nearest(one[:1], one[[1, 2, 0]], 3).positions.tolist() == [[2, 0, 1]]


def test_an_image_is_no_neighbour_of_itself() -> None:
    images = drawn(12)
    itself = np.arange(12)
    assert (nearest(images, images, 1).positions[:, 0] == itself).all()
    found = nearest(images, images, 20, own=itself)
    assert found.positions.shape == (12, 11)
    assert not (found.positions == itself[:, None]).any()
    some = np.array([7, 3])
    np.testing.assert_array_equal(nearest(images[some], images, 20, own=some).positions, found.positions[some])


def test_a_collection_smaller_than_k_gives_what_it_has_and_none_is_a_clear_error() -> None:
    assert nearest(drawn(2), drawn(3), 9).positions.shape == (2, 3)
    with pytest.raises(DataError, match="collection of 1: a neighbour is another image"):
        nearest(drawn(1), drawn(1), 3, own=np.array([0]))
    with pytest.raises(DataError, match="collection of 0"):
        nearest(drawn(1), drawn(1)[:0], 3)


def test_maps_are_averaged_and_lengths_are_one_in_any_float_type_and_block() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 3, 3, 4)).astype(np.float16)
    found = directions(maps, block_values=7)
    means = maps.astype(np.float32).mean(axis=(1, 2))
    np.testing.assert_allclose(found, means / np.linalg.norm(means, axis=1, keepdims=True), rtol=1e-5)
    assert found.dtype == np.float32
    assert directions(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_a_feature_of_zeros_is_near_nothing() -> None:
    found = nearest(directions(np.zeros((1, 4))), drawn(3, 4), 1)
    assert found.cosines[0, 0] == 0


def test_a_feature_that_is_not_finite_is_named() -> None:
    features = np.ones((6, 4), np.float32)
    features[4, 1] = np.nan
    with pytest.raises(DataError, match="image 4 is not finite"):
        directions(features, block_values=8)


@pytest.mark.parametrize("block_values", [1, 30, 1 << 20])
def test_pairs_above_the_bound_are_counted_and_the_most_alike_are_given(block_values: int) -> None:
    collection = drawn(20, seed=3)
    noise = np.random.default_rng(4).normal(size=(6, 8)) * 1e-3
    queries = directions(np.concatenate([collection[[2, 5, 5, 9]] + noise[:4], drawn(2, seed=9)]))
    found = alike(queries, collection, 0.99, block_values=block_values)
    assert found.count == 4
    assert {(pair.query, pair.position) for pair in found.pairs} == {(0, 2), (1, 5), (2, 5), (3, 9)}
    assert [pair.cosine for pair in found.pairs] == sorted((pair.cosine for pair in found.pairs), reverse=True)
    few = alike(queries, collection, 0.99, keep=2, block_values=block_values)
    assert (few.count, few.pairs) == (4, found.pairs[:2])


@pytest.mark.parametrize(("own", "count"), [([0, 1, 2, 3], 6), ([2, 3], 5), ([3, 0], 5), ([1], 3)])
def test_inside_one_collection_a_pair_counts_once(own: list[int], count: int) -> None:
    blank = np.tile(drawn(1), (4, 1))
    rows = np.array(own)
    found = alike(blank[rows], blank, 0.999, own=rows)
    assert found.count == count
    pairs = [frozenset((own[pair.query], pair.position)) for pair in found.pairs]
    assert len(set(pairs)) == count
    assert all(len(pair) == 2 for pair in pairs)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([-1, -1], [(0, 0), (0, 2), (1, 1)]),
        ([0, 1], [(0, 2)]),
        ([2, 1], [(0, 0)]),
        ([0, 2], [(0, 2)]),
    ],
)
def test_files_of_the_same_bytes_are_pairs_once(own: list[int], expected: list[tuple[int, int]]) -> None:
    collection = [b"a", b"b", b"a"]
    queries = [collection[place] for place in own] if min(own) >= 0 else [b"a", b"b"]
    assert copies(queries, collection, np.array(own)) == tuple(expected)


def test_images_are_looked_up_by_id_and_the_unreadable_are_left_out() -> None:
    ids = ("t1", "t2", "v1", "v2")
    array = np.array([[1, 0], [0, 1], [0.1, 1], [2, 0]], np.float32)
    features = Features(ids, array, lite0("pooled", "float32"), (Skipped("v0", "broken"),), "digest", 0.0, 0)
    contents = {"t1": b"one", "t2": b"two", "v1": b"three", "v2": b"one"}
    found = look_up(features, ["v0", "v1", "v2"], ["t1", "t2", "t0"], 9, contents)
    assert (found.queries, found.collection) == (("v1", "v2"), ("t1", "t2"))
    assert found.near.positions.tolist() == [[1, 0], [0, 1]]
    assert [(pair.query, pair.position) for pair in found.alike.pairs] == [(1, 0)]
    assert found.copies == ((1, 0),)
    inside = look_up(features, ids, ids, 1, contents)
    assert inside.near.positions[:, 0].tolist() == [3, 2, 1, 0]
    assert (inside.alike.count, inside.copies) == (1, ((0, 3),))
    with pytest.raises(DataError, match="none of the 1 images to look up"):
        look_up(features, ["v0"], ids, 1, contents)


def test_it_needs_no_tensorflow() -> None:
    code = "import sys, dlcamp.vision.neighbours; assert not {'tensorflow', 'keras', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
