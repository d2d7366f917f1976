"""Means with t intervals: against scipy, and where there is nothing to say."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from dlcamp.analysis.estimates import Mean, mean_of, t_quantile

VALUES = [0.91, 0.93, 0.9, 0.94, 0.92]


def test_the_interval_is_students() -> None:
    found = mean_of(VALUES)
    low, high = stats.t.interval(0.95, 4, loc=sum(VALUES) / 5, scale=stats.sem(VALUES))
    assert (found.n, found.mean) == (5, pytest.approx(0.92))
    assert found.sd == pytest.approx(stats.tstd(VALUES))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_a_wider_level_gives_a_wider_interval() -> None:
    narrow, wide = mean_of(VALUES, level=0.9), mean_of(VALUES, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator]


def test_one_value_is_a_mean_and_no_interval_and_no_value_is_nothing() -> None:
    assert mean_of([0.5]) == Mean(1, 0.5, None, None, None)
    assert mean_of([]) == Mean(0, None)


def test_equal_values_have_no_spread_however_they_are_written_in_binary() -> None:
    assert mean_of([0.1 + 0.2, 0.3, 0.3]).sd == 0
    assert mean_of([0.1] * 7) == Mean(7, 0.1, 0.0, 0.1, 0.1)
    assert mean_of([0.0, 0.0]) == Mean(2, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="leave them out"):
        mean_of([1.0, bad])


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\)"):
        mean_of(VALUES, level)
    with pytest.raises(ValueError, match=r"in \(0, 1\)"):
        t_quantile(level, 4)
