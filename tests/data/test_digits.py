"""The digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from dlcamp.data.catalog import entry


def test_the_parts_are_disjoint_cover_everything_and_follow_the_seed() -> None:
    data = entry("digits").open()
    cut = data.split(0)
    sizes = [len(part.y) for part in (cut.train, cut.val, cut.test)]
    assert sizes == [1079, 359, 359]
    assert cut.train.x.shape == (1079, 64)
    assert cut.train.x.dtype == np.float32
    assert 0 <= cut.train.x.min() < cut.train.x.max() <= 1
    assert (data.split(0).test.x == cut.test.x).all()
    assert (data.split(1).test.y != cut.test.y).any()
    assert len(data.digest) == 64
