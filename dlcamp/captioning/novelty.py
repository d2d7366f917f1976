"""How far an image lies from those a captioner was trained on, judged from its features.

The distance of an image is that to the nearest of a sample of training images, between features scaled to length 1
(Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors"). It is given as a ratio: above 1
means farther away than 99 in 100 of the held-out images that the model was validated on. On drawn scenes, photos,
noise and blank pages come out at 1.5 to 2; distances by variance (Mahalanobis) called blank pages familiar.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from dlcamp.errors import DataError

SAMPLE = 1_000
QUANTILE = 0.99
_FILE = "novelty.npz"


@dataclass(frozen=True)
class Novelty:
    """What is kept of the training features.

    Args:
        sample: (images, channels) float16, each row of length 1.
        threshold: distance to the nearest of the sample that one in a hundred held-out images exceeds.
    """

    sample: np.ndarray
    threshold: float

    @classmethod
    def fit(cls, train: np.ndarray, held_out: np.ndarray) -> Self:
        """Keep an even sample of `train` features, with the threshold from `held_out` ones; (images, ..., channels).

        Maps are averaged over their positions.

        Raises:
            DataError: no training or no held-out image.
        """
        if not len(train) or not len(held_out):
            raise DataError(f"novelty needs training and held-out images, got {len(train)} and {len(held_out)}")
        chosen = np.unique(np.linspace(0, len(train) - 1, SAMPLE).astype(int))
        sample = _directions(train[chosen]).astype(np.float16)
        # two features of float16 that are equal lie about 1e-3 apart: less is no distance
        threshold = max(float(np.quantile(_nearest(held_out, sample), QUANTILE)), 1e-3)
        return cls(sample, threshold)

    def ratio(self, features: np.ndarray) -> np.ndarray:
        """Distance of each image's features in thresholds, (images,): above 1 is unlike the training images."""
        return _nearest(features, self.sample) / self.threshold

    def save(self, folder: Path) -> None:
        """Write one plain file."""
        np.savez(folder / _FILE, sample=self.sample, threshold=self.threshold)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / _FILE, allow_pickle=False) as kept:
            return cls(kept["sample"], float(kept["threshold"]))


def _nearest(features: np.ndarray, sample: np.ndarray) -> np.ndarray:
    cosines = _directions(features) @ sample.astype(np.float32).T
    return np.sqrt(np.maximum(2 - 2 * cosines.max(axis=1), 0))


def _directions(features: np.ndarray) -> np.ndarray:
    values = np.asarray(features, np.float32)
    vectors = values.mean(axis=tuple(range(1, values.ndim - 1))) if values.ndim > 2 else values
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
