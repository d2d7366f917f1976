"""Images on their way to the net: read and hashed one by one, decoded in parallel, batched without retracing.

The reading side (`Scan`) needs no TensorFlow, so that an extraction that is all in the cache never loads it. The
decoding side (`batches`) is a tf.data pipeline that works ahead while the net computes.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dlcamp.errors import ImageError
from dlcamp.vision.encoder import Encoder

Load = Callable[[str], bytes]


class Fresh(NamedTuple):
    """An image that has to be computed: its position, its sha256, its bytes."""

    position: int
    digest: bytes
    data: bytes


class Batch(NamedTuple):
    """Decoded images. `pixels` (batch, size, size, 3) is padded with zeros behind the last of `positions`, so that
    every image is computed in one shape."""

    positions: np.ndarray
    pixels: np.ndarray


class Scan:
    """One pass over the images: notes what each holds, and yields those nothing is known about, each content once.

    Args:
        ids: the items, in order.
        load: item to the bytes of its file.
        known: contents that need no computing; asked anew at every item, so that it may be replaced.
        skip: note an item that cannot be read in `failures` instead of raising ImageError.
    """

    def __init__(self, ids: Sequence[str], load: Load, known: Collection[bytes], *, skip: bool) -> None:
        self.ids, self.known, self._skip = ids, known, skip
        self.digests: dict[int, bytes] = {}
        self.failures: dict[int, str] = {}
        self.error: BaseException | None = None
        self._load = load
        self._claimed: set[bytes] = set()

    def __iter__(self) -> Iterator[Fresh]:
        for position, item in enumerate(self.ids):
            try:
                data = self._load(item)
            except (OSError, ImageError) as error:
                reason = str(error) if isinstance(error, ImageError) else f"cannot read the image {item!r}: {error}"
                if not self._skip:
                    raise ImageError(reason) from error
                self.failures[position] = reason
                continue
            content = hashlib.sha256(data).digest()
            self.digests[position] = content
            if content not in self.known and content not in self._claimed:
                self._claimed.add(content)
                yield Fresh(position, content, data)

    def drop(self, broken: Mapping[bytes, str]) -> None:
        """Note the items whose content cannot be decoded; called when the pass is over."""
        for position, content in self.digests.items():
            if content in broken:
                self.failures[position] = broken[content]


def batches(
    scan: Scan, fresh: Iterator[Fresh], encoder: Encoder, batch: int, broken: dict[bytes, str]
) -> Iterator[Batch]:
    """Decoded batches of one fixed size, in order; what cannot be decoded is noted in `broken` and left out.

    An exception of the reading side ends the batches and waits in `scan.error`: TensorFlow would turn it into text.
    """
    import tensorflow as tf

    def read() -> Iterator[tuple[list[int], list[bytes], list[bytes]]]:
        try:
            while group := list(itertools.islice(fresh, batch)):
                yield [item.position for item in group], [item.digest for item in group], [item.data for item in group]
        except Exception as error:
            scan.error = error

    # One call of Python a batch, not an image: handing single images over costs more than decoding them.
    def decoded(positions: np.ndarray, digests: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels = np.zeros((batch, encoder.size, encoder.size, 3), np.uint8)
        good: list[int] = []
        for position, digest, image in zip(positions, digests, data, strict=True):
            try:
                pixels[len(good)] = encoder.pixels(image, scan.ids[int(position)])
                good.append(int(position))
            except ImageError as error:
                broken[digest] = str(error)
        return np.array(good, np.int64), pixels

    def decoded_in_graph(*group: Any) -> Any:
        return tf.numpy_function(decoded, group, [tf.int64, tf.uint8], stateful=False)

    text = tf.TensorSpec((None,), tf.string)
    data = tf.data.Dataset.from_generator(read, output_signature=(tf.TensorSpec((None,), tf.int64), text, text))
    data = data.map(decoded_in_graph, num_parallel_calls=os.cpu_count() or 1, deterministic=True).prefetch(1)
    for positions, pixels in data.as_numpy_iterator():
        yield Batch(positions, pixels)


def sample(ids: Sequence[str], load: Load, encoder: Encoder, count: int) -> np.ndarray | None:
    """Real pixels of the first readable images, repeated where they are fewer than `count`; None: there are none."""
    found = list(itertools.islice(_readable(ids, load, encoder), count))
    return np.stack([found[number % len(found)] for number in range(count)]) if found else None


def _readable(ids: Sequence[str], load: Load, encoder: Encoder) -> Iterator[np.ndarray]:
    for item in ids:
        try:
            yield encoder.pixels(load(item), item)
        except (OSError, ImageError):
            continue
