"""Intervals: bootstrap over items, and Wilson's interval for a rate. Pure functions, every one seeded.

Everything here resamples *items* (images, messages), so an interval covers the choice of items and nothing else:
not the seed of a training. A statistic is a vectorised function of column means, which covers means, ratios of
sums and corpus BLEU alike, and lets all resamples be computed by one matrix product.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993 (percentile ch. 13, BCa ch. 14);
Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004 (paired, corpus BLEU);
Wilson, Probable Inference, JASA 22, 1927.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
Method = Literal["percentile", "bca"]

_CHUNK = 2_000_000  # resampled indices held at once: 16 MB


class Interval(NamedTuple):
    """A closed interval; for paired differences, of first minus second."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A value on all items with its interval; `separated` when the interval leaves out zero."""

    value: float
    low: float
    high: float

    @property
    def separated(self) -> bool:
        return self.low > 0 or self.high < 0


def bootstrap(
    items: ArrayLike,
    statistic: Statistic,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
    method: Method = "percentile",
) -> tuple[Floats, Floats]:
    """Lower and upper ends of the interval of a statistic of column means.

    Args:
        items: (n, k), one row an item.
        statistic: column means (..., k) to values (..., m) or (...); must work on many rows at once.
        seed: of the resampling.
        resamples: how many; 1,000 is enough for 95 %, more for wider levels.
        level: coverage, between 0 and 1.
        method: "bca" corrects bias and skewness at the cost of n more evaluations.

    Returns:
        Two arrays of the statistic's shape.

    Raises:
        ValueError: no items, values that are not finite, a level outside (0, 1), no resamples.
    """
    table = _table(items)
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level {level}, resamples {resamples}: the level must lie in (0, 1), resamples be 1 or more")
    draws = np.asarray(statistic(resampled_means(table, resamples, seed)), dtype=float)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "percentile" or len(table) == 1:
        low, high = np.quantile(draws, tails, axis=0)
        return low, high
    return _bca(table, statistic, draws, tails)


def resampled_means(items: Floats, resamples: int, seed: int) -> Floats:
    """Column means of `resamples` draws of n items with replacement, shape (resamples, k)."""
    n = len(items)
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // n)
    parts = []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        parts.append(counts.astype(float) @ items / n)
    return np.concatenate(parts)


def mean_interval(
    values: ArrayLike, *, seed: int, resamples: int = 2000, level: float = 0.95, method: Method = "percentile"
) -> Interval:
    """Interval of the mean of one value an item."""
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    low, high = bootstrap(column, _first, seed=seed, resamples=resamples, level=level, method=method)
    return Interval(float(low), float(high))


def ratio_interval(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Interval of sum(numerators) / sum(denominators), items drawn together (a length ratio, a pooled rate)."""
    items = np.column_stack([np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)])
    low, high = bootstrap(items, _ratio, seed=seed, resamples=resamples, level=level, method=method)
    return Interval(float(low), float(high))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int,
    statistic: Statistic | None = None,
    resamples: int = 2000,
    level: float = 0.95,
    method: Method = "percentile",
) -> Estimate:
    """statistic(first) - statistic(second) on the same items, which are drawn in pairs (Koehn 2004).

    Args:
        first: (n,) or (n, k), one row an item.
        second: the same items in the same order.
        statistic: of column means, one number a row; the mean when none is given.

    Raises:
        ValueError: the two do not have one shape.
    """
    a, b = _table(first), _table(second)
    if a.shape != b.shape:
        raise ValueError(f"paired items must match: {a.shape} against {b.shape}; score both on the same items")
    measure, width = statistic or _first, a.shape[1]

    def difference(means: Floats) -> Floats:
        return np.asarray(measure(means[..., :width]) - measure(means[..., width:]), dtype=float)

    both = np.hstack([a, b])
    low, high = bootstrap(both, difference, seed=seed, resamples=resamples, level=level, method=method)
    return Estimate(float(difference(both.mean(axis=0))), float(low), float(high))


def wilson_interval(successes: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a rate; all of [0, 1] when nothing was counted.

    Unlike the normal interval it stays inside [0, 1] and keeps its coverage near 0 and 1
    (Brown, Cai & DasGupta, Statistical Science 16, 2001).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a rate")
    if n == 0:
        return Interval(0.0, 1.0)
    z = float(ndtri((1 + level) / 2))
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)))
    return Interval(
        0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == n else min(1.0, centre + half)
    )


def _bca(table: Floats, statistic: Statistic, draws: Floats, tails: Floats) -> tuple[Floats, Floats]:
    """Bias-corrected and accelerated ends (Efron 1987; Efron & Tibshirani 1993, eq. 14.9-14.15)."""
    n = len(table)
    value = np.asarray(statistic(table.mean(axis=0)), dtype=float)
    left_out = np.asarray(statistic((table.sum(axis=0) - table) / (n - 1)), dtype=float)
    centred = left_out.mean(axis=0) - left_out
    spread = (centred**2).sum(axis=0) ** 1.5
    skew = np.divide((centred**3).sum(axis=0), 6 * spread, out=np.zeros_like(spread), where=spread > 0)
    # ties count half, so that a statistic that never moves has no bias
    below = ((draws < value).mean(axis=0) + (draws <= value).mean(axis=0)) / 2
    bias = ndtri(np.clip(below, 1 / (2 * len(draws)), 1 - 1 / (2 * len(draws))))
    ends = []
    for tail in tails:
        z = bias + ndtri(tail)
        share = ndtr(bias + z / (1 - skew * z))
        ends.append(_quantiles(draws, share))
    return ends[0], ends[1]


def _quantiles(draws: Floats, shares: Any) -> Floats:
    """Another quantile for every output of the statistic."""
    flat = draws.reshape(len(draws), -1)
    ends = [np.quantile(column, share) for column, share in zip(flat.T, np.ravel(shares), strict=True)]
    return np.array(ends).reshape(draws.shape[1:])


def _table(items: ArrayLike) -> Floats:
    table = np.asarray(items, dtype=float)
    table = table.reshape(-1, 1) if table.ndim == 1 else table
    if table.ndim != 2 or not len(table):
        raise ValueError(f"items of shape {table.shape}: a bootstrap needs one row an item, and at least one item")
    if not np.isfinite(table).all():
        raise ValueError("items hold values that are not finite: leave those items out of both the value and n")
    return table


def _first(means: Floats) -> Floats:
    return means[..., 0]


def _ratio(means: Floats) -> Floats:
    return np.asarray(means[..., 0] / means[..., 1], dtype=float)
