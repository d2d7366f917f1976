"""Decoders that look at a map of features, position by position, before each word.

    attention    an LSTM whose state asks (spatial attention: Lu et al. 2017, "Knowing when to look", without its
                 sentinel; dot products by head as Vaswani et al. 2017 have them)
    transformer  what was said attends to itself and to the map, layer by layer (Vaswani et al. 2017; layers are
                 normalised before, Xiong et al. 2020)

A position is told from its like by a vector that is added to its features, and grows from its x and y: where a thing
stands is what a pooled vector has lost.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from dlcamp.captioning.decoders.layers import Layers, Nothing, Prepare
from dlcamp.captioning.decoders.net import WIDER, CaptionNet, DecoderSpec, Kind
from dlcamp.errors import DataError


class Attend(keras.layers.Layer):
    """Attention by scaled dot products, `heads` times side by side; it has no weights of its own.

    (batch, time, units) queries, (batch, places, units) keys and values, and optionally which places may be looked
    at, (..., time, places), give (batch, time, units) and the weights (batch, time, heads, places) in float32.
    `causal`: without a mask, a time step looks at itself and those before it.
    """

    def __init__(self, heads: int, causal: bool = False, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self._heads, self._causal = heads, causal

    def call(self, queries: Any, keys: Any, values: Any, allowed: Any = None) -> tuple[Any, Any]:
        ops, size = keras.ops, queries.shape[-1] // self._heads
        query, key, value = (
            ops.transpose(ops.reshape(part, (*ops.shape(part)[:2], self._heads, size)), (0, 2, 1, 3))
            for part in (queries * size**-0.5, keys, values)
        )
        scores = ops.cast(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))), "float32")
        if allowed is None and self._causal:
            steps = ops.arange(ops.shape(queries)[1])
            allowed = steps[:, None] >= steps
        if allowed is not None:
            scores = ops.where(allowed, scores, -1e9)
        weights = ops.softmax(scores, axis=-1)
        seen = ops.transpose(ops.matmul(ops.cast(weights, value.dtype), value), (0, 2, 1, 3))
        return ops.reshape(seen, ops.shape(queries)), ops.transpose(weights, (0, 2, 1, 3))


class Places(keras.layers.Layer):
    """Adds to each position of (batch, places, units) a vector of its own.

    The vectors are learned, and begin as two random directions times the place's x and y, from -1 to 1 over the map
    (Liu et al. 2018, "An intriguing failing of convolutional neural networks and the CoordConv solution"): "left of"
    is a difference of x, which nets that begin with no order among the places did not find in the time they had.

    Args:
        grid: height and width of the map; places are numbered row by row.
        seed: of the two directions.
    """

    def __init__(self, grid: tuple[int, int], seed: int, **options: Any) -> None:
        super().__init__(**options)
        self._grid, self._seed = grid, seed

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.vectors = self.add_weight(name="vectors", shape=tuple(shape[1:]), initializer=self._planes)

    def call(self, regions: Any) -> Any:
        return regions + keras.ops.cast(self.vectors, regions.dtype)

    def _planes(self, shape: tuple[int, int], dtype: Any = None) -> Any:
        axes = [np.linspace(-1, 1, steps) if steps > 1 else np.zeros(1) for steps in self._grid]
        row, column = np.meshgrid(*axes, indexing="ij")
        directions = np.random.default_rng(self._seed).normal(size=(2, shape[1]))
        return keras.ops.convert_to_tensor(np.stack([column.ravel(), row.ravel()], axis=1) @ directions, dtype)


class Timed(keras.layers.Layer):
    """Words' vectors (batch, time, units) times sqrt(units), with the sines of their positions (Vaswani et al. 2017,
    3.5) added: 0, 1, ... unless positions (batch, time) are given."""

    def __init__(self, length: int, units: int, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self._sines, self._scale = _sines(length, units), float(np.sqrt(units))

    def call(self, vectors: Any, positions: Any = None) -> Any:
        steps = keras.ops.arange(keras.ops.shape(vectors)[1]) if positions is None else positions
        sines = keras.ops.take(keras.ops.convert_to_tensor(self._sines), steps, axis=0)
        return vectors * self._scale + keras.ops.cast(sines, vectors.dtype)


def attention(spec: DecoderSpec, seed: int) -> CaptionNet:
    """An LSTM that asks the map what it needs for the next word.

    map -> Dropout (the same channels at every position) -> Dense ReLU + places = regions; the mean region -> Dense
    tanh = both first states; words -> Embedding -> Dropout -> LSTM; its state is the query (Dense) of keys and values
    (Dense of the regions); [state, what was seen] -> Dropout -> Dense ReLU -> logits.
    """
    make = Layers(spec, seed)
    features, regions = _regions(spec, make)
    first = make.dense("first", spec.units, "tanh")(keras.ops.mean(regions, axis=1))
    keys, values = make.dense("keys", spec.units)(regions), make.dense("values", spec.units)(regions)
    ask, attend = make.dense("queries", spec.units), Attend(spec.heads, name="attend", dtype=spec.precision)
    drop, embed = make.dropout("said_dropout", spec.output_dropout), make.words()
    answer, lstm = make.answer(), make.lstm("lstm")

    words = keras.Input((None,), dtype="int32", name="words")
    said = lstm(embed(words), initial_state=[first, first])
    seen, weights = attend(ask(said), keys, values)
    logits = answer(drop(keras.ops.concatenate([said, seen], axis=-1)))
    teacher = keras.Model((features, words), logits, name="attention")
    looks = keras.Model((features, words), weights, name="attention_looks")

    start = keras.Model(features, [keys, values, first, first], name="attention_start")

    dtype, places = lstm.compute_dtype, (int(np.prod(spec.feature_shape[:-1])), spec.units)
    word = keras.Input((), dtype="int32", name="word")
    contexts = [keras.Input(places, dtype=dtype, name=name) for name in ("keys", "values")]
    before = [keras.Input((spec.units,), dtype=dtype, name=name) for name in ("h", "c")]
    output, after = lstm.cell(embed(word), before)
    glimpse, _ = attend(ask(output)[:, None, :], *contexts)
    following = answer(drop(keras.ops.concatenate([output, glimpse[:, 0]], axis=-1)))
    step = keras.Model([word, *contexts, *before], [following, *after], name="attention_step")
    return CaptionNet(spec, teacher, start, step, contexts=2, attention=looks)


class _Block:
    """One layer of the transformer: what was said attends to itself, then to the map, then each word for itself."""

    def __init__(self, spec: DecoderSpec, make: Layers, number: int) -> None:
        units, name = spec.units, f"layer_{number}"
        self._itself, self._map, self._alone = (make.norm(f"{name}_norm_{part}") for part in ("self", "map", "inner"))
        self.ask, self.key, self.value, self.tell = (
            make.dense(f"{name}_self_{part}", units) for part in ("queries", "keys", "values", "out")
        )
        self.look, self.map_keys, self.map_values, self.report = (
            make.dense(f"{name}_map_{part}", units) for part in ("queries", "keys", "values", "out")
        )
        self._inner = make.dense(f"{name}_inner", WIDER * units, "relu")
        self._outer = make.dense(f"{name}_outer", units)
        self._remember = Attend(spec.heads, causal=True, name=f"{name}_remember", dtype=spec.precision)
        self._look = Attend(spec.heads, name=f"{name}_look", dtype=spec.precision)
        self._drop = [make.dropout(f"{name}_dropout_{i}", spec.output_dropout) for i in range(3)]

    def own(self, said: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values of what was said."""
        normal = self._itself(said)
        return self.ask(normal), self.key(normal), self.value(normal)

    def seen(self, regions: Any) -> tuple[Any, Any]:
        """Keys and values of the map: what stays the same while an image is captioned."""
        return self.map_keys(regions), self.map_values(regions)

    def __call__(self, said: Any, own: tuple[Any, ...], seen: tuple[Any, ...], allowed: Any = None) -> tuple[Any, Any]:
        """The layer's answer, and the weights over the map."""
        remembered, _ = self._remember(*own, allowed)
        said = said + self._drop[0](self.tell(remembered))
        glimpse, weights = self._look(self.look(self._map(said)), *seen)
        said = said + self._drop[1](self.report(glimpse))
        return said + self._drop[2](self._outer(self._inner(self._alone(said)))), weights


def transformer(spec: DecoderSpec, seed: int) -> CaptionNet:
    """A transformer decoder with cross-attention over the map.

    map -> Dropout (the same channels at every position) -> Dense ReLU + places = regions; words -> Embedding times
    sqrt(units) + sines of the time step -> Dropout; each of `layers` layers: normalise, self-attention, normalise,
    attention over the regions, normalise, Dense ReLU (4 times as wide), Dense, each added with Dropout
    (`output_dropout`) to what came in; normalise -> logits. A state is what a layer remembers of the words said:
    keys and values, (length + 1, units). What is looked at is that of the last layer.

    Raises:
        DataError: units that cannot be shared out to the heads.
    """
    if spec.units % 2:
        raise DataError(f"units of a transformer must be even, for its sines and cosines: {spec.units}")
    make, time = Layers(spec, seed), spec.length + 1
    features, regions = _regions(spec, make)
    embedding, drop = make.embedding("embedding", spec.units), make.dropout("word_dropout")
    timed = Timed(time, spec.units, name="timed", dtype=spec.precision)
    blocks = [_Block(spec, make, number) for number in range(spec.layers)]
    norm, logits = make.norm("norm"), make.logits()

    words = keras.Input((None,), dtype="int32", name="words")
    said = drop(timed(embedding(words)))
    for block in blocks:
        said, weights = block(said, block.own(said), block.seen(regions))
    teacher = keras.Model((features, words), logits(norm(said)), name="transformer")
    looks = keras.Model((features, words), weights, name="transformer_looks")

    contexts = [part for block in blocks for part in block.seen(regions)]
    nothing = Nothing((time, spec.units), regions.dtype, name="nothing")(regions)
    none_said = Nothing((), "int32", name="none_said")(regions)
    start = keras.Model(features, [*contexts, none_said, *[nothing] * 2 * len(blocks)], name="transformer_start")
    step = _transformer_step(
        spec, blocks, lambda ids, at: drop(timed(embedding(ids), at)), lambda said: logits(norm(said)), regions
    )
    return CaptionNet(spec, teacher, start, step, contexts=len(contexts), attention=looks)


def _transformer_step(spec: DecoderSpec, blocks: list[_Block], embedded: Any, answer: Any, regions: Any) -> keras.Model:
    """One word more: its keys and values are written behind those of the words before."""
    ops, dtype, shape = keras.ops, regions.dtype, (spec.length + 1, spec.units)
    word, position = (keras.Input((), dtype="int32", name=name) for name in ("word", "position"))
    contexts = [keras.Input(regions.shape[1:], dtype=dtype, name=f"context_{i}") for i in range(2 * len(blocks))]
    before = [keras.Input(shape, dtype=dtype, name=f"memory_{i}") for i in range(2 * len(blocks))]
    steps = ops.arange(spec.length + 1)[None, :]
    here = ops.equal(position[:, None], steps)
    allowed = ops.greater_equal(position[:, None], steps)[:, None, None, :]
    said, after = embedded(word[:, None], position[:, None]), []
    for number, block in enumerate(blocks):
        query, *new = block.own(said)
        held = [ops.where(here[:, :, None], n, old) for n, old in zip(new, before[2 * number :], strict=False)]
        after += held
        said, _ = block(said, (query, *held), tuple(contexts[2 * number : 2 * number + 2]), allowed)
    inputs, outputs = [word, *contexts, position, *before], [answer(said)[:, 0], position + 1, *after]
    return keras.Model(inputs, outputs, name="transformer_step")


def _regions(spec: DecoderSpec, make: Layers) -> tuple[Any, Any]:
    """The input of a map, and its positions as (batch, places, units)."""
    if len(spec.feature_shape) != 3:
        raise DataError(
            f"{spec.decoder} looks at a map of features, (height, width, channels): got {spec.feature_shape}\n"
            "ask for the map: features=map"
        )
    if spec.units % spec.heads:
        raise DataError(f"units must be a multiple of heads: {spec.units} units, {spec.heads} heads")
    features = keras.Input(spec.feature_shape, name="features")
    prepared = Prepare(spec.scaling, spec.blind, name="prepare", dtype="float32")(features)
    flat = keras.ops.reshape(prepared, (-1, int(np.prod(spec.feature_shape[:-1])), spec.channels))
    dropped = make.dropout("image_dropout", noise_shape=(None, 1, spec.channels))(flat)
    height, width, _ = spec.feature_shape
    places = Places((height, width), make.seed("places"), name="places", dtype=spec.precision)
    return features, places(make.dense("image", spec.units, "relu")(dropped))


def _sines(length: int, width: int) -> np.ndarray:
    """(length, width): sine and cosine of the position at falling frequencies (Vaswani et al. 2017, 3.5)."""
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _places(spec: DecoderSpec) -> int:
    """Parameters of the regions: Dense and the places' vectors."""
    return (spec.channels + 1) * spec.units + int(np.prod(spec.feature_shape[:-1])) * spec.units


def _attention_parameters(spec: DecoderSpec) -> int:
    """Regions, words, LSTM, first state, keys, values and queries, hidden (of twice the width) and logits."""
    units, words = spec.units, spec.vocabulary_size
    lstm = 4 * units * (spec.embedding + units + 1)
    ends = _places(spec) + words * spec.embedding + (units + 1) * words
    return ends + lstm + 4 * (units + 1) * units + (2 * units + 1) * units


def _transformer_parameters(spec: DecoderSpec) -> int:
    """Regions, words as wide as the net, logits, the last normalisation; in each layer two attentions of four Dense,
    the inner and outer Dense and three normalisations."""
    units, words = spec.units, spec.vocabulary_size
    layer = 8 * (units + 1) * units + WIDER * units * (2 * units + 1) + units + 6 * units
    return _places(spec) + words * units + (units + 1) * words + 2 * units + spec.layers * layer


ATTENDING = {
    "attention": Kind(attention, _attention_parameters),
    "transformer": Kind(transformer, _transformer_parameters),
}
