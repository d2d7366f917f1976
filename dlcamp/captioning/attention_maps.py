"""Where a decoder looked while it captioned: for every word, the weights of its heads over the encoder's map.

The caption is found by the predictor's own search; then the words are given to the decoder once more, all at once,
and its weights are read. Attention is what was weighted, not why a word was said: other weights often give the same
word (Jain & Wallace, "Attention is not Explanation", NAACL 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dlcamp.captioning.config import ATTENDING
from dlcamp.errors import DataError, UserError
from dlcamp.vision.images import FITS, Fit

if TYPE_CHECKING:
    from dlcamp.captioning.captioner import Captioner
    from dlcamp.captioning.decoding import Features
    from dlcamp.captioning.predictor import CaptionPredictor
    from dlcamp.data.captions import CaptionItem

BATCH = 32


@dataclass(frozen=True, eq=False)
class Attention:
    """One caption and what was looked at for each of its words.

    Attributes:
        words: of the caption; the end of the caption, which the decoder also says, is not among them.
        weights: (words, heads, height, width) float32, each map summing to 1: those of the step that chose the word.
        fit: how the photo was fitted to the encoder's square, which is what the map lies over.
    """

    words: tuple[str, ...]
    weights: np.ndarray
    fit: Fit = "squash"

    def __post_init__(self) -> None:
        if self.weights.ndim != 4 or len(self.weights) != len(self.words):
            raise DataError(
                f"weights must be (words, heads, height, width) of {len(self.words)} words, got {self.weights.shape}"
            )

    @property
    def caption(self) -> str:
        """The words, joined by blanks."""
        return " ".join(self.words)

    @property
    def heads(self) -> int:
        return int(self.weights.shape[1])

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the map, in positions."""
        return int(self.weights.shape[2]), int(self.weights.shape[3])

    @cached_property
    def mean(self) -> np.ndarray:
        """(words, height, width): the mean over the heads."""
        return self.weights.mean(axis=1)

    @cached_property
    def entropy(self) -> np.ndarray:
        """(words,) entropy of each word's mean map in bits: 0 is one position, log2(positions) is everywhere alike."""
        maps = self._flat(self.mean).astype(np.float64)
        return -(maps * np.log2(np.where(maps > 0, maps, 1))).sum(axis=1)

    @property
    def spread(self) -> np.ndarray:
        """(words,) positions that would have this entropy if all weighed alike: 2 ** entropy."""
        return np.exp2(self.entropy)

    @cached_property
    def top_share(self) -> np.ndarray:
        """(words,) share of the weight in the position that has most of it, of the mean map."""
        return self._flat(self.mean).max(axis=1)

    @cached_property
    def head_top_share(self) -> np.ndarray:
        """(words, heads) the same of every head."""
        return self._flat(self.weights).max(axis=2)

    @cached_property
    def strongest(self) -> np.ndarray:
        """(words,) the head that points hardest: the largest share in one position; the first of equal ones."""
        return self.head_top_share.argmax(axis=1)

    def pointed_at(self, word: int) -> tuple[int, int]:
        """Row and column of the position that the strongest head of a word weighs most."""
        return self._top(self.weights[word, self.strongest[word]])

    def brightest(self, word: int) -> tuple[int, int]:
        """Row and column of the position that weighs most in a word's mean map."""
        return self._top(self.mean[word])

    def _flat(self, maps: np.ndarray) -> np.ndarray:
        return maps.reshape(*maps.shape[:-2], maps.shape[-2] * maps.shape[-1])

    def _top(self, weights: np.ndarray) -> tuple[int, int]:
        row, column = divmod(int(weights.argmax()), self.grid[1])
        return row, column


def check_attends(predictor: CaptionPredictor) -> None:
    """Refuse a decoder that has nothing to show.

    Raises:
        UserError: it does not look at positions; the message says which decoders do.
    """
    if predictor.net.attention is None:
        raise UserError(
            f"the decoder {predictor.net.spec.decoder!r} looks at no positions of an image, so there is no attention "
            f'to draw\nthose that look: {", ".join(ATTENDING)}; train one: SET="decoder={ATTENDING[0]} features=map"'
        )


def attend(predictor: CaptionPredictor, features: np.ndarray) -> list[Attention]:
    """Caption images and record where the decoder looked, 32 images at a time.

    Args:
        features: (images, height, width, channels) that the predictor's encoder made.

    Returns:
        One record an image, with the caption that `predictor.captions` gives.

    Raises:
        UserError: see `check_attends`.
        DataError: the features are not those that the decoder was built for.
    """
    check_attends(predictor)
    if not len(features):
        return []
    tokens = predictor.tokens(features)
    fit = fit_of(predictor.encoder.preprocessing)
    records = []
    for begin in range(0, len(features), BATCH):
        part = tokens[begin : begin + BATCH]
        weights = _weights(predictor, features[begin : begin + BATCH], part)
        for ids, looked in zip(part, weights, strict=True):
            words = _words(predictor, ids)
            records.append(Attention(words, looked[: len(words)], fit))
    return records


def looking(
    captioner: Captioner, items: Sequence[CaptionItem], features: Features
) -> Callable[[Sequence[str]], list[Attention]] | None:
    """What a gallery asks for the images it shows: ids to records, from features that are there already.

    None where no decoder looks, or several speak.
    """
    from dlcamp.captioning.predictor import CaptionPredictor

    if not isinstance(captioner, CaptionPredictor) or captioner.net.attention is None or isinstance(features, tuple):
        return None
    row = {item.id: number for number, item in enumerate(items)}
    return lambda ids: attend(captioner, features[[row[ident] for ident in ids]])


def fit_of(preprocessing: str) -> Fit:
    """How an encoder of this `preprocessing` fits a photo to its square.

    Raises:
        DataError: in a way that this version does not know.
    """
    for fit, fitting in FITS.items():
        if preprocessing.startswith(fitting.key):
            return fit
    raise DataError(f"the encoder prepares images by {preprocessing!r}: where its map lies on a photo is not known")


def whereabouts(position: tuple[int, int], grid: tuple[int, int]) -> str:
    """A position in words: "upper left", "centre", "lower right"."""
    thirds = [min(2, int(3 * (place + 0.5) / count)) for place, count in zip(position, grid, strict=True)]
    if thirds == [1, 1]:
        return "centre"
    return f"{('upper', 'middle', 'lower')[thirds[0]]} {('left', 'middle', 'right')[thirds[1]]}"


def _weights(predictor: CaptionPredictor, features: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """(images, time, heads, height, width) weights of the steps that said `tokens`."""
    net = predictor.net
    assert net.attention is not None
    # the step that says a word takes the word before it, the first one the start mark
    start = np.full((len(tokens), 1), predictor.vocabulary.marks.start, np.int32)
    taken = np.concatenate([start, tokens[:, :-1]], axis=1)
    weights = np.asarray(net.attention([np.asarray(features, np.float32), taken], training=False), np.float32)
    height, width, _ = net.spec.feature_shape
    return weights.reshape(*weights.shape[:3], height, width)


def _words(predictor: CaptionPredictor, ids: Sequence[int]) -> tuple[str, ...]:
    """The words up to the mark that ends the caption, one an id."""
    ends = predictor.vocabulary.marks.ends
    until = next((place for place, number in enumerate(ids) if number in ends), len(ids))
    return tuple(predictor.vocabulary.decode([number]) for number in ids[:until])
