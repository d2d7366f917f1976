"""A mean over seeds with its t interval: what one variant shows on its own.

The interval covers what differs between the values, usually the seeds of training; the test set is not resampled.
Nothing here is ever NaN: what one value cannot say is None.

Source: Student, The Probable Error of a Mean, Biometrika 6, 1908.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

LEVEL = 0.95
"""Coverage of every interval, and one minus the size of every test, unless another is asked for."""

ROUNDING = 1e-14
"""A spread below this share of the mean is how numbers are written in binary."""


@dataclass(frozen=True)
class Mean:
    """A mean of n values; `mean` is None without values, the rest below two.

    Args:
        sd: standard deviation between the values, with n - 1.
        low, high: the t interval of the mean.
    """

    n: int
    mean: float | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None


def mean_of(values: Iterable[float], level: float = LEVEL) -> Mean:
    """The mean with Student's t interval; one value gives a mean alone.

    The values are taken to be independent and near normal, as final metrics over seeds are.

    Raises:
        ValueError: values that are not finite, a level outside of (0, 1).
    """
    sample = finite(values)
    half = t_quantile(level, max(len(sample) - 1, 1))
    if len(sample) < 2:
        return Mean(len(sample), float(sample[0]) if len(sample) else None)
    # about the first value: a sum of equal numbers need not be a multiple of them
    mean = float(sample[0] + (sample - sample[0]).mean())
    sd = float((sample - sample[0]).std(ddof=1))
    sd = 0.0 if sd <= ROUNDING * abs(mean) else sd
    half *= sd / len(sample) ** 0.5
    return Mean(len(sample), mean, sd, mean - half, mean + half)


def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors a two-sided t interval of this level reaches to each side.

    Raises:
        ValueError: a level outside of (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}: it must lie in (0, 1), as 0.95 does")
    return float(stdtrit(freedom, (1 + level) / 2))


def finite(values: Iterable[float]) -> NDArray[np.float64]:
    """The values as one row.

    Raises:
        ValueError: some are not finite.
    """
    sample = np.asarray(list(values), dtype=float)
    if not np.isfinite(sample).all():
        raise ValueError("NaN or infinite values: leave them out of both the mean and n, and say so")
    return sample
