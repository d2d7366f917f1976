"""How fast captions are taught: the time of each epoch's training steps, without what is measured between epochs."""

from __future__ import annotations

import statistics
import time


class Pace:
    """Times the epochs of one training.

    Args:
        captions: of an epoch.
    """

    def __init__(self, captions: int) -> None:
        self._captions = captions
        self._seconds: list[float] = []
        self._began = 0.0

    def begins(self) -> None:
        """The first batch of an epoch is about to be asked for."""
        self._began = time.perf_counter()

    def ends(self) -> None:
        """The last step of an epoch has been taken."""
        self._seconds.append(time.perf_counter() - self._began)

    @property
    def captions_per_second(self) -> float | None:
        """By the median epoch, so that the first, in which the step is compiled, does not count; None before one ends.

        Of a run that was resumed, the epochs since then.
        """
        return self._captions / statistics.median(self._seconds) if self._seconds else None
