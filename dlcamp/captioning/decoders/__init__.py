"""Decoders: from image features to words, as plain functions that return Keras models sharing their layers.

    teacher   (features, words) -> logits (batch, time, vocabulary)      trains on all time steps at once
              (`camp`: (features, prefix) -> logits (batch, vocabulary)  the next word only, as the course trains)
    start     features -> contexts and first states                      once an image
    step      (word, contexts, states) -> logits (batch, vocabulary), next states       once a word
    attention (features, words) -> what each word looked at              those that look

Contexts stay as they are while an image is captioned (the image vector, a map's keys); states change with each word.
A search gathers the states of the hypotheses it keeps, never the contexts. A new decoder is one more `Kind` in
`DECODERS`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders.attention import ATTENDING
from dlcamp.captioning.decoders.net import CaptionNet, DecoderSpec, Kind
from dlcamp.captioning.decoders.recurrent import RECURRENT
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

__all__ = ["DECODERS", "CaptionNet", "DecoderSpec", "build", "load_net", "matched", "save_net", "spec_of"]

DECODERS: dict[str, Kind] = {**RECURRENT, **ATTENDING}

NEAR = 0.03
"""How far the parameters of decoders that are compared may lie apart."""

_WEIGHTS = "decoder.npz"


def spec_of(config: CaptionConfig, vocabulary_size: int, feature_shape: tuple[int, ...]) -> DecoderSpec:
    """The spec that a config asks for; `feature_shape` is that of one image, without the batch.

    Raises:
        DataError: `parameters` cannot be met.
    """
    spec = DecoderSpec(
        decoder=config.decoder,
        vocabulary_size=vocabulary_size,
        feature_shape=tuple(feature_shape),
        units=config.units,
        embedding=config.embedding,
        dropout=config.dropout,
        scaling=config.scaling,
        blind=config.blind,
        precision=config.precision,
        output_dropout=config.output_dropout,
        heads=config.heads,
        layers=config.layers,
        length=config.max_length,
    )
    return spec if config.parameters is None else matched(spec, config.parameters)


def matched(spec: DecoderSpec, parameters: int) -> DecoderSpec:
    """The spec with the units that bring its trained parameters nearest to `parameters`; the embedding keeps its share.

    Raises:
        UnknownName: no decoder has the name.
        DataError: the nearest lies more than 3 % away.
    """
    step = math.lcm(2, spec.heads)  # what every decoder can share out to its heads

    def sized(units: int) -> DecoderSpec:
        return replace(spec, units=units, embedding=max(2, round(units * spec.embedding / spec.units)))

    def size(units: int) -> int:
        return kind_of(spec).parameters(sized(units))

    units = step
    while size(units + step) <= parameters:
        units += step
    units = min((units, units + step), key=lambda width: abs(size(width) - parameters))
    if abs(size(units) - parameters) > NEAR * parameters:
        raise DataError(
            f"{spec.decoder} cannot have {parameters:,} parameters: {units} units give {size(units):,}, more than "
            f"{NEAR:.0%} away\nask for another number, or fewer heads ({spec.heads}; units go in steps of {step})"
        )
    return sized(units)


def kind_of(spec: DecoderSpec) -> Kind:
    """How a spec's decoder is built and counted.

    Raises:
        UnknownName: no decoder has the name.
    """
    if spec.decoder not in DECODERS:
        raise UnknownName("decoder", spec.decoder, DECODERS)
    return DECODERS[spec.decoder]


def build(spec: DecoderSpec, seed: int) -> CaptionNet:
    """A new decoder with the initial weights of `seed`.

    Raises:
        UnknownName: no decoder has the name.
        DataError: the features have no shape that the decoder takes, or its widths do not fit its heads.
    """
    kind = kind_of(spec)
    if len(spec.feature_shape) not in (1, 3):
        raise DataError(f"features of one image must be (channels,) or (height, width, channels): {spec.feature_shape}")
    return kind.build(spec, seed)


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
