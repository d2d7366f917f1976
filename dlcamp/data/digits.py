"""`digits`: the 1,797 handwritten 8x8 digits that come with scikit-learn, cut into train, val and test.

They have no official split, so the cut is a function of a seed (60/20/20).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """Images `x` (n, 64) float32 from 0 to 1, labels `y` (n,) int64 from 0 to 9."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True)
class DigitSplits:
    """The three parts of one cut."""

    train: Part
    val: Part
    test: Part


class Digits:
    """The data set as a value; reads scikit-learn's file without importing scikit-learn."""

    name = "digits"

    @cached_property
    def digest(self) -> str:
        """sha256 of the packed file."""
        return hashlib.sha256(_file().read_bytes()).hexdigest()

    def split(self, seed: int) -> DigitSplits:
        """1,079 / 359 / 359 images; another seed gives another cut."""
        import numpy as np

        table = np.loadtxt(_file(), delimiter=",", dtype=np.float32)
        order = np.random.default_rng(seed).permutation(len(table))
        x, y = table[order, :64] / np.float32(16), table[order, 64].astype(np.int64)
        first, second = int(len(x) * 0.6) + 1, int(len(x) * 0.8) + 1
        parts = [Part(x[a:b], y[a:b]) for a, b in ((0, first), (first, second), (second, len(x)))]
        return DigitSplits(*parts)


def _file() -> Path:
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise DataError("digits come with scikit-learn, which is not installed; build the environment: make setup")
    return Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
