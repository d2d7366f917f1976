"""Decoders whose words go through a recurrent net, told apart by where the image enters (Tanti et al. 2018).

    merge        after it: image and state of the words are added (LSTM, the course's)
    gru          the same with a GRU
    init_inject  before it: the image is the first state
    par_inject   beside every word: image and word are one input
    camp         the course's `caption_model`, trained on one word after one prefix

What follows the recurrent net is the same for all: Dropout (`output_dropout`, none in the course), Dense ReLU, logits.
A map of features is averaged over its positions first. Captions are padded at their ends and the loss masks the
padding, so the recurrent net needs no mask: no padded step comes before a real one.
"""

from __future__ import annotations

from typing import Any

import keras

from dlcamp.captioning.decoders.layers import Layers, Nothing, Prepare
from dlcamp.captioning.decoders.net import CaptionNet, DecoderSpec, Kind


def merge(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The course's merge network: image and words meet after the LSTM.

    features -> Dropout -> Dense ReLU; words -> Embedding -> Dropout -> LSTM -> Dropout; sum -> Dense ReLU -> logits.
    """
    make = Layers(spec, seed)
    return _merge(spec, make, make.lstm("lstm"), ("h", "c"))


def gru(spec: DecoderSpec, seed: int) -> CaptionNet:
    """`merge` with a gated recurrent unit (Cho et al. 2014) in the place of the LSTM: three gates instead of four."""
    make = Layers(spec, seed)
    return _merge(spec, make, make.gru("gru"), ("h",))


def _merge(spec: DecoderSpec, make: Layers, recurrent: Any, states: tuple[str, ...]) -> CaptionNet:
    features, pooled = _pooled(spec, make)
    image = make.dense("image", spec.units, "relu")(pooled)
    embed, answer = make.words(), make.answer()
    words = keras.Input((None,), dtype="int32", name="words")
    said = make.dropout("said_dropout", spec.output_dropout)(recurrent(embed(words)))
    teacher = keras.Model((features, words), answer(said + image[:, None, :]), name=spec.decoder)

    empty = keras.ops.zeros_like(image)
    start = keras.Model(features, [image, *(empty for _ in states)], name=f"{spec.decoder}_start")

    word, context, *before = _inputs(recurrent, {"context": spec.units, **dict.fromkeys(states, spec.units)})
    output, after = recurrent.cell(embed(word), before)
    step = keras.Model([word, context, *before], [answer(output + context), *after], name=f"{spec.decoder}_step")
    return CaptionNet(spec, teacher, start, step, contexts=1)


def init_inject(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The image is what the LSTM remembers before the first word, and is not seen again.

    features -> Dropout -> Dense tanh = both first states; words -> Embedding -> Dropout -> LSTM -> Dropout -> Dense
    ReLU -> logits. It has exactly as many parameters as `merge`.
    """
    make = Layers(spec, seed)
    features, pooled = _pooled(spec, make)
    image = make.dense("image", spec.units, "tanh")(pooled)
    embed, answer, lstm = make.words(), make.answer(), make.lstm("lstm")
    words = keras.Input((None,), dtype="int32", name="words")
    said = make.dropout("said_dropout", spec.output_dropout)(lstm(embed(words), initial_state=[image, image]))
    teacher = keras.Model((features, words), answer(said), name=spec.decoder)

    start = keras.Model(features, [image, image], name=f"{spec.decoder}_start")

    word, *before = _inputs(lstm, {"h": spec.units, "c": spec.units})
    output, after = lstm.cell(embed(word), before)
    step = keras.Model([word, *before], [answer(output), *after], name=f"{spec.decoder}_step")
    return CaptionNet(spec, teacher, start, step, contexts=0)


def par_inject(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The image stands beside every word: the LSTM sees both at each step.

    features -> Dropout -> Dense ReLU, as wide as a word; [word, image] -> LSTM -> Dropout -> Dense ReLU -> logits.
    """
    make = Layers(spec, seed)
    features, pooled = _pooled(spec, make)
    image = make.dense("image", spec.embedding, "relu")(pooled)
    embed, answer, lstm = make.words(), make.answer(), make.lstm("lstm")
    words = keras.Input((None,), dtype="int32", name="words")
    embedded = embed(words)
    beside = image[:, None, :] + keras.ops.zeros_like(embedded)
    said = make.dropout("said_dropout", spec.output_dropout)(lstm(keras.ops.concatenate([embedded, beside], axis=-1)))
    teacher = keras.Model((features, words), answer(said), name=spec.decoder)

    empty = Nothing((spec.units,), image.dtype, name="nothing")(image)
    start = keras.Model(features, [image, empty, empty], name=f"{spec.decoder}_start")

    word, context, *before = _inputs(lstm, {"context": spec.embedding, "h": spec.units, "c": spec.units})
    output, after = lstm.cell(keras.ops.concatenate([embed(word), context], axis=-1), before)
    step = keras.Model([word, context, *before], [answer(output), *after], name=f"{spec.decoder}_step")
    return CaptionNet(spec, teacher, start, step, contexts=1)


def camp(spec: DecoderSpec, seed: int) -> CaptionNet:
    """The course's `caption_model`: the layers of `merge`, trained on one word after one prefix.

    The teacher takes prefixes (batch, time) padded with 0 on their left and gives the logits of the next word only.
    Id 0 is masked, as `Embedding(mask_zero=True)` masks it: it leaves the LSTM's state as it was, in `step` too.
    Columns of padding may therefore be left out. The softmax is in the loss.
    """
    make = Layers(spec, seed)
    features, pooled = _pooled(spec, make)
    image = make.dense("image", spec.units, "relu")(pooled)
    embed, answer = make.words(), make.answer()
    # cuDNN takes no mask on the left
    lstm = make.lstm("lstm", return_sequences=False, use_cudnn=False)
    prefix = keras.Input((None,), dtype="int32", name="prefix")
    said = lstm(embed(prefix), mask=keras.ops.not_equal(prefix, 0))
    teacher = keras.Model((features, prefix), answer(said + image), name=spec.decoder)

    empty = keras.ops.zeros_like(image)
    start = keras.Model(features, [image, empty, empty], name=f"{spec.decoder}_start")

    word, context, *before = _inputs(lstm, {"context": spec.units, "h": spec.units, "c": spec.units})
    _, moved = lstm.cell(embed(word), before)
    known = keras.ops.not_equal(word, 0)[:, None]
    after = [keras.ops.where(known, new, old) for new, old in zip(moved, before, strict=True)]
    step = keras.Model([word, context, *before], [answer(after[0] + context), *after], name=f"{spec.decoder}_step")
    return CaptionNet(spec, teacher, start, step, contexts=1)


def _pooled(spec: DecoderSpec, make: Layers) -> tuple[Any, Any]:
    """The input of features, and one prepared vector an image of it, with dropout."""
    features = keras.Input(spec.feature_shape, name="features")
    prepared = Prepare(spec.scaling, spec.blind, name="prepare", dtype="float32")(features)
    pooled = prepared if len(spec.feature_shape) == 1 else keras.ops.mean(prepared, axis=(1, 2))
    return features, make.dropout("image_dropout")(pooled)


def _inputs(recurrent: Any, widths: dict[str, int]) -> list[Any]:
    """What `step` takes: a word, then contexts and states by name."""
    word = keras.Input((), dtype="int32", name="word")
    return [word, *(keras.Input((width,), dtype=recurrent.compute_dtype, name=name) for name, width in widths.items())]


def _recurrent_parameters(spec: DecoderSpec, *, gates: int, bias: int, image: int, beside: int = 0) -> int:
    """Trained parameters: image (Dense), words (Embedding), recurrent net, hidden (Dense) and logits (Dense).

    Args:
        gates, bias: of the recurrent net, and the biases a gate has.
        image: width of the image's Dense layer.
        beside: width of what stands beside a word in the recurrent net's input.
    """
    units, words = spec.units, spec.vocabulary_size
    recurrent = gates * units * (spec.embedding + beside + units + bias)
    ends = (spec.channels + 1) * image + words * spec.embedding + (units + 1) * words
    return ends + recurrent + (units + 1) * units


def _like_merge(spec: DecoderSpec) -> int:
    return _recurrent_parameters(spec, gates=4, bias=1, image=spec.units)


def _like_gru(spec: DecoderSpec) -> int:
    return _recurrent_parameters(spec, gates=3, bias=2, image=spec.units)


def _like_par_inject(spec: DecoderSpec) -> int:
    return _recurrent_parameters(spec, gates=4, bias=1, image=spec.embedding, beside=spec.embedding)


RECURRENT = {
    "merge": Kind(merge, _like_merge),
    "gru": Kind(gru, _like_gru),
    "init_inject": Kind(init_inject, _like_merge),
    "par_inject": Kind(par_inject, _like_par_inject),
    "camp": Kind(camp, _like_merge),
}
