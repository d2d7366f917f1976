"""CIDEr as a reward: the values of `cider.CiderScorer`, for many captions of a few training images at a time.

Self-critical training scores thousands of sampled captions a minute, each against the references of its own image,
with the document frequencies of all training images. Here the references become sorted arrays once, and a batch of
captions, as word ids, is joined with them by binary search.

An n-gram is one whole number: its words, 16 bits each. Padding is no word and has id 0, so that n-grams of different
orders never share a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcamp.captioning.bleu import ORDERS
from dlcamp.captioning.cider import SCALE, SIGMA
from dlcamp.captioning.tokens import tokenize
from dlcamp.captioning.vocabulary import END, MARKS, PAD, Vocabulary
from dlcamp.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BITS = 16
_MOST_WORDS = 2**_BITS


@dataclass(frozen=True)
class _Counted:
    """The n-grams of some captions: entry i says that caption `row[i]` holds `grams[which[i]]` `count[i]` times.

    `grams` are distinct and sorted, entries are sorted by row, then n-gram; `order[i]` is 0 for a word, 1 for two, ...
    """

    captions: int
    grams: NDArray[np.uint64]
    row: Ints
    which: Ints
    count: Ints
    order: Ints

    def inverse_norms(self, weights: Floats) -> Floats:
        """1 / length of each caption's vector, (captions, orders); 0 where there is nothing to compare."""
        cells = self.captions * len(ORDERS)
        squares = np.bincount(self.row * len(ORDERS) + self.order, weights**2, minlength=cells)
        inverse = np.divide(1.0, np.sqrt(squares), out=np.zeros(cells), where=squares > 0)
        return inverse.reshape(self.captions, len(ORDERS))


class CiderReward:
    """References of training images, prepared for scoring captions of any of them.

    Args:
        references: for each image its reference captions, as text; at least one.
        vocabulary: whose ids the captions are in. Words of references that it does not know keep their place: they
            count in the norms of the references, and match nothing.
        ends: whether the end of a caption counts as a word of it and of every reference. CIDEr itself says nothing
            about where a caption ends, so that a policy which maximises it learns to break off ("a dog in a").

    Raises:
        DataError: no images, an image without references, no word in any of them, or more than 65,536 words.
    """

    def __init__(self, references: Sequence[Sequence[str]], vocabulary: Vocabulary, *, ends: bool = False) -> None:
        self._ends = ends
        captions, image, self._first = _as_ids(references, vocabulary, ends)
        found = _counted(captions)
        self._grams, self._bigrams = found.grams, _bigrams(captions)
        # several references of an image may hold an n-gram: those entries lie side by side
        pairs = image[found.row] * len(found.grams) + found.which
        order = np.argsort(pairs, kind="stable")
        self._pairs, begin = np.unique(pairs[order], return_index=True)
        self._begin = np.append(begin, len(pairs))
        self._idf, self._unseen = _idf(np.bincount(self._pairs % len(found.grams)), len(references))
        weights = self._idf[found.which] * found.count
        self._reference, self._weight = found.row[order], weights[order]
        self._scaled = (weights * found.inverse_norms(weights)[found.row, found.order])[order]

    def __len__(self) -> int:
        """How many images."""
        return len(self._first) - 1

    def __call__(self, images: NDArray[Any], captions: NDArray[Any]) -> Floats:
        """CIDEr of each caption, (captions,), from 0 to 10.

        Args:
            images: (captions,), whose caption each is: the image's place among the references.
            captions: (captions, length) word ids; what follows the first end mark or padding is not read.
        """
        place = np.asarray(images, np.int64)
        if place.shape != captions.shape[:1] or not len(place):
            raise ValueError(f"{len(captions)} captions of {len(place)} images; give one image a caption, at least one")
        if place.min() < 0 or place.max() >= len(self):
            raise ValueError(f"images {place.min()} to {place.max()} of {len(self)}")
        said = _words(captions, self._ends)
        found = _counted(said)
        gram, known = _places(self._grams, found.grams)
        idf: Floats = np.where(known, self._idf[gram], self._unseen)
        weights = idf[found.which] * found.count
        scaled = found.inverse_norms(weights)[found.row, found.order]

        entry, other = self._shared(place, found, gram, known)
        shared = np.minimum(weights[entry], self._weight[other]) * self._scaled[other] * scaled[entry]
        apart = _bigrams(said)[found.row[entry]] - self._bigrams[self._reference[other]]
        shared *= np.exp(-(apart**2) / (2 * SIGMA**2))
        total = np.bincount(found.row[entry], shared, minlength=len(said))
        return np.asarray(SCALE * total / (len(ORDERS) * np.diff(self._first)[place]))

    def _shared(self, image: Ints, found: _Counted, gram: Ints, known: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Entries of the captions beside those of their image's references with the same n-gram."""
        entry = np.flatnonzero(known[found.which])
        at, held = _places(self._pairs, image[found.row[entry]] * len(self._grams) + gram[found.which[entry]])
        entry, begin = entry[held], self._begin[at[held]]
        times = self._begin[at[held] + 1] - begin
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        return np.repeat(entry, times), np.repeat(begin, times) + within


def _as_ids(references: Sequence[Sequence[str]], vocabulary: Vocabulary, ends: bool) -> tuple[Ints, Ints, Ints]:
    """References as (references, longest) ids, the image of each, and where each image's begin (one more at the end).

    Words outside of the vocabulary get ids behind it.
    """
    if not references:
        raise DataError("no images to score captions of")
    numbers = {word: number for number, word in enumerate(vocabulary.words, start=len(MARKS))}
    rows: list[list[int]] = []
    for index, image in enumerate(references):
        if not image:
            raise DataError(f"image {index} has no reference caption; leave it out or give it one")
        for text in image:
            ids = [numbers.setdefault(word, len(numbers) + len(MARKS)) for word in tokenize(text)]
            rows.append([*ids, END] if ends else ids)
    if not any(rows):
        raise DataError(f"none of {len(rows)} reference captions has a word in it")
    if len(numbers) + len(MARKS) > _MOST_WORDS:
        raise DataError(f"{len(numbers):,} different words in the references; the reward takes {_MOST_WORDS:,} at most")
    captions = np.full((len(rows), max(map(len, rows))), PAD, np.int64)
    for row, ids in zip(captions, rows, strict=True):
        row[: len(ids)] = ids
    sizes = [len(image) for image in references]
    return captions, np.repeat(np.arange(len(sizes)), sizes), np.cumsum([0, *sizes])


def _words(captions: NDArray[Any], ends: bool) -> Ints:
    """The ids of the words that count, the rest padding."""
    stop = (captions == END) | (captions == PAD)
    over = np.cumsum(stop, axis=1) > 0
    if ends:  # the first end mark is a word
        over &= ~((captions == END) & (np.cumsum(stop, axis=1) == 1))
    return np.where(over, PAD, captions).astype(np.int64)


def _counted(captions: Ints) -> _Counted:
    """The n-grams of (captions, length) ids that end with padding, which is no word."""
    words, rows = captions.astype(np.uint64), np.arange(len(captions))
    numbers, at = [], []
    keys = np.zeros_like(words)
    for order in ORDERS[: words.shape[1]]:
        # an n-gram and the word behind it make an n-gram of the next order; padding makes none
        last = words[:, order - 1 :]
        keys = (keys[:, : last.shape[1]] << np.uint64(_BITS)) | last
        real = last != PAD
        numbers.append(keys[real])
        at.append(np.broadcast_to(rows[:, None], real.shape)[real])
    grams, numbered = np.unique(np.concatenate(numbers), return_inverse=True)
    pairs, count = np.unique(np.concatenate(at) * len(grams) + numbered, return_counts=True)
    row, which = np.divmod(pairs, max(len(grams), 1))
    order_of = np.sum([grams >= np.uint64(1 << (_BITS * order)) for order in ORDERS[:-1]], axis=0)
    return _Counted(len(captions), grams, row, which, count, order_of[which])


def _bigrams(captions: Ints) -> Ints:
    """How many each caption has: the length that CIDEr compares."""
    return np.maximum((captions != PAD).sum(axis=1) - 1, 0)


def _idf(frequency: Ints, images: int) -> tuple[Floats, float]:
    """log(images / images that hold the n-gram) of each n-gram, and that of one nobody wrote."""
    logs = np.log(np.arange(1, images + 1))  # of one table, so that what every image holds weighs exactly 0
    return logs[-1] - logs[frequency - 1], float(logs[-1])


def _places(table: NDArray[Any], wanted: NDArray[Any]) -> tuple[Ints, NDArray[np.bool_]]:
    """Where each value stands in a sorted table, and whether it does."""
    place = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
    return place, table[place] == wanted
