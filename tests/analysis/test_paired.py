"""Paired differences: against scipy and published examples, without spread, and on bad input."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from dlcamp.analysis.paired import Paired, hedges, holm, nadeau_bengio, of_differences, paired

FIRST, SECOND = [0.93, 0.94, 0.935, 0.95, 0.92], [0.92, 0.92, 0.93, 0.94, 0.93]


def test_the_test_and_the_interval_are_those_of_the_paired_t_test() -> None:
    found, theirs = paired(FIRST, SECOND), stats.ttest_rel(FIRST, SECOND)
    low, high = theirs.confidence_interval()
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.difference == pytest.approx(0.007)


def test_students_own_example_gives_his_probability() -> None:
    """Student 1908, sec. VIII: the sleep gained with two drugs; t = 4.06, p about 0.0028 two-sided."""
    laevo = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    dextro = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    found = paired(laevo, dextro)
    assert found.difference == pytest.approx(1.58)
    assert found.p == pytest.approx(0.00283, abs=1e-5)


def test_the_effect_is_the_difference_over_its_spread_made_unbiased() -> None:
    differences = np.subtract(FIRST, SECOND)
    plain = differences.mean() / differences.std(ddof=1)
    assert paired(FIRST, SECOND).effect == pytest.approx(0.7979 * plain, rel=1e-4)
    # Hedges 1981, Table 1 gives 0.5642, 0.7979 and 0.9228 for 2, 4 and 10 degrees of freedom
    assert [hedges(2), hedges(4), hedges(10)] == pytest.approx([0.5642, 0.7979, 0.9228], abs=1e-4)


def test_hedges_correction_leaves_the_mean_effect_unbiased() -> None:
    samples = np.random.default_rng(0).normal(0.5, 1, (40_000, 5))
    effects = hedges(4) * samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert effects.mean() == pytest.approx(0.5, abs=4 * effects.std() / 200)


def test_swapping_the_sides_changes_signs_only() -> None:
    one, other = paired(FIRST, SECOND), paired(SECOND, FIRST)
    assert one.p == other.p
    assert (one.low, one.high) == (-other.high, -other.low)  # type: ignore[operator]
    assert one.effect == -other.effect  # type: ignore[operator]


def test_one_pair_is_a_difference_and_no_test_and_none_is_nothing() -> None:
    assert paired([0.9], [0.8]) == Paired(1, pytest.approx(0.1))
    assert paired([], []) == Paired(0, None)
    assert paired([0.9, 0.8], [0.7, 0.8]).effect is None


def test_identical_runs_have_no_difference_and_p_one() -> None:
    assert paired(FIRST, FIRST) == Paired(5, 0.0, 0.0, 0.0, 0.0, 1.0)


def test_equal_differences_are_no_proof_but_a_sign_test() -> None:
    """Accuracies of 360 images often differ by the same few; a t test would call that certain."""
    counts = np.array([330, 331])
    found = paired((counts + 1) / 360, counts / 360)
    assert found.p == 0.5
    assert (found.low, found.high, found.effect) == (None, None, None)
    assert paired(np.arange(7) + 1.0, np.arange(7)).p == 2**-6


def test_float32_rounding_is_no_spread() -> None:
    first, second = (np.float32([91, 301, 340]) - np.float32([[0], [1]])) / np.float32(360)
    assert np.ptp(first.astype(float) - second.astype(float)) > 0
    assert paired(first.tolist(), second.tolist()).p == 0.25


def test_nothing_is_ever_nan() -> None:
    for first, second in (([], []), ([1], [2]), ([1, 1], [1, 1]), ([1, 2], [0, 1]), ([0, 0], [0, 0]), (FIRST, SECOND)):
        values = [value for value in astuple(paired(first, second)) if value is not None]
        assert all(math.isfinite(value) for value in values)


def test_bad_pairs_are_named() -> None:
    with pytest.raises(ValueError, match="3 values against 2"):
        paired([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="NaN"):
        paired([1, math.nan], [1, 2])
    with pytest.raises(ValueError, match="level 95"):
        of_differences([1, 2], level=95)


def test_holm_gives_the_adjusted_p_of_a_worked_example() -> None:
    """Wright, Adjusted P-values, Biometrics 48, 1992: sorted p times 4, 3, 2, 1, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_holm_agrees_with_its_definition_on_random_p() -> None:
    for ps in np.random.default_rng(0).random((50, 6)) ** 3:
        order, adjusted = np.argsort(ps), np.array(holm(ps.tolist()))
        for size in (0.01, 0.05, 0.2):
            rejected = []
            for rank, index in enumerate(order):  # Holm 1979, sec. 2: stop at the first that is not rejected
                if ps[index] > size / (6 - rank):
                    break
                rejected.append(index)
            assert set(np.flatnonzero(adjusted <= size)) == set(rejected)


def test_nadeau_and_bengio_widen_by_the_share_tested() -> None:
    differences = np.random.default_rng(1).normal(0.01, 0.01, 100)
    found, naive = nadeau_bengio(differences, 1 / 9), of_differences(differences)
    statistic = differences.mean() / (differences.std(ddof=1) * math.sqrt(1 / 100 + 1 / 9))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(statistic), 99))
    assert found.high - found.difference == pytest.approx(  # type: ignore[operator]
        (naive.high - naive.difference) * math.sqrt(1 + 100 / 9)  # type: ignore[operator]
    )


def test_nadeau_and_bengio_without_spread_make_no_test() -> None:
    assert nadeau_bengio([0.0] * 5, 0.25).p == 1.0
    assert nadeau_bengio([0.1] * 5, 0.25).p is None
    assert nadeau_bengio([0.1], 0.25) == Paired(1, 0.1)
    with pytest.raises(ValueError, match="above 0"):
        nadeau_bengio([0.1, 0.2], 0)
