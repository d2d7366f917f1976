"""Heat maps, profiles and slices: what is computed, and that it can be drawn for any net."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dlcamp.analysis.heat_maps import DECADES, draw_heat_maps, draw_layers, heat_map, profile


def test_a_map_holds_powers_of_ten_and_nothing_where_there_is_nothing() -> None:
    one = heat_map("signal", np.array([[1.0, 0.01], [0.0, np.inf]]), [0, 1])
    assert one.powers[0] == pytest.approx([0, -2])
    assert np.isnan(one.powers[1]).all()


def test_what_is_zero_or_below_the_scale_has_vanished() -> None:
    values = np.array([[1.0, 1.0], [10.0 ** (DECADES[0] - 1), 0.0]])
    assert heat_map("signal", values, [0, 1]).vanished == 0.5


def test_the_law_starts_at_the_last_layer_and_goes_back_by_its_factors() -> None:
    one = profile("signal", np.array([1.0, 3.0, 8.0]), np.array([0.5, 0.25]), 0.4)
    assert one.law == pytest.approx([1.0, 2.0, 8.0])
    assert one.law_factor == pytest.approx(np.sqrt((0.25 + 0.0625) / 2))


@pytest.mark.parametrize("layers", [1, 2, 20, 100])
@pytest.mark.parametrize("epochs", [[0], [0, 5, 10]])
def test_every_size_of_net_can_be_drawn_after_any_number_of_probes(layers: int, epochs: list[int]) -> None:
    values = 10.0 ** -np.arange(layers)[::-1, None] * np.ones(len(epochs))
    figure = draw_heat_maps([heat_map("signal", values, epochs), heat_map("weight gradient", values, epochs)], "a net")
    assert [axes.get_title() for axes in figure.axes[:2]] == ["signal", "weight gradient"]
    figure.savefig(io.BytesIO())


def test_a_dead_net_is_drawn_black_and_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    dead = np.zeros((4, 3))
    draw_heat_maps([heat_map("signal", dead, [0, 1, 2])]).savefig(io.BytesIO())
    factors = np.ones(3)
    flat = np.linspace(-1, 1, 5), np.full((2, 5), 2.3)
    draw_layers([profile("signal", dead[:, 0], factors, 0.0)], {"now": dead[:, 0]}, {"now": flat}).savefig(io.BytesIO())
    assert not recwarn.list


def test_a_flat_surface_and_a_flat_profile_look_flat() -> None:
    flat = np.linspace(-1, 1, 5), np.full((2, 5), 2.3) + 1e-4 * np.arange(5)
    even = np.array([1.0, 1.01, 0.99])
    figure = draw_layers([profile("signal", even, np.ones(2), 1.0)], {"start": even, "end": 2 * even}, {"start": flat})
    left, middle, right = figure.axes
    assert np.ptp(right.get_ylim()) >= 0.099
    for axes in (left, middle):
        low, high = axes.get_ylim()
        assert high / low >= 100
