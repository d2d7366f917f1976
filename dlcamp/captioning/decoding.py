"""Greedy and beam search, inside the graph, many images at once, with carried state.

A hypothesis is scored by log p(words) / length ** normalisation, the end mark counted (Wu et al. 2016 use a
similar penalty); what the vocabulary's marks forbid (padding, start, unknown) is never said, and probabilities are
those over the other words.
Hypotheses that have ended compete with the others by that score until all have ended or are `max_length` words long.
Equal scores: the earlier hypothesis, then the smaller word id, so that a search gives the same words every time.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet
from dlcamp.captioning.vocabulary import STANDARD, Marks
from dlcamp.errors import DataError


@dataclass(frozen=True)
class Decoded:
    """`tokens` (images, max_length): word ids, end mark, padding. `scores` (images,): normalised log-probability."""

    tokens: np.ndarray
    scores: np.ndarray


class Search:
    """A search over one decoder, compiled on its first call and then reused.

    Args:
        net: the decoder; later changes of its weights are seen.
        beam: hypotheses kept for each image; 1 is greedy.
        max_length: most words of a caption.
        length_normalisation: exponent of the length; 0 compares plain log-probabilities, which favours short ones.
        batch: images searched together; the last batch is filled up.
        marks: those of the vocabulary that the decoder was trained with.
    """

    def __init__(
        self,
        net: CaptionNet,
        *,
        beam: int,
        max_length: int,
        length_normalisation: float = 0.0,
        batch: int = 64,
        marks: Marks = STANDARD,
    ) -> None:
        if beam < 1 or max_length < 1 or batch < 1:
            raise DataError(f"beam, max_length and batch must be at least 1, got {beam}, {max_length}, {batch}")
        self._shape = net.spec.feature_shape
        self._batch = batch
        features = tf.TensorSpec((batch, *self._shape), tf.float32)
        search = _greedy(net, max_length, length_normalisation, batch, marks)
        if beam > 1:
            search = _beam(net, beam, max_length, length_normalisation, batch, marks)
        self._search = tf.function(search, input_signature=[features])

    def __call__(self, features: np.ndarray) -> Decoded:
        """Search for captions of (images, ...) features.

        Raises:
            DataError: the features are not those the decoder was built for.
        """
        if tuple(features.shape[1:]) != tuple(self._shape):
            raise DataError(f"features of an image must have shape {self._shape}, got {features.shape[1:]}")
        if not len(features):
            raise DataError("no images to caption")
        found = []
        for begin in range(0, len(features), self._batch):
            part = np.asarray(features[begin : begin + self._batch], np.float32)
            filled = np.concatenate([part, np.repeat(part[-1:], self._batch - len(part), axis=0)])
            tokens, scores = self._search(tf.constant(filled))
            found.append((tokens.numpy()[: len(part)], scores.numpy()[: len(part)]))
        return Decoded(np.concatenate([t for t, _ in found]), np.concatenate([s for _, s in found]))


def _log_probabilities(logits: tf.Tensor, marks: Marks) -> tf.Tensor:
    """Log-probabilities over the words that may be said; the others get minus infinity."""
    forbidden = np.zeros(logits.shape[-1], np.float32)
    forbidden[list(marks.forbidden)] = -np.inf
    return tf.nn.log_softmax(tf.cast(logits, tf.float32) + forbidden)


def _ends(word: tf.Tensor, marks: Marks) -> tf.Tensor:
    """Whether nothing follows `word`."""
    return functools.reduce(operator.or_, (word == mark for mark in marks.ends))


def _normalised(score: tf.Tensor, length: tf.Tensor, power: float) -> tf.Tensor:
    return score / tf.cast(length, tf.float32) ** power


def _started(net: CaptionNet, features: tf.Tensor, beam: int) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Contexts and first states, each image's repeated for its hypotheses."""
    begun = [tf.repeat(value, beam, axis=0) for value in net.start(features, training=False)]
    return begun[: net.contexts], begun[net.contexts :]


def _stepped(net: CaptionNet, word: tf.Tensor, contexts: list[Any], states: list[Any]) -> tuple[Any, list[Any]]:
    logits, *following = net.step([word, *contexts, *states], training=False)
    return logits, [tf.ensure_shape(new, old.shape) for new, old in zip(following, states, strict=True)]


def _written(tokens: tf.Tensor, time: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
    """`tokens` (..., time) with `word` (...) at one time."""
    return tf.where(tf.range(tokens.shape[-1]) == time, word[..., None], tokens)


def _greedy(net: CaptionNet, length: int, power: float, batch: int, marks: Marks) -> Callable[[tf.Tensor], Any]:
    def search(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        contexts, states = _started(net, features, 1)
        rows = tf.range(batch)

        def goes_on(time: tf.Tensor, word: Any, score: Any, said: Any, done: tf.Tensor, *rest: Any) -> tf.Tensor:
            return (time < length) & ~tf.reduce_all(done)

        def advance(time: Any, word: Any, score: Any, said: Any, done: Any, tokens: Any, states: Any) -> Any:
            logits, states = _stepped(net, word, contexts, states)
            log_p = _log_probabilities(logits, marks)
            best = tf.argmax(log_p, axis=-1, output_type=tf.int32)
            gained = tf.gather_nd(log_p, tf.stack([rows, best], axis=1))
            word = tf.where(done, marks.pad, best)
            score = tf.where(done, score, score + gained)
            said = tf.where(done, said, said + 1)
            return time + 1, word, score, said, done | _ends(word, marks), _written(tokens, time, word), states

        first = (
            tf.constant(0), tf.fill([batch], marks.start), tf.zeros(batch), tf.zeros(batch, tf.int32),
            tf.zeros(batch, tf.bool), tf.fill([batch, length], marks.pad), states,
        )  # fmt: skip
        _, _, score, said, _, tokens, _ = tf.while_loop(goes_on, advance, first)
        return tokens, _normalised(score, said, power)

    return search


def _beam(
    net: CaptionNet, beam: int, length: int, power: float, batch: int, marks: Marks
) -> Callable[[tf.Tensor], Any]:
    size = net.spec.vocabulary_size
    only_padding = np.full(size, -np.inf, np.float32)
    only_padding[marks.pad] = 0

    def search(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        contexts, states = _started(net, features, beam)
        first_row = tf.range(batch)[:, None] * beam

        def goes_on(time: tf.Tensor, word: Any, score: Any, said: Any, done: tf.Tensor, *rest: Any) -> tf.Tensor:
            return (time < length) & ~tf.reduce_all(done)

        def advance(time: Any, word: Any, score: Any, said: Any, done: Any, tokens: Any, states: Any) -> Any:
            logits, states = _stepped(net, tf.reshape(word, [-1]), contexts, states)
            log_p = tf.reshape(_log_probabilities(logits, marks), [batch, beam, size])
            total = score[..., None] + tf.where(done[..., None], only_padding, log_p)
            said = tf.where(done, said, said + 1)
            ranked = tf.reshape(_normalised(total, said[..., None], power), [batch, beam * size])
            _, chosen = tf.math.top_k(ranked, beam)
            parent, word = chosen // size, chosen % size
            score = tf.gather(tf.reshape(total, [batch, beam * size]), chosen, batch_dims=1)
            said, done, tokens = (tf.gather(value, parent, batch_dims=1) for value in (said, done, tokens))
            row = tf.reshape(first_row + parent, [-1])
            states = [tf.ensure_shape(tf.gather(state, row), state.shape) for state in states]
            return time + 1, word, score, said, done | _ends(word, marks), _written(tokens, time, word), states

        # One hypothesis is alive at first: equal ones would fill the beam with copies.
        alone = tf.repeat(tf.constant([[0.0] + [-np.inf] * (beam - 1)], tf.float32), batch, axis=0)
        first = (
            tf.constant(0), tf.fill([batch, beam], marks.start), alone, tf.zeros([batch, beam], tf.int32),
            tf.zeros([batch, beam], tf.bool), tf.fill([batch, beam, length], marks.pad), states,
        )  # fmt: skip
        _, _, score, said, _, tokens, _ = tf.while_loop(goes_on, advance, first)
        final = _normalised(score, said, power)
        best = tf.argmax(final, axis=1, output_type=tf.int32)
        return tf.gather(tokens, best, batch_dims=1), tf.gather(final, best, batch_dims=1)

    return search
