"""`noisy_digits`: scikit-learn's digits, a fifth of the training labels wrong, so that over-fitting costs something.

A net that learns the wrong labels by heart loses accuracy on val and test, whose labels stay as they are. Which
training labels are wrong, and what they become (any other class, equally likely), depends on the split's seed only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dlcamp.data.digits import Digits, DigitSplits, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARE = 0.2
"""Of the training labels, that are wrong."""

CLASSES = 10
_VERSION = 1  # of the draw below: another way to draw is another data set


@dataclass(frozen=True)
class NoisySplits(DigitSplits):
    """The three parts of one cut; `true_labels` (n,) are those of `train` before a fifth was changed."""

    true_labels: NDArray[np.int64]


class NoisyDigits:
    """The data set as a value."""

    name = "noisy_digits"

    @cached_property
    def digest(self) -> str:
        """sha256 of what the values depend on: the digits' digest, the share of wrong labels, the draw's version."""
        return hashlib.sha256(f"{Digits().digest} share {SHARE} version {_VERSION}".encode()).hexdigest()

    def split(self, seed: int) -> NoisySplits:
        """The digits' cut of that seed, 1,079 / 359 / 359 images, with 216 wrong labels in train."""
        import numpy as np

        clean = Digits().split(seed)
        rng = np.random.default_rng([seed, _VERSION])
        chosen = rng.permutation(len(clean.train.y))[: round(SHARE * len(clean.train.y))]
        labels = clean.train.y.copy()
        labels[chosen] = (labels[chosen] + rng.integers(1, CLASSES, len(chosen))) % CLASSES
        return NoisySplits(Part(clean.train.x, labels), clean.val, clean.test, clean.train.y)
