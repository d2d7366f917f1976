"""Equivalence: two one-sided tests, against scipy's one-sided ones and the 90 % interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dlcamp.analysis.equivalence import tost
from dlcamp.analysis.paired import of_differences

DIFFERENCES = [0.002, -0.001, 0.003, 0.0, 0.001]


def test_p_is_the_larger_of_two_one_sided_tests() -> None:
    above = stats.ttest_1samp(DIFFERENCES, -0.005, alternative="greater").pvalue
    below = stats.ttest_1samp(DIFFERENCES, 0.005, alternative="less").pvalue
    assert tost(DIFFERENCES, 0.005) == pytest.approx(max(above, below))


def test_it_holds_just_when_the_90_percent_interval_lies_inside() -> None:
    for shift in np.linspace(-0.006, 0.006, 25):
        moved = (np.array(DIFFERENCES) + shift).tolist()
        interval = of_differences(moved, level=0.9)
        inside = interval.low > -0.005 and interval.high < 0.005  # type: ignore[operator]
        assert (tost(moved, 0.005) < 0.05) == inside  # type: ignore[operator]


def test_a_mean_beyond_the_margin_is_never_equivalent() -> None:
    assert tost([0.02, 0.021, 0.019], 0.01) > 0.5  # type: ignore[operator]


def test_agreement_on_every_seed_needs_five_seeds_to_count() -> None:
    assert [tost([0.0] * n, 0.01) for n in (2, 4, 5)] == [0.25, 0.0625, 0.03125]
    assert tost([0.01] * 9, 0.01) == 1.0


def test_one_seed_says_nothing_and_a_margin_is_a_size() -> None:
    assert tost([0.0], 0.01) is None
    assert tost([], 0.01) is None
    for margin in (0, -0.01):
        with pytest.raises(ValueError, match="above 0"):
            tost(DIFFERENCES, margin)
