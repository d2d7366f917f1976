"""What so many seeds can show, and how many seeds a difference takes: the power of the two-sided paired t test.

Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, ch. 2; the exact power by the noncentral t
distribution (Johnson & Welch, Biometrika 31, 1940).
"""

from __future__ import annotations

import math

from scipy.special import nctdtr, ndtri, stdtrit

from dlcamp.analysis.estimates import LEVEL

MOST = 10_000
"""Up to here the number of seeds is exact; beyond, the normal distribution's is as good."""


def power_of(n: int, effect: float, level: float = LEVEL) -> float:
    """The chance that n pairs separate a true difference of `effect` standard deviations, at size 1 - level."""
    reach, centre = float(stdtrit(n - 1, (1 + level) / 2)), abs(effect) * math.sqrt(n)
    # from 5 on the far tail is below 1e-8, and scipy gives NaN for some of it
    far = float(nctdtr(n - 1, centre, -reach)) if centre < 5 else 0.0
    return 1 - float(nctdtr(n - 1, centre, reach)) + far


def detectable(n: int, sd: float, power: float = 0.8, level: float = LEVEL) -> float | None:
    """The smallest true mean difference that n pairs separate with this power; None below two pairs.

    Args:
        n: seeds.
        sd: standard deviation of a paired difference between seeds.
        power: the chance of finding it.
        level: one minus the size of the test; 1 - 0.05/m for m tests under Holm, at worst.
    """
    _check(power, level)
    if n < 2:
        return None
    low, high = 0.0, 1.0
    while power_of(n, high, level) < power:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(n, middle, level) < power else (low, middle)
    return high * sd


def seeds_needed(effect: float, sd: float | None, power: float = 0.8, level: float = LEVEL) -> int | None:
    """How many seeds separate a true difference of `effect` with this power; None without an effect or a spread.

    Args:
        effect: in the metric's units, of either sign.
        sd: standard deviation of a paired difference between seeds; one from few seeds makes this a rough number.
        power, level: as in `detectable`.
    """
    _check(power, level)
    if not effect or sd is None:
        return None
    ratio = math.inf if sd == 0 else abs(effect) / sd
    if ratio > 1e3:
        return 2
    if power_of(MOST, ratio, level) < power:
        return math.ceil(((float(ndtri((1 + level) / 2)) + float(ndtri(power))) / ratio) ** 2)
    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power_of(middle, ratio, level) < power else (low, middle)
    return high


def _check(power: float, level: float) -> None:
    if not 0 < power < 1 or not 0 < level < 1 or power <= 1 - level:
        raise ValueError(f"power {power}, level {level}: both must lie in (0, 1), and power above 1 - level")
