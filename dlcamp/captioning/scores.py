"""Captions against references: BLEU-1..4, ROUGE-L and CIDEr, with one row of statistics an image.

Totals are a function of the rows, so that intervals, subsets and later comparisons need the stored rows and no
captions model. All values are those of the COCO caption evaluation: BLEU and ROUGE-L as fractions, CIDEr from 0 to
10 (0.47 is a published Flickr8k value).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcamp.analysis.bootstrap import Estimate, Interval, bootstrap
from dlcamp.captioning.bleu import COLUMNS, BleuReferences, bleu_of_sums
from dlcamp.captioning.cider import CiderScorer
from dlcamp.captioning.rouge import rouge_l
from dlcamp.captioning.tokens import tokenize
from dlcamp.errors import DataError

BLEU_NAMES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")
SCORE_NAMES = (*BLEU_NAMES, "rouge_l", "cider")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CaptionScores:
    """Captions of a set of images with what scores them, one row an image.

    Attributes:
        ids: the images.
        captions: what was scored, as given.
        statistics: (n, 10) whole numbers, columns `bleu.COLUMNS`.
        rouge_l: (n,).
        cider: (n,); its idf comes from the references of this very set.
        copied: whether the caption stands word for word among the training captions; None when none were given.
    """

    ids: tuple[str, ...]
    captions: tuple[str, ...]
    statistics: NDArray[np.int64]
    rouge_l: Floats
    cider: Floats
    copied: tuple[bool, ...] | None = None

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> CaptionScores:
        """The scores that `rows()` wrote, from any order of rows and any subset of them.

        A subset keeps the idf of the whole set in its CIDEr.

        Raises:
            DataError: no rows, or a row that lacks a column.
        """
        table = list(rows)
        if not table:
            raise DataError("no rows of predictions to score; the run logged none")
        try:
            return cls(
                ids=tuple(str(row["item"]) for row in table),
                captions=tuple(str(row["output"]) for row in table),
                statistics=np.array([[int(row[name]) for name in COLUMNS] for row in table], dtype=np.int64),
                rouge_l=np.array([float(row["rouge_l"]) for row in table]),
                cider=np.array([float(row["cider"]) for row in table]),
                copied=_copied_flags(table),
            )
        except KeyError as error:
            raise DataError(f"predictions lack the column {error}; they were not written by caption scores") from None

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict an image: item, output, the ten statistics, rouge_l, cider, and copied where known."""
        return [
            {
                "item": self.ids[index],
                "output": self.captions[index],
                **dict(zip(COLUMNS, self.statistics[index].tolist(), strict=True)),
                "rouge_l": float(self.rouge_l[index]),
                "cider": float(self.cider[index]),
                **({} if self.copied is None else {"copied": self.copied[index]}),
            }
            for index in range(self.n)
        ]

    @property
    def n(self) -> int:
        """How many images."""
        return len(self.ids)

    @property
    def scores(self) -> dict[str, float]:
        """bleu_1..bleu_4, rouge_l, cider."""
        return dict(zip(SCORE_NAMES, _measure(self._table().mean(axis=0), self.n)[:-1].tolist(), strict=True))

    @property
    def totals(self) -> dict[str, float]:
        """The scores, and what to read beside them.

        length_ratio: words written over words of the nearest references; vocabulary: distinct words used;
        distinct_share: distinct captions over captions; copied_share: captions taken word for word from training.
        """
        tokens = [tuple(tokenize(caption)) for caption in self.captions]
        totals = {
            **self.scores,
            "length_ratio": _ratio(self.statistics[:, 8].sum(), self.statistics[:, 9].sum()),
            "vocabulary": float(len({word for caption in tokens for word in caption})),
            "distinct_share": len(set(tokens)) / self.n,
        }
        if self.copied is not None:
            totals["copied_share"] = sum(self.copied) / self.n
        return totals

    def intervals(self, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> dict[str, Interval]:
        """Percentile bootstrap over images of every score and of the length ratio.

        Corpus BLEU is computed anew from the sums of each resample; CIDEr keeps the idf of all images. It covers
        the choice of images, not the seed of the training.
        """
        low, high = bootstrap(
            self._table(), lambda means: _measure(means, self.n), seed=seed, resamples=resamples, level=level
        )
        names = (*SCORE_NAMES, "length_ratio")
        return {name: Interval(float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}

    def difference(
        self, other: CaptionScores, resamples: int = 1000, seed: int = 0, level: float = 0.95
    ) -> dict[str, Estimate]:
        """These scores minus another's on the same images, with the interval of a paired bootstrap.

        Raises:
            DataError: the two do not cover the same images.
        """
        where = {item: index for index, item in enumerate(other.ids)}
        if set(where) != set(self.ids) or other.n != self.n:
            raise DataError(f"scores of different images ({self.n} and {other.n}) cannot be paired; score the same set")
        order = [where[item] for item in self.ids]
        own, theirs = self._table(), other._table()[order]
        width = own.shape[1]

        def statistic(means: Floats) -> Floats:
            return _measure(means[..., :width], self.n) - _measure(means[..., width:], self.n)

        both = np.hstack([own, theirs])
        low, high = bootstrap(both, statistic, seed=seed, resamples=resamples, level=level)
        values = statistic(both.mean(axis=0))
        triples = zip((*SCORE_NAMES, "length_ratio"), values, low, high, strict=True)
        return {name: Estimate(float(value), float(a), float(b)) for name, value, a, b in triples}

    def _table(self) -> Floats:
        return np.column_stack([self.statistics.astype(float), self.rouge_l, self.cider])


class CaptionScorer:
    """References prepared once, for scoring captions again and again (every epoch).

    Args:
        references: for each image its reference captions, as text.
        train_captions: as text; given, the share of copied captions is known.
        ids: of the images, "0", "1", ... when not given.

    Raises:
        DataError: no images, an image without references, ids that are not one an image or not distinct.
    """

    def __init__(
        self,
        references: Sequence[Sequence[str]],
        train_captions: Iterable[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> None:
        if not references:
            raise DataError("no images to score captions on")
        self.ids = tuple(str(index) for index in range(len(references))) if ids is None else tuple(ids)
        if len(set(self.ids)) != len(references):
            raise DataError(f"{len(set(self.ids))} distinct ids for {len(references)} images; each needs its own")
        self._tokens = [[tokenize(reference) for reference in image] for image in references]
        self._bleu = BleuReferences(self._tokens)
        self._cider = CiderScorer(self._tokens)
        self._train = None if train_captions is None else {tuple(tokenize(caption)) for caption in train_captions}

    def __len__(self) -> int:
        return len(self.ids)

    def score(self, captions: Sequence[str]) -> CaptionScores:
        """Score one caption an image, in the order of the references."""
        if len(captions) != len(self):
            raise ValueError(f"{len(captions)} captions for {len(self)} images; give one caption an image")
        tokens = [tokenize(caption) for caption in captions]
        return CaptionScores(
            ids=self.ids,
            captions=tuple(captions),
            statistics=self._bleu.statistics(tokens),
            rouge_l=rouge_l(self._tokens, tokens),
            cider=self._cider.score(tokens),
            copied=None if self._train is None else tuple(tuple(caption) in self._train for caption in tokens),
        )


def score_captions(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    train_captions: Iterable[str] | None = None,
    ids: Sequence[str] | None = None,
) -> CaptionScores:
    """Score one caption an image against its references, all as text; see `CaptionScorer`."""
    return CaptionScorer(references, train_captions, ids).score(captions)


def _measure(means: Floats, n: int) -> Floats:
    """Column means (..., 12) to the six scores and the length ratio (..., 7)."""
    bleu = bleu_of_sums(means[..., :10] * n)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(means[..., 9:10] > 0, means[..., 8:9] / means[..., 9:10], 0.0)
    return np.concatenate([bleu, means[..., 10:12], ratio], axis=-1)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else 0.0


def _copied_flags(rows: Sequence[Mapping[str, Any]]) -> tuple[bool, ...] | None:
    flags = [row.get("copied") for row in rows]
    return None if any(flag is None for flag in flags) else tuple(bool(flag) for flag in flags)
