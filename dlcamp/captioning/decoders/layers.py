"""The layers that decoders are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dlcamp.captioning.decoders.net import DecoderSpec
from dlcamp.training.seeds import derive


class Prepare(keras.layers.Layer):
    """Features as the decoder sees them.

    `standardise`: mean 0 and deviation 1 by channel over training images (and positions); `l2`: length
    sqrt(channels), so that a channel is about 1; `none`: as they are. `blind` gives zeros instead.
    """

    def __init__(self, scaling: str, blind: bool, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self._scaling, self._blind = scaling, blind

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.mean = self.add_weight(name="mean", shape=(shape[-1],), initializer="zeros", dtype="float32")
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones", dtype="float32")

    def call(self, features: Any) -> Any:
        if self._blind:
            return keras.ops.zeros_like(features)
        if self._scaling == "standardise":
            return (features - keras.ops.cast(self.mean, features.dtype)) * keras.ops.cast(self.scale, features.dtype)
        if self._scaling == "l2":
            return keras.ops.normalize(features, axis=-1) * float(np.sqrt(features.shape[-1]))
        return features

    def fit(self, features: np.ndarray) -> None:
        """Take mean and deviation from `features`, read in parts; a channel that hardly varies is not blown up."""
        if self._scaling != "standardise" or self._blind:
            return
        channels = features.shape[-1]
        total, squares, count = np.zeros(channels), np.zeros(channels), 0
        for begin in range(0, len(features), 256):
            part = np.asarray(features[begin : begin + 256], np.float64).reshape(-1, channels)
            total, squares, count = total + part.sum(0), squares + (part**2).sum(0), count + len(part)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        floor = max(0.01 * float(np.median(deviation)), 1e-6)
        self.mean.assign(mean)
        self.scale.assign(1 / np.maximum(deviation, floor))


class WordLogits(keras.layers.Dense):
    """Logits of the next word in float32. While training they are multiplied in the net's precision: with a vocabulary
    of thousands this product is most of a decoder's work. While captioning they are exact, so that words do not tie.
    """

    def __init__(self, vocabulary_size: int, precision: str, **options: Any) -> None:
        super().__init__(vocabulary_size, dtype="float32", **options)
        self._training_dtype = keras.DTypePolicy(precision).compute_dtype

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or self._training_dtype == "float32":
            return super().call(inputs)
        low = keras.ops.matmul(
            keras.ops.cast(inputs, self._training_dtype), keras.ops.cast(self.kernel, self._training_dtype)
        )
        return keras.ops.cast(low, "float32") + self.bias


class Nothing(keras.layers.Layer):
    """Zeros, (batch, *shape): a state before the first word. What it is called with says how many."""

    def __init__(self, shape: tuple[int, ...], kind: str, **options: Any) -> None:
        super().__init__(trainable=False, dtype=kind if kind != "int32" else None, **options)
        self._shape, self._kind = shape, kind

    def call(self, beside: Any) -> Any:
        return keras.ops.zeros((keras.ops.shape(beside)[0], *self._shape), self._kind)


class Layers:
    """Layers with their own seeds, drawn from the net's seed by name, and its precision."""

    def __init__(self, spec: DecoderSpec, seed: int) -> None:
        self._spec, self._seed = spec, seed

    def seed(self, name: str) -> int:
        """Of the first values of what is called `name`."""
        return derive(self._seed, "initialisation", name)

    def _glorot(self, name: str) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(self.seed(name))

    def dense(self, name: str, units: int, activation: str | None = None) -> Any:
        kernel, dtype = self._glorot(name), self._spec.precision
        return keras.layers.Dense(units, activation, kernel_initializer=kernel, dtype=dtype, name=name)

    def logits(self) -> Any:
        kernel, size = self._glorot("logits"), self._spec.vocabulary_size
        return WordLogits(size, self._spec.precision, kernel_initializer=kernel, name="logits")

    def norm(self, name: str) -> Any:
        return keras.layers.LayerNormalization(dtype=self._spec.precision, name=name)

    def dropout(self, name: str, rate: float | None = None, **options: Any) -> Any:
        seed = derive(self._seed, "dropout", name)
        rate = self._spec.dropout if rate is None else rate
        return keras.layers.Dropout(rate, seed=seed, dtype=self._spec.precision, name=name, **options)

    def embedding(self, name: str, width: int | None = None) -> Any:
        uniform = keras.initializers.RandomUniform(seed=self.seed(name))
        size, width = self._spec.vocabulary_size, width or self._spec.embedding
        return keras.layers.Embedding(size, width, uniform, dtype=self._spec.precision, name=name)

    def words(self) -> Callable[[Any], Any]:
        """Ids of words to their vectors, with dropout."""
        embedding, dropout = self.embedding("embedding"), self.dropout("word_dropout")
        return lambda ids: dropout(embedding(ids))

    def answer(self) -> Callable[[Any], Any]:
        """What is known after a word to the logits of the next."""
        hidden, logits = self.dense("hidden", self._spec.units, "relu"), self.logits()
        return lambda known: logits(hidden(known))

    def lstm(self, name: str, **options: Any) -> Any:
        return self._recurrent(keras.layers.LSTM, name, **options)

    def gru(self, name: str, **options: Any) -> Any:
        return self._recurrent(keras.layers.GRU, name, **options)

    def _recurrent(self, kind: Any, name: str, **options: Any) -> Any:
        options = {"return_sequences": True, **options}
        return kind(
            self._spec.units,
            kernel_initializer=self._glorot(name),
            recurrent_initializer=keras.initializers.Orthogonal(seed=derive(self._seed, "initialisation", name, "r")),
            seed=derive(self._seed, "dropout", name),
            dtype=self._spec.precision,
            name=name,
            **options,
        )
