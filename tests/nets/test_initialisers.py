"""Initialisers have the variance that their name says, from both distributions, and streams of their own."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.errors import UnknownName
from dlcamp.nets.activations import ACTIVATIONS
from dlcamp.nets.initialisers import INITIALISERS, Distribution, gain, kernels, usual

WIDTH = 400


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("name", INITIALISERS)
def test_weights_have_the_variance_that_the_gain_says(name: str, distribution: Distribution) -> None:
    weights = np.asarray(kernels(name, 0, distribution)(3)((WIDTH, WIDTH)))
    # 160,000 draws: the variance of the sample is within 1 % at more than two standard errors
    assert weights.var() * WIDTH == pytest.approx(gain(name, WIDTH), rel=0.015)
    assert abs(weights.mean()) < 5 * weights.std() / WIDTH


def test_glorot_counts_outputs_and_he_does_not() -> None:
    glorot, he = (np.asarray(kernels(name, 0)(0)((200, 600))) for name in ("glorot", "he"))
    assert glorot.var() == pytest.approx(2 / 800, rel=0.03)
    assert he.var() == pytest.approx(2 / 200, rel=0.03)


def test_the_heuristic_is_uniform_between_plus_and_minus_one_over_the_root_of_n() -> None:
    weights = np.asarray(kernels("heuristic", 0, "uniform")(0)((100, 500)))
    assert np.abs(weights).max() == pytest.approx(0.1, rel=1e-3)


def test_the_same_seed_and_layer_give_the_same_weights_and_another_of_either_others() -> None:
    def drawn(seed: int, layer: int) -> np.ndarray:
        return np.asarray(kernels("he", seed)(layer)((8, 8)))

    assert (drawn(0, 1) == drawn(0, 1)).all()
    assert (drawn(0, 1) != drawn(0, 2)).all()
    assert (drawn(0, 1) != drawn(1, 1)).all()


def test_matched_is_the_usual_initialiser_of_the_activation() -> None:
    found = {name: usual("matched", name) for name in ACTIVATIONS}
    assert found["tanh"] == "glorot"
    assert found["relu"] == "he"
    assert found["leaky_relu"] == "leaky_he"
    assert found["selu"] == "lecun"
    assert usual("glorot", "relu") == "glorot"


def test_an_unknown_initialiser_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="glorot"):
        kernels("glorott", 0)
    with pytest.raises(UnknownName, match="lecun"):
        usual("le_cun", "relu")
