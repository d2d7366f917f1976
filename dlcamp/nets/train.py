"""How a classifier of labelled images is trained: `fit`, with loss and accuracy of both sides after each epoch.

Training goes on to the last epoch and keeps its weights: to stop early, or to keep the best epoch, would be one
more regulariser, at work in every variant. `train/loss` and `train/accuracy` are measured as `val/...` are, after
the epoch, without noise and penalty, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlcamp.data.cut import Cut
from dlcamp.data.digits import Part
from dlcamp.training.fit import FitResult, fit
from dlcamp.training.reporting import Run
from dlcamp.training.seeds import derive

STEPS_A_CALL = 50


def train_classifier(
    model: keras.Model,
    parts: Cut,
    *,
    optimizer: Callable[[int], keras.optimizers.Optimizer],
    epochs: int,
    batch: int,
    seed: int,
    run: Run,
) -> FitResult:
    """Train a model of logits to the last epoch.

    Args:
        optimizer: steps of the whole training -> optimiser.
        batch: images a step; the rest that fills no batch is left out of that epoch, and fewer images are one batch.
        seed: of the order.
    """
    batch = min(batch, len(parts.train.y))
    batches = Batches(parts.train, batch, derive(seed, "order"))
    return fit(
        model,
        batches,
        loss=cross_entropy,
        optimizer=optimizer(epochs * batches.steps),
        epochs=epochs,
        steps_per_epoch=batches.steps,
        run=run,
        evaluate=evaluation(model, parts),
        steps_per_call=STEPS_A_CALL,
        unit="images",
        units_per_step=batch,
    )


def cross_entropy(labels: Any, logits: Any) -> Any:
    """Mean of -ln p(label), in nats."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


class Batches:
    """Epoch -> its batches, in an order that is a function of (seed, epoch).

    The rows are put in order and cut by NumPy, not gathered one by one: a batch costs microseconds.
    """

    def __init__(self, part: Part, batch: int, seed: int) -> None:
        self._part, self._batch, self._seed = part, batch, seed

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self._part.y) // self._batch

    def __call__(self, epoch: int) -> tf.data.Dataset:
        """The batches of one epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._part.y))
        order = order[: self.steps * self._batch].reshape(self.steps, self._batch)
        return tf.data.Dataset.from_tensor_slices((self._part.x[order], self._part.y[order]))


def evaluation(model: keras.Model, parts: Cut) -> Callable[[int], dict[str, float]]:
    """Epoch -> loss and accuracy of val and of as many training images, in one call of a compiled function."""
    n = len(parts.val.y)
    chosen = {"train": Part(parts.train.x[:n], parts.train.y[:n]), "val": parts.val}
    sides = {name: (tf.constant(part.x), tf.constant(part.y)) for name, part in chosen.items()}
    names = [f"{name}/{what}" for name in sides for what in ("loss", "accuracy")]

    @tf.function
    def measured() -> tf.Tensor:
        values = []
        for x, y in sides.values():
            logits = model(x, training=False)
            right = tf.equal(tf.argmax(logits, axis=-1), y)
            values += [cross_entropy(y, logits), tf.reduce_mean(tf.cast(right, tf.float32))]
        return tf.stack(values)

    return lambda epoch: dict(zip(names, measured().numpy().tolist(), strict=True))
