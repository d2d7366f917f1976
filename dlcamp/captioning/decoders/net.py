"""What a decoder is, whichever it is: its spec, and three Keras models that share their layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

WIDER = 4
"""How many times as wide as a transformer its inner layers are (Vaswani et al. 2017)."""


@dataclass(frozen=True)
class DecoderSpec:
    """Everything that is needed to build a decoder again, before its weights are loaded.

    `feature_shape` is that of one image, (channels,) or (height, width, channels); `units` the recurrent and hidden
    width, `embedding` a word's (the transformer has one width, `units`); `heads` those of attention; `layers` the
    transformer's; `length` the most words it can say, which bounds the transformer's memory of what it said.
    """

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
    heads: int = 4
    layers: int = 2
    length: int = 30

    @property
    def channels(self) -> int:
        """Values of a position of the features, or of the pooled vector."""
        return self.feature_shape[-1]


@dataclass(frozen=True)
class CaptionNet:
    """A decoder. `contexts`: how many of `start`'s outputs are contexts; the rest are states.

    Attributes:
        teacher: (features, words) -> logits, all time steps at once.
        start: features -> contexts and first states.
        step: (word, contexts, states) -> logits of the next word, next states.
        attention: (features, words) -> (batch, time, heads, positions) float32, what each word looked at, summing to
            1 over the positions of the map, row by row; None where the decoder does not look.
    """

    spec: DecoderSpec
    teacher: keras.Model
    start: keras.Model
    step: keras.Model
    contexts: int
    attention: keras.Model | None = None

    @property
    def parameters(self) -> int:
        """Trained parameters (the statistics of the features do not count)."""
        return sum(int(np.prod(v.shape)) for v in self.teacher.trainable_variables)

    @property
    def feature_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one image, encoder by encoder: a decoder sees with one."""
        return (self.spec.feature_shape,)

    def fit_features(self, features: np.ndarray) -> None:
        """Set the scaling from training features, before training."""
        self.teacher.get_layer("prepare").fit(features)


@dataclass(frozen=True)
class Kind:
    """One way to caption: how its net is built from a seed, and how many trained parameters a spec gives it."""

    build: Callable[[DecoderSpec, int], CaptionNet]
    parameters: Callable[[DecoderSpec], int]
