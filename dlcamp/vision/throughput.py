"""How fast images become features here: computed into an empty cache, and read back from it, in alternating rounds.

The images are held in memory, so that a slow disk, or the drawing of an image, is in neither number. Computing
includes decoding, hashing and storing; the cache includes hashing, looking up and copying the values out.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcamp.errors import DataError
from dlcamp.vision.encoder import Encoder
from dlcamp.vision.extraction import Progress, extract
from dlcamp.vision.pipeline import Load

MOST_BYTES = 256_000_000
"""Bytes of image files that `spread` holds in memory, at most (but for the first image)."""

BATCH = 32
"""Images computed at once, fewer where there are fewer."""


@dataclass(frozen=True)
class Throughput:
    """Images a second, one value a round.

    Attributes:
        images: how many were computed a round.
        cold: computed into an empty cache.
        cached: read back.
    """

    images: int
    cold: tuple[float, ...]
    cached: tuple[float, ...]

    @property
    def speedup(self) -> tuple[float, ...]:
        """How many times faster the cache was, a round."""
        return tuple(cached / cold for cold, cached in zip(self.cold, self.cached, strict=True))

    def metrics(self) -> dict[str, float]:
        """Medians as `cost/...`, with the extremes as `..._min` and `..._max`."""
        values = {
            "seconds_per_image": np.array([1 / speed for speed in self.cold]),
            "images_per_second_cold": np.array(self.cold),
            "images_per_second_cached": np.array(self.cached),
            "cache_speedup": np.array(self.speedup),
        }
        return {
            **{f"cost/{name}": float(np.median(found)) for name, found in values.items()},
            **{f"cost/{name}_min": float(found.min()) for name, found in values.items()},
            **{f"cost/{name}_max": float(found.max()) for name, found in values.items()},
            "cost/timed_images": float(self.images),
        }

    def lines(self) -> list[str]:
        """The same as a table to read."""
        rows = (
            ("computed, images/s", self.cold, ",.1f", "with decoding and storing"),
            ("from the cache, images/s", self.cached, ",.0f", "with hashing and copying out"),
            ("times faster", self.speedup, ",.0f", ""),
        )
        head = f"{f'{len(self.cold)} rounds of {self.images} images in memory':<34}{'median':>10}   min to max"
        return [head, *(_line(*row) for row in rows)]


def _line(label: str, values: Sequence[float], form: str, note: str) -> str:
    ends = f"{min(values):{form}} to {max(values):{form}}"
    return f"  {label:<32}{float(np.median(values)):>10{form}}   {ends:<20}{note}".rstrip()


def throughput(
    sample: Sequence[tuple[str, bytes]], encoder: Encoder, folder: Path, rounds: int, progress: Progress
) -> Throughput:
    """Measure.

    Args:
        sample: pairs of an id and the bytes of an image file, each content once; whole batches of them are used
            where there is one, because a batch that is not full costs as much as a full one.
        encoder: its precision is settled.
        folder: an existing one on the disk of the caches; what is written there is removed again.
        rounds: each begins with an empty cache.
        progress: makes the bar.
    """
    batch = min(BATCH, len(sample))
    sample = sample[: len(sample) // batch * batch]
    # the first call traces and compiles; later ones, in the same shape, do not
    encoder.load()(np.zeros((batch, encoder.size, encoder.size, 3), np.uint8))
    speeds: dict[str, list[float]] = {"cold": [], "cached": []}
    with progress(rounds, "speed", "rounds") as bar:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="throughput-", dir=folder) as cache:
                for way in speeds.values():
                    started = time.perf_counter()
                    np.array(extract(sample, encoder, cache=Path(cache), batch=batch).array)
                    way.append(len(sample) / (time.perf_counter() - started))
            bar.advance()
    return Throughput(len(sample), tuple(speeds["cold"]), tuple(speeds["cached"]))


def spread(ids: Sequence[str], load: Load, count: int, most_bytes: int = MOST_BYTES) -> list[tuple[str, bytes]]:
    """At most `count` images, evenly over `ids`, with their bytes; each content once, fewer where they are large.

    Raises:
        DataError: none of them can be read.
    """
    chosen: dict[bytes, tuple[str, bytes]] = {}
    held = 0
    for place in np.unique(np.linspace(0, len(ids) - 1, count).astype(int)):
        try:
            data = load(ids[place])
        except (OSError, DataError):  # gone by now
            continue
        held += len(data)
        if chosen and held > most_bytes:
            break
        chosen.setdefault(hashlib.sha256(data).digest(), (ids[place], data))
    if not chosen:
        raise DataError(f"none of the {len(ids)} images can be read any more: there is nothing to measure with")
    return list(chosen.values())
