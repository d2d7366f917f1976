"""Intervals: against known formulas, by coverage, and on bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlcamp.analysis.bootstrap import (
    Method,
    bootstrap,
    mean_interval,
    paired_difference,
    ratio_interval,
    resampled_means,
    wilson_interval,
)

METHODS = ["percentile", "bca"]


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_of_a_normal_mean_is_the_textbook_one(method: Method) -> None:
    values = np.random.default_rng(0).normal(3, 2, 1000)
    low, high = mean_interval(values, seed=1, resamples=4000, method=method)
    half = 1.96 * values.std() / math.sqrt(1000)
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_nine_in_ten_intervals_cover_the_true_mean(method: Method) -> None:
    """300 samples of 60 from an exponential of mean 1: 90 % nominal; skewness costs a little of it."""
    rng = np.random.default_rng(0)
    covered = 0
    for sample in range(300):
        low, high = mean_interval(rng.exponential(1, 60), seed=sample, resamples=400, level=0.9, method=method)
        covered += low <= 1 <= high
    assert 0.84 <= covered / 300 <= 0.95


def test_bca_moves_towards_the_long_tail() -> None:
    values = np.random.default_rng(1).exponential(1, 40)
    plain = mean_interval(values, seed=0)
    corrected = mean_interval(values, seed=0, method="bca")
    assert corrected.low > plain.low
    assert corrected.high > plain.high


def test_bca_agrees_with_scipy() -> None:
    from scipy.stats import bootstrap as scipy_bootstrap

    values = np.random.default_rng(2).exponential(1, 50)
    theirs = scipy_bootstrap((values,), np.mean, n_resamples=20_000, rng=np.random.default_rng(0)).confidence_interval
    ours = mean_interval(values, seed=3, resamples=20_000, method="bca")
    assert ours.low == pytest.approx(theirs.low, abs=0.015)
    assert ours.high == pytest.approx(theirs.high, abs=0.015)


def test_resampled_means_are_unbiased_with_the_right_spread() -> None:
    items = np.random.default_rng(0).normal(size=(200, 2)) * [1, 5]
    means = resampled_means(items, 5000, seed=0)
    assert means.shape == (5000, 2)
    errors = items.std(axis=0) / math.sqrt(200)
    assert np.abs(means.mean(axis=0) - items.mean(axis=0)) == pytest.approx([0, 0], abs=4 * errors[1] / math.sqrt(5000))
    assert means.std(axis=0) == pytest.approx(errors, rel=0.05)


def test_a_constant_has_an_interval_of_no_width() -> None:
    for method in METHODS:
        assert mean_interval([2.0] * 10, seed=0, resamples=50, method=method) == pytest.approx((2, 2))  # type: ignore[arg-type]
    assert mean_interval([2.0], seed=0, method="bca") == (2, 2)


def test_a_ratio_draws_numerator_and_denominator_together() -> None:
    lengths = np.random.default_rng(0).integers(5, 20, 100)
    assert ratio_interval(2 * lengths, lengths, seed=0) == pytest.approx((2, 2))
    low, high = ratio_interval(np.random.default_rng(1).integers(0, 9, 100), lengths, seed=0)
    assert 0.2 < low < high < 0.5


def test_a_statistic_may_have_several_values() -> None:
    items = np.random.default_rng(0).normal(size=(50, 3))
    for method in METHODS:
        low, high = bootstrap(items, lambda means: means[..., :2] * 2, seed=0, method=method)  # type: ignore[arg-type]
        assert low.shape == high.shape == (2,)
        assert (low < high).all()


def test_pairing_removes_what_the_items_share() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 10, 200)
    first, second = hard + 0.5 + rng.normal(0, 0.5, 200), hard + rng.normal(0, 0.5, 200)
    found = paired_difference(first, second, seed=0)
    assert found.separated
    assert found.value == pytest.approx((first - second).mean())
    assert found.high - found.low < 0.3
    assert not paired_difference(first, first, seed=0).separated


def test_a_paired_ratio_uses_its_statistic_on_both_sides() -> None:
    first = np.column_stack([np.full(10, 3.0), np.full(10, 4.0)])
    second = np.column_stack([np.full(10, 1.0), np.full(10, 2.0)])
    found = paired_difference(first, second, seed=0, statistic=lambda means: means[..., 0] / means[..., 1])
    assert found == pytest.approx((0.25, 0.25, 0.25))


def test_the_seed_decides_everything() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert mean_interval(values, seed=5) == mean_interval(values, seed=5)
    assert mean_interval(values, seed=5) != mean_interval(values, seed=6)


def test_wilson_gives_the_published_interval() -> None:
    """Newcombe, Statistics in Medicine 17, 1998, Table I: 81/263, 15/148, 0/20 and 1/29."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)


def test_wilson_of_nothing_says_nothing_and_of_all_ends_at_one() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(7, 7).high == 1


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        mean_interval([], seed=0)
    with pytest.raises(ValueError, match="not finite"):
        mean_interval([1.0, math.nan], seed=0)
    with pytest.raises(ValueError, match="level 95"):
        mean_interval([1.0, 2.0], seed=0, level=95)
    with pytest.raises(ValueError, match=r"\(3, 1\) against \(2, 1\)"):
        paired_difference([1, 2, 3], [1, 2], seed=0)
    with pytest.raises(ValueError, match="5 of 3"):
        wilson_interval(5, 3)
