"""Decoders: from image features to words, as plain functions that return three Keras models sharing their layers.

    teacher (features, words) -> logits (batch, time, vocabulary)      trains on all time steps at once
            (`camp`: (features, prefix) -> logits (batch, vocabulary)  the next word only, as the course trains)
    start   features -> contexts and first states                      once an image
    step    (word, contexts, states) -> logits (batch, vocabulary), next states       once a word

Contexts stay as they are while an image is captioned (the image vector); states change with each word. A search
gathers the states of the hypotheses it keeps, never the contexts. A new decoder is one more function in `DECODERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlcamp.captioning.config import CaptionConfig
from dlcamp.errors import DataError, StoreError, UnknownName
from dlcamp.training.checkpoints import (
    check_signature,
    pack,
    read_archive,
    restore,
    signature,
    snapshot,
    unpack,
    write_archive,
)
from dlcamp.training.seeds import derive

_WEIGHTS = "decoder.npz"


@dataclass(frozen=True)
class DecoderSpec:
    """Everything that is needed to build a decoder again, before its weights are loaded."""

    decoder: str
    vocabulary_size: int
    feature_shape: tuple[int, ...]
    units: int = 256
    embedding: int = 256
    dropout: float = 0.5
    scaling: str = "standardise"
    blind: bool = False
    precision: str = "float32"
    output_dropout: float = 0.0

    @classmethod
    def of(cls, config: CaptionConfig, vocabulary_size: int, feature_shape: tuple[int, ...]) -> DecoderSpec:
        """The spec that a config asks for; `feature_shape` is that of one image, without the batch."""
        return cls(
            config.decoder, vocabulary_size, tuple(feature_shape), config.units, config.embedding, config.dropout,
            config.scaling, config.blind, config.precision, config.output_dropout,
        )  # fmt: skip


@dataclass(frozen=True)
class CaptionNet:
    """A decoder. `contexts`: how many of `start`'s outputs are contexts; the rest are states."""

    spec: DecoderSpec
    teacher: keras.Model
    start: keras.Model
    step: keras.Model
    contexts: int

    @property
    def parameters(self) -> int:
        """Trained parameters (the statistics of the features do not count)."""
        return sum(int(np.prod(v.shape)) for v in self.teacher.trainable_variables)

    def fit_features(self, features: np.ndarray) -> None:
        """Set the scaling from training features, before training."""
        self.teacher.get_layer("prepare").fit(features)


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


class _Layers:
    """Layers with their own seeds, drawn from the net's seed by name, and its precision."""

    def __init__(self, spec: DecoderSpec, seed: int) -> None:
        self._spec, self._seed = spec, seed

    def _glorot(self, name: str) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(derive(self._seed, "initialisation", name))

    def dense(self, name: str, units: int, activation: str | None = None) -> Any:
        kernel, dtype = self._glorot(name), self._spec.precision
        return keras.layers.Dense(units, activation, kernel_initializer=kernel, dtype=dtype, name=name)

    def logits(self) -> Any:
        kernel, size = self._glorot("logits"), self._spec.vocabulary_size
        return WordLogits(size, self._spec.precision, kernel_initializer=kernel, name="logits")

    def dropout(self, name: str, rate: float | None = None) -> Any:
        seed = derive(self._seed, "dropout", name)
        rate = self._spec.dropout if rate is None else rate
        return keras.layers.Dropout(rate, seed=seed, dtype=self._spec.precision, name=name)

    def embedding(self, name: str) -> Any:
        uniform = keras.initializers.RandomUniform(seed=derive(self._seed, "initialisation", name))
        size, width = self._spec.vocabulary_size, self._spec.embedding
        return keras.layers.Embedding(size, width, uniform, dtype=self._spec.precision, name=name)

    def lstm(self, name: str, **options: Any) -> Any:
        options = {"return_sequences": True, **options}
        return keras.layers.LSTM(
            self._spec.units,
            kernel_initializer=self._glorot(name),
            recurrent_initializer=keras.initializers.Orthogonal(seed=derive(self._seed, "initialisation", name, "r")),
            seed=derive(self._seed, "dropout", name),
            dtype=self._spec.precision,
            name=name,
            **options,
        )


def merge(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The course's merge network: image and words meet after the LSTM.

    features -> Dropout -> Dense ReLU; words -> Embedding -> Dropout -> LSTM -> Dropout (`output_dropout`, none in the
    course); sum -> Dense ReLU -> logits.
    With equal widths u, embedding e, c channels and v words:
    cu + u (image), ve (embedding), 4(eu + uu + u) (LSTM), uu + u (hidden), uv + v (logits).
    Captions are padded at their ends and the loss masks the padding, so the LSTM needs no mask: no padded step comes
    before a real one. A map of features is averaged over its positions first.
    """
    make = _Layers(spec, seed)
    prepare = Prepare(spec.scaling, spec.blind, name="prepare", dtype="float32")
    image_dropout, image_dense = make.dropout("image_dropout"), make.dense("image", spec.units, "relu")
    embedding, word_dropout, lstm = make.embedding("embedding"), make.dropout("word_dropout"), make.lstm("lstm")
    said_dropout = make.dropout("said_dropout", spec.output_dropout)
    hidden, logits = make.dense("hidden", spec.units, "relu"), make.logits()

    features = keras.Input(spec.feature_shape, name="features")
    prepared = prepare(features)
    pooled = prepared if len(spec.feature_shape) == 1 else keras.ops.mean(prepared, axis=(1, 2))
    image = image_dense(image_dropout(pooled))

    words = keras.Input((None,), dtype="int32", name="words")
    said = said_dropout(lstm(word_dropout(embedding(words))))
    teacher = keras.Model((features, words), logits(hidden(said + image[:, None, :])), name="merge")

    empty = keras.ops.zeros_like(image)
    start = keras.Model(features, [image, empty, empty], name="merge_start")

    word = keras.Input((), dtype="int32", name="word")
    context, h, c = (keras.Input((spec.units,), dtype=lstm.compute_dtype, name=name) for name in ("context", "h", "c"))
    output, (next_h, next_c) = lstm.cell(word_dropout(embedding(word)), [h, c])
    step = keras.Model([word, context, h, c], [logits(hidden(output + context)), next_h, next_c], name="merge_step")
    return CaptionNet(spec, teacher, start, step, contexts=1)


def camp(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The course's `caption_model`: the layers of `merge`, trained on one word after one prefix.

    The teacher takes prefixes (batch, time) padded with 0 on their left and gives the logits of the next word only.
    Id 0 is masked, as `Embedding(mask_zero=True)` masks it: it leaves the LSTM's state as it was, in `step` too.
    Columns of padding may therefore be left out. The softmax is in the loss.
    """
    make = _Layers(spec, seed)
    prepare = Prepare(spec.scaling, spec.blind, name="prepare", dtype="float32")
    image_dropout, image_dense = make.dropout("image_dropout"), make.dense("image", spec.units, "relu")
    embedding, word_dropout = make.embedding("embedding"), make.dropout("word_dropout")
    # cuDNN takes no mask on the left
    lstm = make.lstm("lstm", return_sequences=False, use_cudnn=False)
    hidden, logits = make.dense("hidden", spec.units, "relu"), make.logits()

    features = keras.Input(spec.feature_shape, name="features")
    prepared = prepare(features)
    pooled = prepared if len(spec.feature_shape) == 1 else keras.ops.mean(prepared, axis=(1, 2))
    image = image_dense(image_dropout(pooled))

    prefix = keras.Input((None,), dtype="int32", name="prefix")
    said = lstm(word_dropout(embedding(prefix)), mask=keras.ops.not_equal(prefix, 0))
    teacher = keras.Model((features, prefix), logits(hidden(said + image)), name="camp")

    empty = keras.ops.zeros_like(image)
    start = keras.Model(features, [image, empty, empty], name="camp_start")

    word = keras.Input((), dtype="int32", name="word")
    context, h, c = (keras.Input((spec.units,), dtype=lstm.compute_dtype, name=name) for name in ("context", "h", "c"))
    _, moved = lstm.cell(word_dropout(embedding(word)), [h, c])
    known = keras.ops.not_equal(word, 0)[:, None]
    next_h, next_c = (keras.ops.where(known, new, old) for new, old in zip(moved, (h, c), strict=True))
    step = keras.Model([word, context, h, c], [logits(hidden(next_h + context)), next_h, next_c], name="camp_step")
    return CaptionNet(spec, teacher, start, step, contexts=1)


DECODERS: dict[str, Callable[[DecoderSpec, int], CaptionNet]] = {"merge": merge, "camp": camp}


def build(spec: DecoderSpec, seed: int) -> CaptionNet:
    """A new decoder with the initial weights of `seed`.

    Raises:
        UnknownName: no decoder has the name.
        DataError: the features have no shape a decoder takes.
    """
    if spec.decoder not in DECODERS:
        raise UnknownName("decoder", spec.decoder, DECODERS)
    if len(spec.feature_shape) not in (1, 3):
        raise DataError(f"features of one image must be (channels,) or (height, width, channels): {spec.feature_shape}")
    return DECODERS[spec.decoder](spec, seed)


def save_net(net: CaptionNet, folder: Path) -> None:
    """Write a decoder as one plain file into `folder`."""
    variables = net.teacher.weights
    state = {"spec": asdict(net.spec), "weights": signature(variables)}
    write_archive(folder / _WEIGHTS, pack("weights", snapshot(variables)), state)


def load_net(folder: Path) -> CaptionNet:
    """Read what `save_net` wrote.

    Raises:
        StoreError: the file is missing, damaged, or not a decoder this version can build.
    """
    path = folder / _WEIGHTS
    arrays, state = read_archive(path)
    try:
        fields = dict(state["spec"])
        spec = DecoderSpec(**{**fields, "feature_shape": tuple(fields["feature_shape"])})
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path} holds no decoder ({error})") from error
    net = build(spec, seed=0)
    check_signature(path, "decoder", signature(net.teacher.weights), state["weights"])
    restore(net.teacher.weights, unpack("weights", arrays))
    return net
