"""What this machine needs for a decoder's products alone: the floor under the time of its training.

The products of `operations` are run with the shapes and in the precision of training, forward and backward, by the
kernels that training uses, and nothing between them. Rows that do not wait for one another are one product, also where
training does them word by word (an LSTM's gradients of its weights): the floor is what could be reached.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from dlcamp.captioning.decoders.operations import Product
from dlcamp.errors import DataError


class Floor:
    """The products of `steps` training steps of `batch` captions, run when called; returns how many captions that was.

    Args:
        products: those of one caption.
        precision: "float32" or "mixed_bfloat16", as a decoder's.

    Raises:
        DataError: nothing to multiply.
    """

    def __init__(self, products: Sequence[Product], batch: int, precision: str, steps: int = 1) -> None:
        if not products or batch < 1 or steps < 1:
            raise DataError(
                f"{len(products)} products of {batch} captions, {steps} steps: there is nothing to multiply"
            )
        dtype = keras.DTypePolicy(precision).compute_dtype
        self._captions = batch * steps
        self._products = tuple(products)
        self._once = [_KINDS[product.kind](product, batch, steps, dtype) for product in products]
        self._seconds: list[list[float]] = [[] for _ in products]

    def __call__(self) -> int:
        for once, seconds in zip(self._once, self._seconds, strict=True):
            started = time.perf_counter()
            once()
            seconds.append(time.perf_counter() - started)
        return self._captions

    def rates(self) -> dict[str, float]:
        """10^9 operations a second of each product, over all calls but the first, which allocates.

        Raises:
            DataError: it was called less than twice.
        """
        calls = len(self._seconds[0]) - 1
        if calls < 1:
            raise DataError("the rate of a product is known after two calls: the first is not counted")
        done = calls * self._captions / 1e9
        pairs = zip(self._products, self._seconds, strict=True)
        return {product.name: product.operations * done / sum(seconds[1:]) for product, seconds in pairs}


def _shared(product: Product, batch: int, steps: int, dtype: str) -> Callable[[], None]:
    rows, inner, columns = round(batch * product.rows), int(product.inner), int(product.columns)
    left, weights, back = _numbers(dtype, (rows, inner), (inner, columns), (rows, columns))

    def once() -> None:
        for _ in range(steps * product.copies):
            last = tf.matmul(left, weights)
            if product.gradients == 2:
                last = tf.matmul(back, weights, transpose_b=True)
            last = tf.matmul(left, back, transpose_a=True)
        _wait_for(last)

    return once


def _in_turn(product: Product, batch: int, steps: int, dtype: str) -> Callable[[], None]:
    rows, inner, columns = round(batch * product.rows), int(product.inner), int(product.columns)
    state, weights, back = _numbers(dtype, (batch, inner), (inner, columns), (batch, columns))
    states, backs = _numbers(dtype, (rows, inner), (rows, columns))

    def once() -> None:
        for _ in range(round(steps * product.rows)):
            tf.matmul(state, weights)
            tf.matmul(back, weights, transpose_b=True)
        for _ in range(steps):
            last = tf.matmul(states, backs, transpose_a=True)
        _wait_for(last)

    return once


def _apart(product: Product, batch: int, steps: int, dtype: str) -> Callable[[], None]:
    sizes = product.rows, product.inner, product.columns
    rows, inner, columns = (max(round(size), 1) for size in sizes)
    # as many of whole sizes as there are operations
    pairs = max(round(batch * product.copies * sizes[0] * sizes[1] * sizes[2] / (rows * inner * columns)), 1)
    left, right, back = _numbers(dtype, (pairs, rows, inner), (pairs, inner, columns), (pairs, rows, columns))

    def once() -> None:
        for _ in range(steps):
            tf.matmul(left, right)
            tf.matmul(back, right, transpose_b=True)
            last = tf.matmul(left, back, transpose_a=True)
        _wait_for(last)

    return once


_KINDS: dict[str, Callable[[Product, int, int, str], Callable[[], None]]] = {
    "shared": _shared,
    "in turn": _in_turn,
    "apart": _apart,
}


def _numbers(dtype: str, *shapes: tuple[int, ...]) -> list[tf.Tensor]:
    return [tf.cast(tf.random.stateless_normal(shape, seed=(0, number)), dtype) for number, shape in enumerate(shapes)]


def _wait_for(result: Any) -> None:
    """An accelerator works on while Python goes on."""
    tf.reshape(result, [-1])[0].numpy()
