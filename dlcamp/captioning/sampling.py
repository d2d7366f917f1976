"""Captions drawn at random from a decoder's own distribution, word by word, in the graph with carried state.

What the vocabulary's marks forbid is never drawn, and probabilities are those over the other words, as in `decoding`.
The captions are a function of (weights, features, seed, step) and of nothing else: random numbers are stateless.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet
from dlcamp.captioning.vocabulary import STANDARD, Marks
from dlcamp.errors import DataError


class Sampler:
    """Draws `samples` captions an image at temperature 1, without dropout; compiled on its first call.

    Args:
        net: the decoder; later changes of its weights are seen.
        samples: captions an image.
        max_length: most words of a caption; one that is not ended by then has no end mark.
        marks: those of the vocabulary that the decoder was trained with.
    """

    def __init__(self, net: CaptionNet, *, samples: int, max_length: int, marks: Marks = STANDARD) -> None:
        if samples < 1 or max_length < 1:
            raise DataError(f"samples and max_length must be at least 1, got {samples} and {max_length}")
        self._net, self._samples, self._length, self._marks = net, samples, max_length, marks
        self._shape = net.spec.feature_shape
        specs = [tf.TensorSpec((None, *self._shape), tf.float32), tf.TensorSpec((2,), tf.int32)]
        self._draw = tf.function(self._drawn, input_signature=specs)

    def __call__(self, features: np.ndarray, seed: int, step: int) -> np.ndarray:
        """Word ids (images, samples, max_length): the words, the end mark, padding.

        Args:
            features: (images, ...).
            seed, step: each pair has random numbers of its own.

        Raises:
            DataError: the features are not those the decoder was built for.
        """
        if tuple(features.shape[1:]) != tuple(self._shape) or not len(features):
            raise DataError(f"features of at least one image, of shape {self._shape}: got {features.shape}")
        drawn = self._draw(tf.constant(features, tf.float32), tf.constant([seed, step], tf.int32))
        return drawn.numpy().reshape(len(features), self._samples, self._length)

    def _drawn(self, features: Any, seed: Any) -> Any:
        """(images * samples, max_length) ids, the samples of an image one after the other."""
        marks = self._marks
        begun = [tf.repeat(part, self._samples, axis=0) for part in self._net.start(features, training=False)]
        contexts, states = begun[: self._net.contexts], begun[self._net.contexts :]
        rows = tf.shape(features)[0] * self._samples

        def goes_on(_place: Any, _word: Any, done: Any, *_: Any) -> Any:
            return ~tf.reduce_all(done)

        def advance(place: Any, word: Any, done: Any, said: Any, states: Any) -> Any:
            logits, *following = self._net.step([word, *contexts, *states], training=False)
            seeds = tf.random.experimental.stateless_fold_in(seed, place)
            drawn = tf.random.stateless_categorical(allowed(logits, marks), 1, seeds, tf.int32)[:, 0]
            word = tf.where(done, marks.pad, drawn)
            said = tf.where(tf.range(self._length) == place, word[:, None], said)
            done |= tf.reduce_any(word[:, None] == tf.constant(marks.ends), axis=1)
            return place + 1, word, done, said, tuple(following)

        begin = (
            tf.constant(0),
            tf.fill([rows], marks.start),
            tf.zeros([rows], tf.bool),
            tf.fill([rows, self._length], marks.pad),
            tuple(states),
        )
        return tf.while_loop(goes_on, advance, begin, maximum_iterations=self._length)[3]


def allowed(logits: Any, marks: Marks) -> Any:
    """Logits in float32, those of what is never said far below all others (and finite, so that gradients are)."""
    never = np.zeros(logits.shape[-1], np.float32)
    never[list(marks.forbidden)] = -1e9
    return tf.cast(logits, tf.float32) + never
