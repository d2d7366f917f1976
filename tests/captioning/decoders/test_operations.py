"""Operations of training one caption: small counts by hand, and every weight of the real nets multiplied once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.decoders.operations import PRODUCTS, Product, operations, products
from dlcamp.errors import DataError, UnknownName

POOLED = DecoderSpec("merge", vocabulary_size=11, feature_shape=(5,), units=4, embedding=3, heads=2, layers=2)
MAP = replace(POOLED, feature_shape=(2, 3, 5))
NO_PRODUCT = ("embedding", "places", "bias", "norm")  # looked up or added


def by_name(spec: DecoderSpec, words: float) -> dict[str, Product]:
    return {product.name: product for product in products(spec, words)}


def test_a_product_is_2mkn_operations_and_each_gradient_as_many_again() -> None:
    assert Product("one", rows=2, inner=3, columns=5).operations == 2 * 2 * 3 * 5 * 3
    assert Product("of features", rows=2, inner=3, columns=5, gradients=1, copies=4).operations == 2 * 2 * 3 * 5 * 2 * 4


def test_merge_is_counted_as_by_hand() -> None:
    """Image 5x4 once; seven words: 3x16 and 4x16 into the gates, 4x4 hidden, 4x11 logits."""
    assert operations(POOLED, 7) == 2 * (5 * 4) * 2 + 7 * 2 * (3 * 16 + 4 * 16 + 4 * 4 + 4 * 11) * 3


def test_the_others_differ_from_merge_in_what_they_do_otherwise() -> None:
    merge = operations(POOLED, 7)
    assert operations(replace(POOLED, decoder="init_inject"), 7) == merge
    assert merge - operations(replace(POOLED, decoder="gru"), 7) == 7 * 2 * (3 + 4) * 4 * 3  # a gate less
    beside = 7 * 2 * (3 * 16) * 3 - 2 * 5 * (4 - 3) * 2  # the image beside each word, as wide as a word
    assert operations(replace(POOLED, decoder="par_inject"), 7) - merge == beside


def test_attention_is_counted_as_by_hand() -> None:
    """Six places. A word: its gates, its query, 2 x 6 x 4 of looking, hidden from 8, logits."""
    of_the_map = 2 * (6 * 5 * 4) * 2 + 2 * (4 * 4 + 2 * 6 * 4 * 4) * 3
    of_a_word = 2 * (3 * 16 + 4 * 16 + 4 * 4 + 2 * 6 * 4 + 8 * 4 + 4 * 11) * 3
    assert operations(replace(MAP, decoder="attention"), 7) == of_the_map + 7 * of_a_word


def test_the_transformer_is_counted_as_by_hand_and_a_word_looks_at_no_later_one() -> None:
    of_the_map = 2 * (6 * 5 * 4) * 2 + 2 * (2 * 2 * 6 * 4 * 4) * 3
    layer = 6 * 4 * 4 + 2 * 6 * 4 + 2 * 4 * 16
    earlier = 2 * 2 * (1 + 2 + 3 + 4 + 5 + 6 + 7) * 4  # two layers, scores and what is seen
    assert operations(replace(MAP, decoder="transformer"), 7) == (
        of_the_map + 7 * 2 * (2 * layer + 4 * 11) * 3 + 2 * earlier * 3
    )


@pytest.mark.parametrize("decoder", PRODUCTS)
def test_every_matrix_that_is_trained_is_multiplied_once_a_caption_or_word(decoder: str) -> None:
    spec = replace(MAP, decoder=decoder)
    net = build(spec, seed=0)
    matrices = [v for v in net.teacher.trainable_variables if not any(name in v.path for name in NO_PRODUCT)]
    assert sum(product.weights for product in products(spec, 7)) == sum(int(np.prod(v.shape)) for v in matrices)


def test_only_the_products_of_features_have_one_gradient() -> None:
    for decoder in PRODUCTS:
        single = [name for name, product in by_name(replace(MAP, decoder=decoder), 7).items() if product.gradients == 1]
        assert single in (["image"], ["regions"])


@pytest.mark.parametrize(("decoder", "words", "match"), [("merge", 0.5, "one word"), ("attention", 7, "map")])
def test_no_word_and_no_map_are_refused(decoder: str, words: float, match: str) -> None:
    with pytest.raises(DataError, match=match):
        products(replace(POOLED, decoder=decoder), words)


def test_the_courses_prefixes_are_not_counted() -> None:
    with pytest.raises(UnknownName, match="camp"):
        products(replace(POOLED, decoder="camp"), 7)
