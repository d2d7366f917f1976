"""A decoder's products, run alone."""

from __future__ import annotations

import pytest

from dlcamp.captioning.decoders import DecoderSpec
from dlcamp.captioning.decoders.floor import Floor
from dlcamp.captioning.decoders.operations import products
from dlcamp.errors import DataError

SPEC = DecoderSpec("transformer", vocabulary_size=11, feature_shape=(2, 3, 5), units=4, heads=2)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_floor_runs_every_product_and_knows_their_rates_after_the_first_time(precision: str) -> None:
    counted = products(SPEC, 3.5)
    floor = Floor(counted, batch=3, precision=precision, steps=2)
    assert floor() == 6
    with pytest.raises(DataError, match="two calls"):
        floor.rates()
    floor()
    assert floor.rates().keys() == {product.name for product in counted}
    assert all(rate > 0 for rate in floor.rates().values())


def test_a_floor_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="nothing to multiply"):
        Floor([], batch=3, precision="float32")
