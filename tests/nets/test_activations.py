"""Activations in NumPy are Keras' own, their slopes are derivatives, and a gradient goes back through them."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.errors import UnknownName
from dlcamp.nets.activations import ACTIVATIONS, LEAK, SELU_ALPHA, SELU_SCALE, activation

Z = np.random.default_rng(0).normal(0, 3, (7, 11))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_the_one_keras_knows_by_that_name(name: str) -> None:
    import keras

    theirs = np.asarray(keras.activations.get(name)(keras.ops.convert_to_tensor(Z)))
    assert np.abs(activation(name).value(Z) - theirs).max() < 1e-6


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_gradient_goes_back_as_the_difference_quotient_says(name: str) -> None:
    one, h = activation(name), 1e-6
    signal = np.random.default_rng(1).normal(size=Z.shape)
    back = one.back(Z, signal)
    for unit in range(3):
        step = np.zeros(Z.shape[1])
        step[unit] = h
        quotient = ((one.value(Z + step) - one.value(Z - step)) / (2 * h) * signal).sum(axis=1)
        assert np.allclose(back[:, unit], quotient, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_slope_is_steeper_than_declared_and_some_is_nearly_as_steep(name: str) -> None:
    # softmax has its steepest slope, 1/4, at p = 1/2, which two units can have
    z = np.stack([np.linspace(-8, 8, 4001), np.zeros(4001)], axis=1) if name == "softmax" else np.linspace(-8, 8, 4001)
    slopes = np.abs(activation(name).slope(z))
    assert slopes.max() <= activation(name).steepest * (1 + 1e-4)
    assert slopes.max() >= activation(name).steepest * (1 - 1e-4)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_huge_pre_activations_overflow_nowhere(name: str) -> None:
    one = activation(name)
    with np.errstate(over="raise", invalid="raise"):
        z = np.array([[-1e4, 0.0, 1e4]])
        assert np.isfinite(one.value(z)).all()
        assert np.isfinite(one.back(z, np.ones_like(z))).all()


def test_leaky_relu_lets_a_fifth_through_and_selu_has_its_published_constants() -> None:
    assert activation("leaky_relu").value(np.array([-1.0]))[0] == -LEAK == -0.2
    assert pytest.approx((1.0507, 1.6733), abs=1e-4) == (SELU_SCALE, SELU_ALPHA)


def test_saturation_is_a_slope_below_a_twentieth_of_the_steepest() -> None:
    def saturated(name: str, *z: float) -> list[bool]:
        one = activation(name)
        return one.saturated(one.slope(np.array(z))).tolist()

    assert saturated("sigmoid", 0.0, 4.3, 4.4, -4.4) == [False, False, True, True]
    assert saturated("relu", -0.1, 0.1) == [True, False]
    assert saturated("leaky_relu", -5.0) == [False]


def test_an_unknown_activation_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="leaky_relu"):
        activation("leakyrelu")
