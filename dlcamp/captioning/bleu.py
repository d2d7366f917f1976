"""Corpus BLEU-1..4 from per-image statistics (Papineni et al., ACL 2002; weights 1/n).

An image's part in corpus BLEU is ten whole numbers, so a corpus, a resample or a subset is a sum of rows. The
values are those of the COCO caption evaluation, which agree with NLTK's `corpus_bleu` wherever every order has a
match and no caption is shorter than the order. In the corners the two differ: NLTK counts one n-gram in a caption
that has none and gives 1.5e-231 for no match; COCO adds 1e-15 and 1e-9 to the counts, so that it gives about 1e-5
for no match and 0.03 times BLEU-1 where no caption has four words. `smoothing="none"` gives 0 there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlcamp.errors import DataError

ORDERS = (1, 2, 3, 4)
COLUMNS = (
    *(f"bleu_match_{n}" for n in ORDERS),
    *(f"bleu_total_{n}" for n in ORDERS),
    "length",
    "reference_length",
)

Tokens = Sequence[str]
NGram = tuple[str, ...]
Smoothing = Literal["coco", "none"]

_TINY, _SMALL = 1e-15, 1e-9  # what the COCO caption evaluation adds to counts and to totals


def ngrams(tokens: Tokens) -> Counter[NGram]:
    """Counts of all n-grams of one to four tokens."""
    shifted = [tuple(tokens[start:]) for start in range(len(ORDERS))]
    return Counter(gram for n in ORDERS for gram in zip(*shifted[:n], strict=False))


class BleuReferences:
    """References with their n-grams counted once, for scoring many sets of captions.

    Args:
        references: for each image its tokenised references, at least one.

    Raises:
        DataError: an image without a reference.
    """

    def __init__(self, references: Iterable[Sequence[Tokens]]) -> None:
        self._most: list[Counter[NGram]] = []
        self._lengths: list[list[int]] = []
        for index, image in enumerate(references):
            if not image:
                raise DataError(f"image {index} has no reference caption; leave it out or give it one")
            most: Counter[NGram] = Counter()
            for reference in image:
                most |= ngrams(reference)
            self._most.append(most)
            self._lengths.append([len(reference) for reference in image])

    def __len__(self) -> int:
        return len(self._most)

    def statistics(self, hypotheses: Sequence[Tokens]) -> NDArray[np.int64]:
        """Sufficient statistics (images, 10), columns as in `COLUMNS`.

        Clipped matches and totals of orders 1-4, the caption's length, and the reference length nearest to it
        (the shorter of two equally near).
        """
        if len(hypotheses) != len(self):
            raise ValueError(f"{len(hypotheses)} captions for {len(self)} images; give one caption an image")
        rows = [
            self._row(tokens, most, lengths)
            for tokens, most, lengths in zip(hypotheses, self._most, self._lengths, strict=True)
        ]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(COLUMNS))

    def sums_of_constants(self, candidates: Sequence[Tokens]) -> NDArray[np.int64]:
        """Summed statistics (candidates, 10) of each candidate as the caption of every image.

        Exact, and cheap for thousands of candidates: it asks how many images allow an n-gram t times.
        """
        allowed: Counter[tuple[NGram, int]] = Counter()
        for most in self._most:
            allowed.update((gram, time) for gram, count in most.items() for time in range(1, count + 1))
        nearest = {size: sum(_nearest(size, known) for known in self._lengths) for size in {len(c) for c in candidates}}
        sums = [self._constant(tokens, allowed, nearest[len(tokens)]) for tokens in candidates]
        return np.array(sums, dtype=np.int64).reshape(len(sums), len(COLUMNS))

    def _constant(self, tokens: Tokens, allowed: Counter[tuple[NGram, int]], nearest: int) -> list[int]:
        matches = [0] * len(ORDERS)
        for gram, count in ngrams(tokens).items():
            matches[len(gram) - 1] += sum(allowed[gram, time] for time in range(1, count + 1))
        size, images = len(tokens), len(self)
        return [*matches, *(images * max(0, size - n + 1) for n in ORDERS), images * size, nearest]

    @staticmethod
    def _row(tokens: Tokens, most: Counter[NGram], lengths: list[int]) -> list[int]:
        matches = [0] * len(ORDERS)
        for gram, count in ngrams(tokens).items():
            known = most.get(gram, 0)
            matches[len(gram) - 1] += min(count, known)
        size = len(tokens)
        return [*matches, *(max(0, size - n + 1) for n in ORDERS), size, _nearest(size, lengths)]


def _nearest(size: int, lengths: Sequence[int]) -> int:
    return min(lengths, key=lambda length: (abs(length - size), length))


def bleu_of_sums(sums: ArrayLike, smoothing: Smoothing = "coco") -> NDArray[Any]:
    """BLEU-1..4 as fractions, from summed statistics.

    Args:
        sums: (..., 10), sums over images of `BleuReferences.statistics`.
        smoothing: "coco" adds the constants of the COCO caption evaluation; "none" is the definition, with 0 for
            an order that has no match.

    Returns:
        (..., 4): BLEU with orders up to 1, 2, 3, 4, each order weighing 1/n.
    """
    table = np.asarray(sums, dtype=float)
    matches, totals, length, reference = table[..., 0:4], table[..., 4:8], table[..., 8:9], table[..., 9:10]
    tiny, small = (_TINY, _SMALL) if smoothing == "coco" else (0.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        precisions = np.where(totals + small > 0, (matches + tiny) / (totals + small), 0.0)
        means = np.exp(np.cumsum(np.log(precisions), axis=-1) / np.array(ORDERS))
        ratio = (length + tiny) / (reference + small)
        brevity = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    return np.asarray(means * brevity)


def corpus_bleu(
    references: Sequence[Sequence[Tokens]], hypotheses: Sequence[Tokens], smoothing: Smoothing = "coco"
) -> NDArray[Any]:
    """BLEU-1..4 of tokenised captions, (4,), as fractions."""
    return bleu_of_sums(BleuReferences(references).statistics(hypotheses).sum(axis=0), smoothing)
