"""Training samples: every caption is one sample, all its time steps are trained at once.

A batch is ((features, words in), words out, mask): words in begin with the start mark, words out end with the
end mark. The number of captions in a batch is fixed; the number of time steps is that of the batch's longest
caption, and captions of like length are put together, so that little padding is computed. The order is a function
of (seed, epoch) and of nothing else.

Where features of mirrored images are given too, a caption is taught with the one or the other by the toss of a coin,
anew each epoch: an epoch costs what it did. A caption that tells left from right is false of the mirrored image and
is taught with the plain one always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dlcamp.captioning.tokens import tokenize
from dlcamp.captioning.vocabulary import END, PAD, START, Vocabulary
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError
from dlcamp.training.seeds import generator

_SORTED_TOGETHER = 16  # batches whose captions are sorted by length together: less padding, still well mixed

# left, leftmost, left-hand, right, rightmost, counterclockwise; not bright, frightened, playwright, upright
_SIDED = re.compile(r"left|(?<![bfw])(?<!up)right|clockwise")


@dataclass(frozen=True)
class Captioned:
    """Images as features, row by row beside their items.

    `features`: (images, channels) or (images, height, width, channels), float, in memory or mapped from a file.
    """

    features: np.ndarray
    items: Sequence[CaptionItem]

    def __post_init__(self) -> None:
        if len(self.features) != len(self.items):
            raise DataError(f"{len(self.features)} rows of features for {len(self.items)} images")
        if self.features.ndim not in (2, 4):
            raise DataError(f"features must be (images, channels) or a map of them, got shape {self.features.shape}")
        if not self.items:
            raise DataError("no images")

    @property
    def references(self) -> list[tuple[str, ...]]:
        """The reference captions of each image."""
        return [item.references for item in self.items]

    @property
    def captions(self) -> list[str]:
        """Every reference caption, image by image."""
        return [caption for item in self.items for caption in item.references]


@dataclass(frozen=True)
class Mirrored:
    """The same images with left and right exchanged.

    `features`: row by row as those of the plain images. `allowed`: (captions,) which hold for them too.
    """

    features: np.ndarray
    allowed: np.ndarray


@dataclass(frozen=True)
class Samples:
    """Captions as numbers.

    Attributes:
        features: (images, ...), as in `Captioned`.
        rows: (captions,) whose image.
        tokens: (captions, longest + 2) start, words, end, padding.
        lengths: (captions,) words and end mark.
        batch: captions a step.
        mirrored: what some captions are taught with in the place of `features`; None: never.
    """

    features: np.ndarray
    rows: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray
    batch: int
    mirrored: Mirrored | None = None

    @property
    def steps(self) -> int:
        """Batches an epoch; the last is filled up with captions of weight 0."""
        return -(-len(self.rows) // self.batch)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """(steps, batch) caption numbers of an epoch; -1 fills up."""
        rng = generator(seed, "order", epoch)
        shuffled = rng.permutation(len(self.rows))
        pool = self.batch * _SORTED_TOGETHER
        pools = [shuffled[i : i + pool] for i in range(0, len(shuffled), pool)]
        ordered = np.concatenate([part[np.argsort(self.lengths[part], kind="stable")] for part in pools])
        filled = np.full(self.steps * self.batch, -1)
        filled[: len(ordered)] = ordered
        return rng.permutation(filled.reshape(self.steps, self.batch), axis=0)

    def flips(self, seed: int, epoch: int) -> np.ndarray:
        """(captions,) whether each is taught with its mirrored image in an epoch: half of those that may be."""
        if self.mirrored is None:
            return np.zeros(len(self.rows), bool)
        return (generator(seed, "flips", epoch).random(len(self.rows)) < 0.5) & self.mirrored.allowed

    def batches(self, seed: int, epoch: int) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]]:
        """The batches of an epoch as arrays: (features, words in), words out, mask (1 where a word is to be said)."""
        flips = self.flips(seed, epoch)
        for chosen in self.order(seed, epoch):
            real = chosen >= 0
            chosen = np.where(real, chosen, chosen[0])
            length = int(self.lengths[chosen].max())
            tokens = self.tokens[chosen, : length + 1]
            mask = (tokens[:, 1:] != PAD) & real[:, None]
            features = self._features(self.rows[chosen], flips[chosen])
            yield (features, tokens[:, :-1]), tokens[:, 1:], mask.astype(np.float32)

    def _features(self, rows: np.ndarray, flips: np.ndarray) -> np.ndarray:
        """float32 features of images; only these rows are read, so that mapped files stay mapped."""
        if self.mirrored is None:
            return np.asarray(self.features[rows], np.float32)
        found = np.empty((len(rows), *self.features.shape[1:]), np.float32)
        found[~flips] = self.features[rows[~flips]]
        found[flips] = self.mirrored.features[rows[flips]]
        return found

    def dataset(self, seed: int, epoch: int) -> tf.data.Dataset:
        """The same batches as a `tf.data` pipeline that reads ahead of training."""
        words = tf.TensorSpec((self.batch, None), tf.int32)
        features = tf.TensorSpec((self.batch, *self.features.shape[1:]), tf.float32)
        spec = ((features, words), words, tf.TensorSpec((self.batch, None), tf.float32))
        return tf.data.Dataset.from_generator(lambda: self.batches(seed, epoch), output_signature=spec).prefetch(2)


def samples(
    data: Captioned, vocabulary: Vocabulary, batch: int, max_length: int, mirrored: Captioned | None = None
) -> Samples:
    """One sample for each reference caption; a caption of more than `max_length` words is cut, without an end mark.

    Args:
        mirrored: the images of `data` with left and right exchanged, beside the same items in the same order.

    Raises:
        DataError: no caption has a word, or `mirrored` holds other images than `data`.
    """
    if mirrored is not None:
        _refuse_others(mirrored, data)
    rows, encoded, allowed = [], [], []
    for row, item in enumerate(data.items):
        for caption in item.references:
            ids = vocabulary.encode(caption)
            if ids:
                rows.append(row)
                allowed.append(not tells_left_from_right(caption))
                encoded.append([START, *ids[:max_length], *([END] if len(ids) <= max_length else [])])
    if not encoded:
        raise DataError(f"none of {len(data.items)} images has a caption with a word in it")
    tokens = np.full((len(encoded), max(map(len, encoded))), PAD, np.int32)
    for number, ids in enumerate(encoded):
        tokens[number, : len(ids)] = ids
    lengths = np.array([len(ids) - 1 for ids in encoded], np.int32)
    turned = Mirrored(mirrored.features, np.array(allowed)) if mirrored else None
    return Samples(data.features, np.array(rows), tokens, lengths, batch, turned)


def tells_left_from_right(caption: str) -> bool:
    """Whether an English caption may be false of the mirrored image, or true of it alone.

    It goes by words, not by their sense: "on the right", "upper-left", "leftmost" and "counterclockwise" are found, and
    so are "right behind him" and "leftovers". Better a caption too few than a wrong one.
    """
    return any(_SIDED.search(token) for token in tokenize(caption))


def _refuse_others(mirrored: Captioned, data: Captioned) -> None:
    if [item.id for item in mirrored.items] != [item.id for item in data.items]:
        raise DataError(
            f"the {len(mirrored.items)} mirrored images are not the {len(data.items)} training images in their order"
        )
    if mirrored.features.shape != data.features.shape:
        raise DataError(
            f"features of mirrored images have the shape {mirrored.features.shape}, those of the images "
            f"{data.features.shape}\ntake both from one encoder"
        )
