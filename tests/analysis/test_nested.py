"""Seeds and items together: what the intervals hold; their coverage is in test_coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlcamp.analysis.bootstrap import mean_interval
from dlcamp.analysis.estimates import mean_of
from dlcamp.analysis.nested import nested_difference, nested_mean


def scores(seeds: float, items: float, noise: float, shape: tuple[int, int] = (5, 300)) -> np.ndarray:
    """Two-way scores with these standard deviations of seeds, items and what is left."""
    rng = np.random.default_rng(0)
    return (
        rng.normal(0, seeds, (shape[0], 1)) + rng.normal(0, items, (1, shape[1])) + rng.normal(0, noise, shape)
    )  # fmt: skip


def width(found: object) -> float:
    return found.high - found.low  # type: ignore[attr-defined, no-any-return]


def test_where_only_seeds_differ_it_is_the_t_interval_over_seeds() -> None:
    table = scores(1, 0, 0.01)
    found, student = nested_mean(table, seed=0), mean_of(table.mean(axis=1))
    assert found.value == pytest.approx(table.mean())
    assert (found.low, found.high) == (pytest.approx(student.low, abs=0.01), pytest.approx(student.high, abs=0.01))


def test_where_only_items_differ_more_seeds_do_not_help() -> None:
    one, many = scores(0, 1, 0.01, (1, 300)), scores(0, 1, 0.01, (20, 300))
    assert width(nested_mean(many, seed=0)) == pytest.approx(width(nested_mean(one, seed=0)), rel=0.15)
    assert width(nested_mean(many, seed=0)) == pytest.approx(2 * 1.96 / math.sqrt(300), rel=0.15)


def test_items_of_their_own_average_out_with_the_seeds() -> None:
    """Twenty seeds on 300 items each are 6,000 items: about 1/4.5 of the width that 300 shared ones give."""
    own = np.random.default_rng(1).normal(size=(20, 300))
    assert width(nested_mean(own, seed=0, crossed=False)) == pytest.approx(2 * 2.09 / math.sqrt(6000), rel=0.35)


def test_one_seed_covers_items_alone() -> None:
    values = np.random.default_rng(0).normal(size=200)
    found, plain = nested_mean(values[None], seed=0, resamples=4000), mean_interval(values, seed=1, resamples=4000)
    assert (found.low, found.high) == pytest.approx(tuple(plain), abs=0.02)


def test_a_difference_cancels_what_both_sides_share() -> None:
    shared, rng = scores(1, 1, 0), np.random.default_rng(2)
    first, second = (shared + rng.normal(shift, 0.1, shared.shape) for shift in (0.1, 0.0))
    found = nested_difference(first, second, seed=0)
    assert found.separated
    assert found.value == pytest.approx((first - second).mean())
    assert width(found) < width(nested_mean(first, seed=0)) / 20
    assert not nested_difference(first, first, seed=0).separated


def test_a_statistic_is_taken_for_each_seed_and_averaged() -> None:
    counts = np.random.default_rng(0).integers(1, 9, (3, 50, 2)).astype(float)
    found = nested_mean(counts, seed=0, statistic=lambda means: means[..., 0] / means[..., 1])
    each = counts[..., 0].sum(axis=1) / counts[..., 1].sum(axis=1)
    assert found.value == pytest.approx(each.mean())
    assert found.low < found.value < found.high
    same = nested_difference(counts, counts, seed=0, statistic=lambda means: means[..., 0] / means[..., 1])
    assert tuple(same) == (0, 0, 0)


def test_the_seed_decides_everything_and_constants_have_no_width() -> None:
    table = scores(1, 1, 1)
    assert nested_mean(table, seed=3) == nested_mean(table, seed=3)
    assert nested_mean(np.ones((3, 4)), seed=0) == (1, 1, 1)
    assert nested_mean(np.ones((2, 1)), seed=0) == (1, 1, 1)


def test_bad_scores_are_named() -> None:
    with pytest.raises(ValueError, match="seeds x items"):
        nested_mean([1.0, 2.0], seed=0)
    with pytest.raises(ValueError, match="at least one"):
        nested_mean(np.empty((0, 4)), seed=0)
    with pytest.raises(ValueError, match="not finite"):
        nested_mean([[1.0, math.nan]], seed=0)
    with pytest.raises(ValueError, match="must match"):
        nested_difference(np.ones((2, 3)), np.ones((3, 3)), seed=0)
