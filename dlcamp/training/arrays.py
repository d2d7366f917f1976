"""Arrays as what `fit` trains on: batches of one fixed size, in an order that is a function of (seed, epoch)."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dlcamp.errors import DataError


class ArrayBatches:
    """Epoch -> batches of (x, y); the rows that do not fill a batch are left out of that epoch.

    Args:
        x, y: arrays with one row an example.
        batch: examples a step.
        seed: of the order.
    """

    def __init__(self, x: NDArray, y: NDArray, *, batch: int, seed: int) -> None:
        if len(x) != len(y) or len(x) < batch or batch < 1:
            raise DataError(f"{len(x)} inputs and {len(y)} targets do not fill one batch of {batch}")
        self._x, self._y, self._batch, self._seed = x, y, batch, seed

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self._x) // self._batch

    def __call__(self, epoch: int) -> tf.data.Dataset:
        """The batches of one epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._x))[: self.steps * self._batch]
        arrays = self._x[order], self._y[order]
        return tf.data.Dataset.from_tensor_slices(arrays).batch(self._batch, drop_remainder=True)


def accuracy(model: keras.Model, x: NDArray, y: NDArray) -> float:
    """Share of the rows whose largest logit is that of the label."""
    logits = model(tf.constant(x), training=False)
    return float(np.mean(np.argmax(logits, axis=-1) == y))
