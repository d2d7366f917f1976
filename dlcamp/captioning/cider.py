"""CIDEr as the COCO caption evaluation's `Cider` computes it (Vedantam, Zitnick & Parikh, CVPR 2015).

What that code calls CIDEr clips counts and penalises another length (sigma 6), as the paper's CIDEr-D does, and
multiplies by 10. Document frequencies come from the references at hand, so values over different sets of images
are not comparable: 100 images are not comparable with 1,000.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlcamp.captioning.bleu import ORDERS, NGram, Tokens, ngrams
from dlcamp.errors import DataError

SIGMA = 6.0
SCALE = 10.0


@dataclass(frozen=True)
class _Vector:
    """TF-IDF of one sentence: weight by n-gram, norm by order, and how many bigrams it has (its "length")."""

    weights: dict[NGram, float]
    norms: tuple[float, ...]
    bigrams: int


class CiderScorer:
    """References with their TF-IDF vectors computed once.

    Args:
        references: for each image its tokenised references, at least one.

    Raises:
        DataError: an image without a reference.
    """

    def __init__(self, references: Iterable[Sequence[Tokens]]) -> None:
        counted = [[ngrams(reference) for reference in image] for image in references]
        self._frequency: Counter[NGram] = Counter()
        for index, image in enumerate(counted):
            if not image:
                raise DataError(f"image {index} has no reference caption; leave it out or give it one")
            self._frequency.update(set().union(*image))
        self._log_images = math.log(max(1, len(counted)))
        self._references = [[self._vector(counts) for counts in image] for image in counted]

    def __len__(self) -> int:
        return len(self._references)

    def score(self, hypotheses: Sequence[Tokens]) -> NDArray[np.float64]:
        """CIDEr of each tokenised caption, (images,), from 0 to 10; the corpus value is the mean."""
        if len(hypotheses) != len(self):
            raise ValueError(f"{len(hypotheses)} captions for {len(self)} images; give one caption an image")
        scores = [
            self._score(self._vector(ngrams(tokens)), image)
            for tokens, image in zip(hypotheses, self._references, strict=True)
        ]
        return np.array(scores, dtype=float)

    def corpus_of_constants(self, candidates: Sequence[Tokens]) -> NDArray[np.float64]:
        """The corpus CIDEr each candidate would get as the caption of every image, (candidates,).

        Exact, and cheap for thousands of candidates: what the references give an n-gram is summed once for every
        length of reference, because only the length penalty depends on candidate and reference together.
        """
        sizes = sorted({vector.bigrams for image in self._references for vector in image})
        rows, gains = self._gains(sizes)
        lengths = np.array(sizes, dtype=float)
        return np.array([self._constant(ngrams(tokens), rows, gains, lengths) for tokens in candidates], dtype=float)

    def _gains(self, sizes: list[int]) -> tuple[dict[tuple[NGram, int], int], NDArray[np.float64]]:
        """What the t-th occurrence of an n-gram in a caption gains, by (n-gram, t) and length of reference."""
        column = {size: index for index, size in enumerate(sizes)}
        rows: dict[tuple[NGram, int], int] = {}
        entries: list[tuple[int, int, float]] = []
        for image in self._references:
            for vector in image:
                for gram, weight in vector.weights.items():
                    norm, idf = vector.norms[len(gram) - 1], self._idf(gram)
                    for occurrence in range(1, 1 + (round(weight / idf) if norm and idf else 0)):
                        row = rows.setdefault((gram, occurrence), len(rows))
                        entries.append((row, column[vector.bigrams], idf * weight / (norm * len(image))))
        gains = np.zeros((len(rows), len(sizes)))
        if entries:
            at_row, at_column, values = (np.array(part) for part in zip(*entries, strict=True))
            np.add.at(gains, (at_row, at_column), values)
        return rows, gains

    def _constant(
        self,
        counts: Counter[NGram],
        rows: dict[tuple[NGram, int], int],
        gains: NDArray[np.float64],
        lengths: NDArray[np.float64],
    ) -> float:
        caption = self._vector(counts)
        penalty = np.exp(-((caption.bigrams - lengths) ** 2) / (2 * SIGMA**2))
        total = 0.0
        for order, norm in zip(ORDERS, caption.norms, strict=True):
            taken = [
                rows[gram, occurrence]
                for gram, count in counts.items()
                if len(gram) == order
                for occurrence in range(1, count + 1)
                if (gram, occurrence) in rows
            ]
            if taken and norm:
                total += float(gains[taken].sum(axis=0) @ penalty) / norm
        return SCALE * total / (len(ORDERS) * len(self))

    def _idf(self, gram: NGram) -> float:
        return self._log_images - math.log(max(1, self._frequency[gram]))

    def _vector(self, counts: Counter[NGram]) -> _Vector:
        weights = {gram: count * self._idf(gram) for gram, count in counts.items()}
        squares = [0.0] * len(ORDERS)
        bigrams = 0
        for gram, weight in weights.items():
            squares[len(gram) - 1] += weight * weight
            bigrams += counts[gram] if len(gram) == 2 else 0
        return _Vector(weights, tuple(math.sqrt(square) for square in squares), bigrams)

    @staticmethod
    def _score(caption: _Vector, references: list[_Vector]) -> float:
        total = 0.0
        for reference in references:
            products = [0.0] * len(ORDERS)
            known = reference.weights
            for gram, weight in caption.weights.items():
                other = known.get(gram)
                if other is not None:
                    products[len(gram) - 1] += min(weight, other) * other
            penalty = math.exp(-((caption.bigrams - reference.bigrams) ** 2) / (2 * SIGMA**2))
            for product, own, theirs in zip(products, caption.norms, reference.norms, strict=True):
                total += penalty * product / (own * theirs) if own and theirs else 0.0
        return SCALE * total / (len(ORDERS) * len(references))
