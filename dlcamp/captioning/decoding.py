"""Greedy and beam search, inside the graph, many images at once, with carried state.

A hypothesis is scored by log p(words) / length ** normalisation, the end mark counted (Wu et al. 2016 use a
similar penalty); what the vocabulary's marks forbid (padding, start, unknown) is never said, and probabilities are
those over the other words.
Hypotheses that have ended compete with the others by that score until all have ended or are `max_length` words long.
Equal scores: the earlier hypothesis, then the likelier word, then the smaller word id, so that a search gives the same
words every time. Greedy search is a beam of one.

A batch costs as much as its longest caption. So it stops when few of its images are left; those of several batches
go on together.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from dlcamp.captioning.vocabulary import STANDARD, Marks
from dlcamp.errors import DataError

_CHUNK = 64  # words of which only the likeliest is looked at first
_LEFT = 0.25  # share of a batch that waits for others


Features = np.ndarray | tuple[np.ndarray, ...]
"""(images, ...) of one encoder, or of several, encoder by encoder."""


class Speaker(Protocol):
    """What can be searched: a decoder (`decoders.CaptionNet`), or several that speak as one (`ensemble.Ensemble`)."""

    @property
    def feature_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one image, encoder by encoder."""

    @property
    def contexts(self) -> int:
        """How many of the outputs of `start` are contexts; the rest are states."""

    @property
    def start(self) -> Any:
        """Features (one array for one encoder, else a tuple) -> contexts and first states; keyword `training`."""

    @property
    def step(self) -> Any:
        """[word, contexts, states] -> logits of the next word, next states; keyword `training`."""


@dataclass(frozen=True)
class Decoded:
    """`tokens` (images, max_length): word ids, end mark, padding. `scores` (images,): normalised log-probability."""

    tokens: np.ndarray
    scores: np.ndarray


class _Carry(NamedTuple):
    """A search between two words; the first axis is that of images, the second, but in `contexts`, of hypotheses."""

    word: Any
    score: Any
    said: Any
    done: Any
    tokens: Any
    states: tuple[Any, ...]
    contexts: tuple[Any, ...]


class Search:
    """A search over one speaker, compiled on its first call and then reused.

    Args:
        net: what speaks; later changes of its weights are seen.
        beam: hypotheses kept for each image; 1 is greedy.
        max_length: most words of a caption.
        length_normalisation: exponent of the length; 0 compares plain log-probabilities, which favours short ones.
        batch: images searched together; the last batch is filled up.
        marks: those of the vocabulary that the decoder was trained with.
    """

    def __init__(
        self,
        net: Speaker,
        *,
        beam: int,
        max_length: int,
        length_normalisation: float = 0.0,
        batch: int = 64,
        marks: Marks = STANDARD,
    ) -> None:
        if beam < 1 or max_length < 1 or batch < 1:
            raise DataError(f"beam, max_length and batch must be at least 1, got {beam}, {max_length}, {batch}")
        self._shapes = net.feature_shapes
        self._batch = batch
        graph = _Graph(net, beam, max_length, length_normalisation, batch, marks)
        specs = tuple(tf.TensorSpec((batch, *shape), tf.float32) for shape in self._shapes)
        self._begin = tf.function(graph.begin, input_signature=[specs, tf.TensorSpec((), tf.int32)])
        self._go_on = tf.function(graph.go_on)
        self._best = tf.function(graph.best)

    def __call__(self, features: Features) -> Decoded:
        """Search for captions of (images, ...) features; of several encoders, a tuple of them.

        Raises:
            DataError: the features are not those the decoder was built for.
        """
        parts = features if isinstance(features, tuple) else (features,)
        images = self._images(parts)
        found = _Found(images)
        left = _Left(self._batch)
        few = int(self._batch * _LEFT) if images > self._batch else 0
        for begin in range(0, images, self._batch):
            count = min(self._batch, images - begin)
            carry = self._begin(tuple(self._filled(part[begin : begin + count]) for part in parts), tf.constant(count))
            self._run(carry, np.arange(begin, begin + count), few, found, left)
            if len(left) >= self._batch:
                self._run(*left.take(), few, found, left)
        while len(left):
            self._run(*left.take(), 0, found, left)
        return found.decoded()

    def _images(self, parts: tuple[np.ndarray, ...]) -> int:
        """How many images there are, the same in every part."""
        shapes = tuple(tuple(part.shape[1:]) for part in parts)
        if shapes != self._shapes:
            wanted, got = (" and ".join(map(str, each)) for each in (self._shapes, shapes))
            raise DataError(f"features of an image must have shape {wanted}, got {got}")
        images, *others = {len(part) for part in parts}
        if others:
            raise DataError(f"features of several encoders must be of the same images, got {[images, *others]} images")
        if not images:
            raise DataError("no images to caption")
        return images

    def _filled(self, part: np.ndarray) -> tf.Tensor:
        """One batch, filled up with its last image."""
        part = np.asarray(part, np.float32)
        return tf.constant(np.concatenate([part, np.repeat(part[-1:], self._batch - len(part), axis=0)]))

    def _run(self, carry: _Carry, images: np.ndarray, few: int, found: _Found, left: _Left) -> None:
        """Search until `few` of the images are left; note those that are done, keep the others."""
        carry = self._go_on(carry, tf.constant(few))
        done = carry.done.numpy().all(axis=1)[: len(images)]
        tokens, scores = self._best(carry)
        found.note(images[done], tokens.numpy()[: len(images)][done], scores.numpy()[: len(images)][done])
        left.put(carry, np.flatnonzero(~done), images[~done])


class _Found:
    """Captions by image."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def note(self, images: np.ndarray, tokens: np.ndarray, scores: np.ndarray) -> None:
        self._parts.append((images, tokens, scores))

    def decoded(self) -> Decoded:
        images, tokens, scores = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.argsort(images)
        return Decoded(tokens[order], scores[order])


class _Left:
    """Images whose captions are not done, from several batches."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._carries: list[_Carry] = []
        self._images: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(map(len, self._images))

    def put(self, carry: _Carry, rows: np.ndarray, images: np.ndarray) -> None:
        if len(rows):
            self._carries.append(_rows(carry, rows))
            self._images.append(images)

    def take(self) -> tuple[_Carry, np.ndarray]:
        """As many as fit into a batch, filled up with copies that are done; the others stay."""
        whole = tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *self._carries)
        images = np.concatenate(self._images)
        first, others = images[: self._batch], images[self._batch :]
        filled = np.minimum(np.arange(self._batch), len(first) - 1)
        carry = _rows(whole, filled)
        is_copy = np.arange(self._batch) >= len(first)
        carry = carry._replace(done=carry.done | is_copy[:, None])
        self._carries, self._images = [], []
        self.put(whole, np.arange(len(first), len(images)), others)
        return carry, first


def _rows(carry: _Carry, rows: np.ndarray) -> _Carry:
    return tf.nest.map_structure(lambda value: tf.gather(value, rows), carry)  # type: ignore[no-any-return]


class _Graph:
    """The parts of a search that run inside the graph."""

    def __init__(self, net: Speaker, beam: int, length: int, power: float, batch: int, marks: Marks) -> None:
        self.net, self.beam, self.length, self.power, self.batch, self.marks = net, beam, length, power, batch, marks

    def begin(self, features: tuple[tf.Tensor, ...], real: tf.Tensor) -> _Carry:
        """Before the first word. Images from `real` on only fill up: they are done."""
        batch, beam = self.batch, self.beam
        begun = self.net.start(features if len(features) > 1 else features[0], training=False)
        contexts, states = begun[: self.net.contexts], begun[self.net.contexts :]
        # One hypothesis is alive at first: equal ones would fill the beam with copies.
        alone = tf.constant([[0.0] + [-np.inf] * (beam - 1)], tf.float32)
        return _Carry(
            word=tf.fill([batch, beam], self.marks.start),
            score=tf.repeat(alone, batch, axis=0),
            said=tf.zeros([batch, beam], tf.int32),
            done=tf.repeat(tf.range(batch)[:, None] >= real, beam, axis=1),
            tokens=tf.fill([batch, beam, self.length], self.marks.pad),
            states=tuple(tf.repeat(state[:, None], beam, axis=1) for state in states),
            contexts=tuple(contexts),
        )

    def go_on(self, carry: _Carry, few: tf.Tensor) -> _Carry:
        """Say words until no more than `few` images have a hypothesis that goes on."""
        contexts = [tf.repeat(context, self.beam, axis=0) for context in carry.contexts]

        def goes_on(*moving: Any) -> tf.Tensor:
            alive = ~tf.reduce_all(moving[3], axis=1)
            return tf.reduce_sum(tf.cast(alive, tf.int32)) > few

        moved = tf.while_loop(goes_on, functools.partial(self._advance, contexts), carry[:-1])
        word, score, said, done, tokens, states = moved
        return _Carry(word, score, said, done, tokens, states, carry.contexts)

    def best(self, carry: _Carry) -> tuple[tf.Tensor, tf.Tensor]:
        """Tokens and score of each image's best hypothesis."""
        final = self._normalised(carry.score, tf.maximum(carry.said, 1))
        best = tf.argmax(final, axis=1, output_type=tf.int32)
        return tf.gather(carry.tokens, best, batch_dims=1), tf.gather(final, best, batch_dims=1)

    def _advance(
        self, contexts: list[Any], word: Any, score: Any, said: Any, done: Any, tokens: Any, states: Any
    ) -> tuple[Any, ...]:
        batch, beam, pad = self.batch, self.beam, self.marks.pad
        flat = [_merged(state) for state in states]
        logits, *following = self.net.step([_merged(word), *contexts, *flat], training=False)
        log_p, candidates = self._likeliest(logits)
        width = log_p.shape[-1]
        # A hypothesis that is done goes on in one way: as it is.
        stays = tf.constant([0.0] + [-np.inf] * (width - 1), tf.float32)
        total = score[..., None] + tf.where(done[..., None], stays, log_p)
        candidates = tf.where(done[..., None], pad, candidates)
        place, said = said, tf.where(done, said, said + 1)
        ranked = tf.reshape(self._normalised(total, tf.maximum(said, 1)[..., None]), [batch, beam * width])
        _, chosen = tf.math.top_k(ranked, beam)
        parent = chosen // width
        word, score = (
            tf.gather(tf.reshape(value, [batch, beam * width]), chosen, batch_dims=1) for value in (candidates, total)
        )
        place, said, was_done, tokens = (
            tf.gather(value, parent, batch_dims=1) for value in (place, said, done, tokens)
        )
        written = tf.where((tf.range(self.length) == place[..., None]) & ~was_done[..., None], word[..., None], tokens)
        done = was_done | _ends(word, self.marks) | (said >= self.length)
        states = tuple(
            tf.ensure_shape(tf.gather(tf.reshape(new, old.shape), parent, batch_dims=1), old.shape)
            for new, old in zip(following, states, strict=True)
        )
        return word, score, said, done, written, states

    def _likeliest(self, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-probabilities and ids of the words with which each hypothesis may go on: no more are ever chosen."""
        logits = tf.cast(logits, tf.float32)
        if self.marks.forbidden:
            forbidden = np.zeros(logits.shape[-1], np.float32)
            forbidden[list(self.marks.forbidden)] = -np.inf
            logits += forbidden
        top, words = largest(logits, min(self.beam, logits.shape[-1]))
        log_p = top - tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
        shape = [self.batch, self.beam, top.shape[-1]]
        return tf.reshape(log_p, shape), tf.reshape(words, shape)

    def _normalised(self, score: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return score / tf.cast(length, tf.float32) ** self.power


def _merged(value: Any) -> Any:
    """Images and hypotheses as one axis."""
    return tf.reshape(value, [value.shape[0] * value.shape[1], *value.shape[2:]])


def _ends(word: tf.Tensor, marks: Marks) -> tf.Tensor:
    """Whether nothing follows `word`."""
    return functools.reduce(operator.or_, (word == mark for mark in marks.ends))


def largest(values: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The `count` largest of each row and where they stand, equal ones in their order: `tf.math.top_k`, but faster.

    `top_k` reads a row with a heap. Here the maxima of chunks are taken first, which costs next to nothing, and only
    the `count` chunks with the largest maxima are searched: the others cannot hold one of the `count` largest.
    """
    rows, width = values.shape
    chunks = -(-width // _CHUNK)
    if count == 1:
        best = tf.argmax(values, axis=-1, output_type=tf.int32)[:, None]
        return tf.gather(values, best, batch_dims=1), best
    if chunks <= 2 * count:
        top, places = tf.math.top_k(values, count)
        return top, places
    padded = tf.pad(values, [[0, 0], [0, chunks * _CHUNK - width]], constant_values=-np.inf)
    parts = tf.reshape(padded, [rows, chunks, _CHUNK])
    _, kept = tf.math.top_k(tf.reduce_max(parts, axis=-1), count)
    kept = tf.sort(kept, axis=-1)  # so that equal values stay in their order
    top, places = tf.math.top_k(tf.reshape(tf.gather(parts, kept, batch_dims=1), [rows, count * _CHUNK]), count)
    return top, tf.gather(kept, places // _CHUNK, batch_dims=1) * _CHUNK + places % _CHUNK
