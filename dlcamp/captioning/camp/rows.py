"""Training rows as the course makes them: one a word after the first, and one image a batch.

    photo, "startseq one bird endseq"   ->   photo, [startseq]            -> one
                                             photo, [startseq one]        -> bird
                                             photo, [startseq one bird]   -> endseq

Prefixes are padded with 0 on their left to `max_length`, and lose their beginning where they are longer (filtering
splits "t-shirt" in two, so a caption may have more words than blanks). The next word is given as its id; categorical
cross-entropy of the one-hot row that the course stores has the same value.

The order of the images is a function of (seed, epoch); the course's is that of the file, in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dlcamp.captioning.camp.tokenizer import PAD, CampTokenizer, wrap
from dlcamp.captioning.samples import Captioned
from dlcamp.errors import DataError
from dlcamp.training.seeds import generator

Batch = tuple[tuple[np.ndarray, np.ndarray], np.ndarray]


def prefix_rows(ids: Sequence[int], max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes (words - 1, max_length) of one caption, padded with 0 on their left, and the word that follows each."""
    caption = np.asarray(ids, np.int32)
    ends = np.arange(1, len(caption))[:, None]
    place = ends - max_length + np.arange(max_length)
    return np.where(place >= 0, caption[np.maximum(place, 0)], PAD).astype(np.int32), caption[1:]


@dataclass(frozen=True)
class Rows:
    """Captions of images as ids, from which an image's rows are made when its turn comes.

    `images`: the rows of `features` that have captions; `captions`: for each the ids of its captions, marks included.
    """

    features: np.ndarray
    images: np.ndarray
    captions: Sequence[Sequence[Sequence[int]]]
    max_length: int

    @property
    def steps(self) -> int:
        """Batches an epoch: one an image that has captions."""
        return len(self.images)

    def __len__(self) -> int:
        """Rows an epoch: one a word after the first of each caption."""
        return sum(len(ids) - 1 for image in self.captions for ids in image)

    def batch(self, number: int) -> Batch:
        """All rows of the image at a place: (features (rows, ...), prefixes (rows, max_length)), words (rows,)."""
        parts = [prefix_rows(ids, self.max_length) for ids in self.captions[number]]
        words = np.concatenate([following for _, following in parts])
        feature = np.asarray(self.features[self.images[number]], np.float32)
        repeated = np.broadcast_to(feature, (len(words), *feature.shape))
        return (repeated, np.concatenate([prefixes for prefixes, _ in parts])), words

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """Places of the images in the order of an epoch."""
        return generator(seed, "order", epoch).permutation(self.steps)

    def batches(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch as arrays."""
        return (self.batch(number) for number in self.order(seed, epoch))

    def dataset(self, seed: int, epoch: int, *, trim: bool = True) -> tf.data.Dataset:
        """The same batches, each row with weight 1, as a `tf.data` pipeline that reads ahead of training.

        Args:
            trim: leave out the columns that are padding in all rows of a batch. They are masked, so that logits and
                gradients are the same without them, in less than half the time.
        """
        columns = None if trim else self.max_length
        spec = (
            tf.TensorSpec(self.features.shape[1:], tf.float32),
            tf.TensorSpec((None, columns), tf.int32),
            tf.TensorSpec((None,), tf.int32),
        )

        def one_feature_each() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            for (features, prefixes), words in self.batches(seed, epoch):
                used = int((prefixes != PAD).sum(axis=1).max()) if trim else self.max_length
                yield features[0], prefixes[:, self.max_length - used :], words

        def with_rows(feature: tf.Tensor, prefixes: tf.Tensor, words: tf.Tensor) -> tuple[tuple, tf.Tensor, tf.Tensor]:
            repeated = tf.repeat(feature[None], tf.shape(words)[0], axis=0)
            return (repeated, prefixes), words, tf.ones_like(words, tf.float32)

        generated = tf.data.Dataset.from_generator(one_feature_each, output_signature=spec)
        return generated.map(with_rows).prefetch(8)


def rows(data: Captioned, tokenizer: CampTokenizer) -> Rows:
    """The rows of captioned images, captions as they stand in the file.

    Raises:
        DataError: no image has a caption.
    """
    captions = [[tokenizer.encode(wrap(text)) for text in item.references] for item in data.items]
    images = np.flatnonzero([bool(own) for own in captions])
    if not len(images):
        raise DataError(f"none of {len(data.items)} images has a caption")
    return Rows(data.features, images, [captions[image] for image in images], tokenizer.max_length)
