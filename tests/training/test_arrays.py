"""Batches in an order that is a function of (seed, epoch), and accuracy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dlcamp.errors import DataError
from dlcamp.training.arrays import ArrayBatches, accuracy


def read(batches: ArrayBatches, epoch: int) -> list[int]:
    return [int(value) for x, _ in batches(epoch) for value in x.numpy()[:, 0]]


def test_the_order_follows_seed_and_epoch_and_keeps_pairs_together() -> None:
    x, y = np.arange(10, dtype="float32").reshape(10, 1), np.arange(10)
    batches = ArrayBatches(x, y, batch=3, seed=1)
    assert batches.steps == 3
    assert read(batches, 1) == read(ArrayBatches(x, y, batch=3, seed=1), 1)
    assert read(batches, 1) != read(batches, 2)
    assert read(batches, 1) != read(ArrayBatches(x, y, batch=3, seed=2), 1)
    assert all((a.numpy()[:, 0] == b.numpy()).all() for a, b in batches(5))


@pytest.mark.parametrize(("rows", "targets", "batch"), [(3, 4, 1), (3, 3, 4), (3, 3, 0)])
def test_what_does_not_fill_a_batch_is_refused(rows: int, targets: int, batch: int) -> None:
    with pytest.raises(DataError, match="batch"):
        ArrayBatches(np.zeros((rows, 1)), np.zeros(targets), batch=batch, seed=0)


def test_accuracy_is_the_share_of_largest_logits_at_the_label() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    assert accuracy(model, np.eye(3, dtype="float32")[[0, 1, 2, 2]], np.array([0, 1, 2, 0])) == 0.75
