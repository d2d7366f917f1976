"""How long one photo waits for its caption: the bytes of a file in, text out, one at a time, everything warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcamp.analysis.result_rows import ResultRow
from dlcamp.captioning.captioner import Captioner
from dlcamp.errors import DataError

_WARM = 3  # captions before the first that counts


@dataclass(frozen=True)
class Latency:
    """Milliseconds, photo by photo.

    Attributes:
        whole: from the bytes to the text.
        seeing: from the bytes to features: decoding, resizing, the encoder.
        saying: from features to words: the search.
        words: how many steps the search's captions took, the end mark counted.
    """

    whole: tuple[float, ...]
    seeing: tuple[float, ...]
    saying: tuple[float, ...]
    words: tuple[int, ...]

    @property
    def median(self) -> float:
        return float(np.median(self.whole))

    @property
    def late(self) -> float:
        """What 95 % of photos do not exceed."""
        return float(np.quantile(self.whole, 0.95))

    def metrics(self, name: str) -> dict[str, float]:
        """`latency/<name>_ms` is the median of the whole, `_p95` its 95 % quantile; medians of the parts; words."""
        return {
            f"latency/{name}_ms": self.median,
            f"latency/{name}_ms_p95": self.late,
            f"latency/{name}_ms_seeing": float(np.median(self.seeing)),
            f"latency/{name}_ms_saying": float(np.median(self.saying)),
            f"latency/{name}_words": float(np.mean(self.words)),
        }

    def rows(self, name: str) -> list[ResultRow]:
        """For docs/results."""
        return [
            ResultRow(f"{name}, ms a photo", self.whole),
            ResultRow(f"{name}, ms a photo, 95 % quantile", (self.late,)),
            ResultRow(f"{name}, ms of decoding and encoding", self.seeing),
            ResultRow(f"{name}, ms of the search", self.saying),
        ]

    def line(self, name: str) -> str:
        """A line under `LATENCY_HEAD`."""
        seeing, saying = float(np.median(self.seeing)), float(np.median(self.saying))
        parts = f"{self.median:>8.1f}{self.late:>10.1f}{seeing:>10.1f}{saying:>10.1f}{np.mean(self.words):>8.1f}"
        return f"  {name:<30}{parts}"


LATENCY_HEAD = f"  {'one photo, ms':<30}{'median':>8}{'95 %':>10}{'encoding':>10}{'search':>10}{'words':>8}"


def latency(captioner: Captioner, photos: Sequence[bytes]) -> Latency:
    """Caption one photo after another, whole and in parts; some are captioned first, which compiles.

    Args:
        photos: encoded images.

    Raises:
        DataError: no photo.
        ImageError: a photo cannot be read.
    """
    if not photos:
        raise DataError("no photo to caption")
    for number in range(_WARM):
        captioner.predict([photos[number % len(photos)]])
    whole, seeing, saying, words = [], [], [], []
    for photo in photos:
        whole.append(_milliseconds(lambda one: captioner.predict([one]), photo)[0])
        spent, features = _milliseconds(lambda one: captioner.features([one]), photo)
        seeing.append(spent)
        spent, tokens = _milliseconds(captioner.tokens, features)
        saying.append(spent)
        words.append(int(np.count_nonzero(tokens != captioner.vocabulary.marks.pad)))
    return Latency(tuple(whole), tuple(seeing), tuple(saying), tuple(words))


def _milliseconds(work: Callable[[Any], Any], given: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work(given)
    return 1000 * (time.perf_counter() - started), result
