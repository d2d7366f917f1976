"""Measured factors are those of the laws within three standard errors over twenty seeds: the promise of laws.py.

Nets of ten layers of 256 at their initialisation, drawn as `dense_net`'s are, on scikit-learn's digits.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from dlcamp.nets.activations import ACTIVATIONS, LEAK, activation
from dlcamp.nets.initialisers import Distribution, gain, kernels
from dlcamp.nets.laws import exact_factor, law, second_moments
from dlcamp.nets.probes import Probe, Weights, probe, signal_factor, weight_factor

WIDTH, DEPTH, SEEDS = 256, 10, 20


@cache
def drawn(seed: int, distribution: Distribution) -> list[np.ndarray]:
    """Kernels of one net with n times the variance of a weight 1, by our own initialiser."""
    draw = kernels("lecun", seed, distribution)
    shapes = [(64, WIDTH), *[(WIDTH, WIDTH)] * (DEPTH - 1), (WIDTH, 10)]
    return [np.asarray(draw(layer)(shape), np.float32) for layer, shape in enumerate(shapes)]


@cache
def probes(name: str, initialiser: str, distribution: Distribution = "normal") -> list[Probe]:
    """One net a seed, probed on 16 digits; drawn once and scaled, since Keras takes longer to draw than we to probe."""
    from dlcamp.data.digits import Digits

    part = Digits().split(0).train
    scale = math.sqrt(gain(initialiser, WIDTH))
    found = []
    for seed in range(SEEDS):
        arrays = tuple(scale * kernel.astype(np.float64) for kernel in drawn(seed, distribution))
        biases = tuple(np.zeros(kernel.shape[1]) for kernel in arrays)
        found.append(probe(Weights(activation(name), arrays, biases), part.x[:16], part.y[:16]))
    return found


def assert_law(values: list[float], expected: float) -> None:
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    assert abs(np.mean(values) - expected) <= 3 * error
    assert error < 0.02 * expected  # three standard errors of a loose measurement would show nothing


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(
    ("name", "initialiser", "expected"),
    [("relu", "he", 1.0), ("relu", "glorot", math.sqrt(0.5)), ("leaky_relu", "leaky_he", 1.0)],
)
def test_piecewise_linear_nets_obey_the_exact_law(
    name: str, initialiser: str, expected: float, distribution: Distribution
) -> None:
    assert exact_factor(name, gain(initialiser, WIDTH), WIDTH) == pytest.approx(expected)
    assert_law([signal_factor(found) for found in probes(name, initialiser, distribution)], expected)


def test_softmax_layers_divide_by_their_width() -> None:
    expected = exact_factor("softmax", 1.0, WIDTH)
    assert expected == pytest.approx(1 / WIDTH, rel=0.003)
    # the first layer sees digits, whose softmax is not quite uniform; from the second on it is
    ratios = [np.sqrt(np.mean((found.signal[1:-1] / found.signal[2:]) ** 2)) for found in probes("softmax", "glorot")]
    assert_law(ratios, expected)


def test_sigmoid_is_below_a_quarter_and_tanh_below_one_by_more_than_three_standard_errors() -> None:
    for name, bound in (("sigmoid", 0.25), ("tanh", 1.0)):
        assert exact_factor(name, 1.0, WIDTH) == bound
        factors = [signal_factor(found) for found in probes(name, "glorot")]
        assert np.mean(factors) + 3 * np.std(factors, ddof=1) / math.sqrt(SEEDS) < bound
        assert np.mean(factors) > 0.9 * bound


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_follows_the_law_of_wide_nets_to_three_in_a_hundred(name: str) -> None:
    initialiser = activation(name).initialiser
    found = probes(name, initialiser)
    laws = [law(activation(name), gain(initialiser, WIDTH), WIDTH, DEPTH, one.pre_activation[0]) for one in found]
    measured = np.mean([signal_factor(one) for one in found])
    assert measured == pytest.approx(np.mean([one.factor for one in laws]), rel=0.03)
    forward = np.mean([one.pre_activation for one in found], axis=0)
    # softmax: z holds what all units share, which moves nothing and is no part of the law
    if name != "softmax":
        assert forward == pytest.approx(np.mean([one.forward for one in laws], axis=0), rel=0.1)


@pytest.mark.parametrize(
    ("name", "initialiser", "distribution"), [("relu", "glorot", "normal"), ("tanh", "heuristic", "uniform")]
)
def test_weight_gradients_are_flat_where_signals_vanish(
    name: str, initialiser: str, distribution: Distribution
) -> None:
    found = probes(name, initialiser, distribution)
    assert np.mean([signal_factor(one) for one in found]) < 0.75
    assert_law([weight_factor(one) for one in found], 1.0)


def test_ten_layers_leave_what_the_published_factors_say() -> None:
    assert exact_factor("sigmoid", 1.0, 100) ** 10 == pytest.approx(9.5e-7, rel=0.01)
    assert exact_factor("relu", 1.0, 100) ** 10 == pytest.approx(0.031, rel=0.01)


@pytest.mark.parametrize("q", [0.01, 1.0, 9.0])
def test_moments_are_those_of_the_closed_forms(q: float) -> None:
    assert second_moments(activation("relu"), q, 1) == pytest.approx((q / 2, 0.5))
    leaky = (1 + LEAK**2) / 2
    assert second_moments(activation("leaky_relu"), q, 1) == pytest.approx((q * leaky, leaky))
    below = 2 * 0.5 * math.exp(2 * q) * math.erfc(math.sqrt(2 * q)) / 2  # E[e^(2z); z < 0]
    assert second_moments(activation("elu"), q, 1)[1] == pytest.approx(0.5 + below, rel=1e-6)


def test_selu_after_lecun_keeps_a_variance_of_one() -> None:
    assert second_moments(activation("selu"), 1.0, 1)[0] == pytest.approx(1.0, abs=1e-6)
    late = law(activation("selu"), 1.0, 64, 60, 0.3).forward
    assert late[-1] == pytest.approx(1.0, abs=0.01)


def test_an_activation_without_a_closed_factor_says_so() -> None:
    with pytest.raises(KeyError):
        exact_factor("gelu", 2.0, 64)
