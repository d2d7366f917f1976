"""Power: against published tables, simulation, and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dlcamp.analysis.power import detectable, power_of, seeds_needed


def test_the_number_of_pairs_is_that_of_the_tables() -> None:
    """Cohen 1988 / G*Power 3 for two-sided paired t at 5 %, power 0.8: d_z 0.2, 0.5 and 0.8 take 199, 34 and 15."""
    assert [seeds_needed(effect, 1.0) for effect in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert seeds_needed(0.5, 1.0, power=0.9) == 44


def test_what_is_detectable_is_what_needs_so_many() -> None:
    for n in (3, 5, 12, 200):
        effect = detectable(n, 0.02)
        assert effect is not None
        assert seeds_needed(1.0001 * effect, 0.02) == n
        assert seeds_needed(0.99 * effect, 0.02) > n  # type: ignore[operator]


def test_the_power_is_that_of_simulated_tests() -> None:
    samples = np.random.default_rng(0).normal(1.2, 1, (20_000, 5))
    share = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert power_of(5, 1.2) == pytest.approx(share, abs=3 * math.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("n", [2, 3, 5, 50])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_power_grows_with_the_effect_from_the_size_of_the_test_to_one(n: int, level: float) -> None:
    powers = [power_of(n, effect, level) for effect in (0, 0.3, 1, 2, 3.5, 3.6, 8, 40, 2000)]
    assert powers == sorted(powers)
    assert powers[0] == pytest.approx(1 - level)
    assert powers[-1] <= 1


def test_two_seeds_detect_hardly_anything() -> None:
    """With one degree of freedom t must exceed 12.7: the noise must fall below delta / 12.7 in 80 of 100 cases."""
    assert detectable(2, 1.0) == pytest.approx(stats.norm.ppf(0.9) * 12.706 / math.sqrt(2), rel=0.01)
    assert detectable(2, 1.0, level=1 - 0.05 / 500) > 1000  # type: ignore[operator]


def test_small_effects_take_as_many_as_the_normal_distribution_says() -> None:
    assert seeds_needed(0.001, 1.0) == pytest.approx((1.95996 + 0.84162) ** 2 * 1e6, rel=1e-4)


def test_without_spread_or_effect_or_seeds_there_is_little_to_say() -> None:
    assert seeds_needed(0.1, 0.0) == 2
    assert seeds_needed(0.1, None) is None
    assert seeds_needed(0.0, 0.1) is None
    assert seeds_needed(-0.5, 1.0) == 34
    assert detectable(1, 0.1) is None
    assert detectable(5, 0.0) == 0.0


@pytest.mark.parametrize(("power", "level"), [(0, 0.95), (1, 0.95), (0.8, 0), (0.8, 95), (0.04, 0.95)])
def test_bad_powers_and_levels_are_refused(power: float, level: float) -> None:
    with pytest.raises(ValueError, match="power"):
        detectable(5, 1.0, power, level)
    with pytest.raises(ValueError, match="power"):
        seeds_needed(1.0, 1.0, power, level)
