"""Histograms of weights: the record; the figure only as far as it can be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.analysis.weight_histograms import draw_weight_histograms, weight_histograms


def test_layers_share_edges_symmetric_about_zero_and_shares_add_up() -> None:
    first, second = weight_histograms({"a": np.array([[0.0, 1.0], [-2.0, 0.0005]]), "b": np.array([[0.5]])})
    assert (first.edges == second.edges).all()
    assert first.edges[0] == -first.edges[-1] == -2
    assert first.shares.sum() == pytest.approx(1)
    assert first.near_zero == 0.5
    assert second.near_zero == 0
    assert first.deviation == pytest.approx(np.std([0, 1, -2, 0.0005]))


def test_weights_that_are_all_zero_can_be_counted_and_drawn() -> None:
    found = weight_histograms({"dead": np.zeros((3, 3))})
    assert found[0].near_zero == 1
    assert found[0].shares.max() == 1
    figure = draw_weight_histograms(found, "title")
    assert figure.axes[0].get_title() == "title"
