"""Numbers are written with the digits that they earn."""

from __future__ import annotations

import math

import pytest

from dlcamp.analysis.scale import Scale, p_value, scale_of, seconds, short


def test_rates_are_percent_and_their_differences_points() -> None:
    scale = scale_of("test/accuracy", [0.91, 0.93], [0.008])
    assert (scale.value(0.931), scale.difference(0.019), scale.interval(0.011, 0.027)) == ("93.1", "+1.9", "[1.1, 2.7]")
    assert scale.amount(-0.019) == "1.9 points"
    assert scale.axis == "test/accuracy, %"


def test_an_accuracy_that_is_no_share_is_left_as_it_is() -> None:
    assert not scale_of("test/accuracy", [91.0], [0.5]).percent
    assert not scale_of("test/loss", [0.5]).percent


@pytest.mark.parametrize(("half", "digits"), [(0.3, 1), (0.02, 3), (3.5, 0), (1e-9, 6), (1e9, 0)])
def test_digits_follow_the_interval(half: float, digits: int) -> None:
    assert scale_of("test/loss", [1.0], [half]).digits == digits


def test_scales_of_nothing_and_of_zeros_are_usable() -> None:
    assert scale_of("test/loss", []).value(1.0) == "1.000"
    assert scale_of("test/loss", [0.0, None, math.nan], [0.0, None]).value(None) == "–"


def test_there_is_no_negative_zero_and_a_true_minus_sign() -> None:
    scale = Scale("m", digits=1)
    assert (scale.value(-0.01), scale.difference(-0.01), scale.difference(-1)) == ("0.0", "0.0", "−1.0")


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.0002, "< 0.001"), (0.0214, "0.021"), (0.5, "0.50"), (1.0, "1.00")]
)
def test_p_values(p: float | None, text: str) -> None:
    assert p_value(p) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (3.24, "3.2 s"), (42, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (59.7, "1 min 0 s")],
)
def test_durations(value: float | None, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (355594, "355,594"), (-2.5e-7, "−2.5e−07"), (0, "0"), (math.inf, "–")]
)
def test_numbers_of_any_size(value: float, text: str) -> None:
    assert short(value) == text
