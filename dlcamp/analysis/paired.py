"""Differences between two variants, seed by seed: interval, test, effect size, and corrections for many tests.

A seed fixes initialisation, order and noise for both variants, so what it does to both cancels in the difference.
Nothing here is ever NaN: what cannot be said is None.

Sources: Student, The Probable Error of a Mean, Biometrika 6, 1908 (paired t); Holm, A Simple Sequentially Rejective
Multiple Test Procedure, Scand. J. Statist. 6, 1979; Cohen, Statistical Power Analysis, 1988, ch. 2.3, and Hedges,
Distribution Theory for Glass's Estimator, J. Educ. Statist. 6, 1981 (effect); Fisher, The Design of Experiments, 1935,
sec. 21 (sign flips); Nadeau & Bengio, Inference for the Generalization Error, Machine Learning 52, 2003 (repeated
cross-validation).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr

from dlcamp.analysis.estimates import LEVEL, finite, t_quantile

Floats = NDArray[np.float64]

RESOLUTION = 2.0**-22
"""Values closer than this, as a share of the largest one, are equal: metrics are often float32, and this is two of its
roundings. Equal differences must not look like a tiny spread, which would make any t huge."""


@dataclass(frozen=True)
class Paired:
    """A mean difference over n pairs; None: undefined, as all but the difference are for one pair.

    Args:
        sd: of the differences between pairs, with n - 1.
        low, high: t interval of the difference, not corrected for other tests; none where every pair shows the same
            difference and it is not zero, since there is then no spread to judge it by.
        p: two-sided, of no difference; not corrected either.
        effect: Cohen's d_z, the mean difference over its standard deviation between seeds, times Hedges' correction: at
            five seeds the plain ratio is a quarter too large. Standardised by the spread of the differences because
            that spread, not the one within a variant, decides whether seeds can show it. None below three pairs, where
            it has no unbiased estimate, and without spread.
    """

    n: int
    difference: float | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    effect: float | None = None


def paired(first: Iterable[float], second: Iterable[float], level: float = LEVEL) -> Paired:
    """Mean of first - second with Student's paired t test; the two hold the same seeds in the same order.

    Where every pair shows the same difference there is no spread for a t test. Then p is that of Fisher's sign flips,
    2^(1-n), the least that n pairs can give, and 1 for a difference of zero.

    Raises:
        ValueError: another number of values on each side, values that are not finite.
    """
    a, b = finite(first), finite(second)
    if a.shape != b.shape:
        raise ValueError(f"{len(a)} values against {len(b)}: pairs need the same seeds on both sides, in one order")
    return of_differences(a - b, level, magnitude=float(max(np.abs(a).max(), np.abs(b).max())) if len(a) else 0.0)


def of_differences(differences: Iterable[float], level: float = LEVEL, magnitude: float = 0.0) -> Paired:
    """What `paired` says, from the differences.

    Args:
        magnitude: of the values that were subtracted; differences that vary by less than `RESOLUTION` of it are equal.
    """
    sample = finite(differences)
    t_quantile(level, 1)
    if len(sample) < 2:
        return Paired(len(sample), float(sample[0]) if len(sample) else None)
    if no_spread(sample, magnitude):
        return _constant(sample, magnitude)
    mean, sd = float(sample.mean()), float(sample.std(ddof=1))
    return _student(len(sample), mean, sd, sd / len(sample) ** 0.5, level)


def no_spread(differences: Floats, magnitude: float = 0.0) -> bool:
    """Whether all differences are one, as far as the metrics' own precision tells."""
    size = max(magnitude, float(np.abs(differences).max()))
    return float(differences.max() - differences.min()) <= 2 * RESOLUTION * size


def _student(n: int, mean: float, sd: float, error: float, level: float) -> Paired:
    half = t_quantile(level, n - 1) * error
    p = min(1.0, 2 * float(stdtr(n - 1, -abs(mean) / error)))
    effect = hedges(n - 1) * mean / sd if n > 2 else None
    return Paired(n, mean, sd, mean - half, mean + half, p, effect)


def _constant(sample: Floats, magnitude: float) -> Paired:
    n, value = len(sample), float(sample[0])
    if abs(value) <= RESOLUTION * magnitude:
        return Paired(n, 0.0, 0.0, 0.0, 0.0, 1.0)
    return Paired(n, value, 0.0, p=2.0 ** (1 - n))


def hedges(freedom: int) -> float:
    """The factor that makes a standardised mean unbiased, exactly (Hedges 1981, eq. 6e); freedom is 2 or more."""
    return float(np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: those below a size are rejected with that familywise error."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = largest
    return adjusted


def nadeau_bengio(differences: Iterable[float], test_share_over_train: float, level: float = LEVEL) -> Paired:
    """The corrected resampled t test for J train/test splits of one data set (Nadeau & Bengio 2003, sec. 4.2).

    Training sets of repeated cross-validation overlap, so their results are correlated and 1/J is too small a factor
    of the variance: 1/J + n_test/n_train stands in for it. That takes two splits to correlate by n_test/n, which is an
    approximation: in the tests' simulation 95 % intervals cover 94 to 95 % with 200 items and 93 to 94 % with 60, where
    plain ones cover 28 to 66 %.

    Args:
        differences: one a split.
        test_share_over_train: n_test / n_train of a split; 1/9 for ten folds.

    Raises:
        ValueError: a ratio that is not positive, values that are not finite.
    """
    if not test_share_over_train > 0:
        raise ValueError(f"n_test/n_train is {test_share_over_train}: it must be above 0, as 1/9 is for ten folds")
    sample = finite(differences)
    if len(sample) < 2:
        return of_differences(sample, level)
    mean, n = float(sample.mean()), len(sample)
    if no_spread(sample):
        # no sign flips here: splits of one data set are no independent pairs
        return Paired(n, 0.0, 0.0, 0.0, 0.0, 1.0) if mean == 0 else Paired(n, mean, 0.0)
    sd = float(sample.std(ddof=1))
    return _student(n, mean, sd, sd * (1 / n + test_share_over_train) ** 0.5, level)
