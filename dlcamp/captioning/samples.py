"""Training samples: every caption is one sample, all its time steps are trained at once.

A batch is ((features, words in), words out, mask): words in begin with the start mark, words out end with the
end mark. The number of captions in a batch is fixed; the number of time steps is that of the batch's longest
caption, and captions of like length are put together, so that little padding is computed. The order is a function
of (seed, epoch) and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dlcamp.captioning.vocabulary import END, PAD, START, Vocabulary
from dlcamp.data.captions import CaptionItem
from dlcamp.errors import DataError
from dlcamp.training.seeds import generator

_SORTED_TOGETHER = 16  # batches whose captions are sorted by length together: less padding, still well mixed


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
class Samples:
    """Captions as numbers. `tokens` (captions, longest + 2): start, words, end, padding; `rows`: whose image."""

    features: np.ndarray
    rows: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray
    batch: int

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

    def batches(self, seed: int, epoch: int) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]]:
        """The batches of an epoch as arrays: (features, words in), words out, mask (1 where a word is to be said)."""
        for chosen in self.order(seed, epoch):
            real = chosen >= 0
            chosen = np.where(real, chosen, chosen[0])
            length = int(self.lengths[chosen].max())
            tokens = self.tokens[chosen, : length + 1]
            mask = (tokens[:, 1:] != PAD) & real[:, None]
            features = np.asarray(self.features[self.rows[chosen]], np.float32)
            yield (features, tokens[:, :-1]), tokens[:, 1:], mask.astype(np.float32)

    def dataset(self, seed: int, epoch: int) -> tf.data.Dataset:
        """The same batches as a `tf.data` pipeline that reads ahead of training."""
        words = tf.TensorSpec((self.batch, None), tf.int32)
        features = tf.TensorSpec((self.batch, *self.features.shape[1:]), tf.float32)
        spec = ((features, words), words, tf.TensorSpec((self.batch, None), tf.float32))
        return tf.data.Dataset.from_generator(lambda: self.batches(seed, epoch), output_signature=spec).prefetch(2)


def samples(data: Captioned, vocabulary: Vocabulary, batch: int, max_length: int) -> Samples:
    """One sample for each reference caption; a caption of more than `max_length` words is cut, without an end mark.

    Raises:
        DataError: no caption has a word.
    """
    rows, encoded = [], []
    for row, item in enumerate(data.items):
        for caption in item.references:
            ids = vocabulary.encode(caption)
            if ids:
                rows.append(row)
                encoded.append([START, *ids[:max_length], *([END] if len(ids) <= max_length else [])])
    if not encoded:
        raise DataError(f"none of {len(data.items)} images has a caption with a word in it")
    tokens = np.full((len(encoded), max(map(len, encoded))), PAD, np.int32)
    for number, ids in enumerate(encoded):
        tokens[number, : len(ids)] = ids
    lengths = np.array([len(ids) - 1 for ids in encoded], np.int32)
    return Samples(data.features, np.array(rows), tokens, lengths, batch)
