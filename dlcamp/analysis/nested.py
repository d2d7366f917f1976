"""Intervals over seeds and test items together: what other seeds and another test set of the same size would give.

A t interval over seeds says how a result varies when training is repeated on one fixed test set. Here the items are
drawn again too. When every seed is scored on the same items (`crossed`, the default: one fixed test set), an item that
is easy is easy for all seeds; averaging over seeds does not average that away, so one drawing of items holds for all
of them. Items of their own for each seed (another split a seed) are nested in the seeds, and average out with them.

Resampling both levels and taking quantiles goes wrong for few seeds: five seeds spread too little in a resample (by
(S - 1)/S), their quantiles know nothing of t, and the noise of single items is counted twice or more (Owen 2007). So
the bootstrap measures only what it measures well, the variance over items; that over seeds is Student's, and

    variance = between seeds + shared items - interaction,   as in a two-way layout with random effects,

    between      var(statistic of each seed) / S             holds seeds and interaction
    shared       var*(mean over seeds, items drawn once)     holds items and interaction
    interaction  (S var*(items drawn for each seed) - shared) / (S - 1)

where var* is over resamples of items. The interval is t with Satterthwaite's degrees of freedom. For nested items the
variance between seeds holds everything. With one seed the interval covers items alone. Simulations test the coverage.

Sources: Owen, The pigeonhole bootstrap, Ann. Appl. Stat. 1, 2007; Davison & Hinkley, Bootstrap Methods and their
Application, 1997, sec. 3.8 (nested); Satterthwaite, Biometrics Bulletin 2, 1946; Searle, Casella & McCulloch, Variance
Components, 1992, ch. 4 (two-way crossed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dlcamp.analysis.bootstrap import Estimate, Floats, Statistic, resampled_means
from dlcamp.analysis.estimates import LEVEL, t_quantile


def nested_mean(
    scores: ArrayLike,
    *,
    seed: int,
    statistic: Statistic | None = None,
    resamples: int = 2000,
    level: float = LEVEL,
    crossed: bool = True,
) -> Estimate:
    """The mean over seeds of a statistic of items, with its interval over seeds and items.

    Args:
        scores: (seeds, items) or (seeds, items, k).
        seed: of the resampling.
        statistic: of column means, (..., k) -> (...), taken for each seed; the first column when none is given.
        resamples: of items.
        level: coverage.
        crossed: every seed was scored on the same items in the same order; False: each on items of its own.

    Raises:
        ValueError: no seeds or items, values that are not finite, a level outside of (0, 1).
    """
    table, measure = _table(scores), statistic or _first
    seeds, items, _ = table.shape
    each = np.asarray(measure(table.mean(axis=1)), dtype=float)
    value, between = float(each.mean()), (float(each.var(ddof=1)) / seeds if seeds > 1 else 0.0)
    if not crossed and seeds > 1:
        variance, freedom = between, float(seeds - 1)
    else:
        variance, freedom = _crossed(between, _item_draws(table, measure, resamples, seed), items)
    half = t_quantile(level, freedom) * variance**0.5
    return Estimate(value, value - half, value + half)


def nested_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int,
    statistic: Statistic | None = None,
    resamples: int = 2000,
    level: float = LEVEL,
    crossed: bool = True,
) -> Estimate:
    """statistic(first) - statistic(second), paired: both sides hold the same seeds and items, drawn together.

    Args:
        first, second: as in `nested_mean`, the same seeds and items in the same order.

    Raises:
        ValueError: the two do not have one shape.
    """
    a, b = _table(first), _table(second)
    if a.shape != b.shape:
        raise ValueError(f"seeds and items must match: {a.shape} against {b.shape}; score both on the same items")
    measure, width = statistic or _first, a.shape[2]

    def difference(means: Floats) -> Floats:
        return np.asarray(measure(means[..., :width]) - measure(means[..., width:]), dtype=float)

    both = np.concatenate([a, b], axis=2)
    return nested_mean(both, seed=seed, statistic=difference, resamples=resamples, level=level, crossed=crossed)


def _item_draws(table: Floats, measure: Statistic, resamples: int, seed: int) -> Floats:
    """The statistic of each seed on every resample of items, (resamples, seeds); one drawing holds for all seeds."""
    seeds, items, width = table.shape
    side_by_side = table.transpose(1, 0, 2).reshape(items, seeds * width)
    means = resampled_means(side_by_side, resamples, seed).reshape(resamples, seeds, width)
    return np.asarray(measure(means), dtype=float)


def _crossed(between: float, draws: Floats, items: int) -> tuple[float, float]:
    """Variance of the mean over seeds, and its degrees of freedom."""
    seeds, unbiased = draws.shape[1], items / max(items - 1, 1)
    shared = float(draws.mean(axis=1).var(ddof=1)) * unbiased
    if seeds == 1:
        return shared, float(max(items - 1, 1))
    # draws that hold for all seeds have the right variance for each of them; independent ones average as 1/S
    apart = float(draws.var(axis=0, ddof=1).sum()) * unbiased / seeds**2
    interaction = (seeds * apart - shared) / (seeds - 1)
    variance = between + shared - min(max(interaction, 0.0), between, shared)
    parts = between**2 / (seeds - 1) + shared**2 / max(items - 1, 1)
    return variance, max(variance**2 / parts, 1.0) if parts > 0 else float(seeds - 1)


def _table(scores: ArrayLike) -> Floats:
    table = np.asarray(scores, dtype=float)
    table = table[..., None] if table.ndim == 2 else table
    if table.ndim != 3 or 0 in table.shape:
        raise ValueError(f"scores of shape {table.shape}: seeds x items (x columns) are needed, at least one of each")
    if not np.isfinite(table).all():
        raise ValueError("scores hold values that are not finite: leave those items out on every side")
    return table


def _first(means: Floats) -> Floats:
    return means[..., 0]
