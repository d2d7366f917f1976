"""Optimisers: the rising momentum step by step, and the falling rate."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dlcamp.nets.optimizers import MomentumRamp, optimizer


def walk(steps: int, opt: keras.optimizers.Optimizer, gradient: float = 1.0) -> list[float]:
    variable = keras.Variable([0.0], dtype="float32")
    opt.build([variable])
    places = []
    for _ in range(steps):
        opt.apply([np.array([gradient], "float32")], [variable])
        places.append(float(np.asarray(variable)[0]))
    return places


def test_momentum_rises_linearly_from_one_half_and_then_stays() -> None:
    velocity, place, expected = 0.0, 0.0, []
    for momentum in (0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9):
        velocity = momentum * velocity - 0.1
        place += velocity
        expected.append(place)
    assert walk(7, MomentumRamp(0.1, 0.9, ramp_steps=4)) == pytest.approx(expected, rel=1e-5)


def test_without_a_ramp_it_is_keras_gradient_descent_with_momentum() -> None:
    assert walk(6, MomentumRamp(0.1, 0.9, ramp_steps=1)) == pytest.approx(walk(6, keras.optimizers.SGD(0.1, 0.9)))


@pytest.mark.parametrize("momentum", [0.0, 0.3])
def test_a_final_momentum_below_one_half_is_the_first_one_too(momentum: float) -> None:
    ours = walk(5, MomentumRamp(0.1, momentum, ramp_steps=3))
    assert ours == pytest.approx(walk(5, keras.optimizers.SGD(0.1, momentum)))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_the_rate_falls_exponentially_to_its_share_at_the_last_step(name: str) -> None:
    opt = optimizer(name, learning_rate=0.2, steps=10, decay=0.01)
    rates = []
    variable = keras.Variable([0.0])
    opt.build([variable])
    for _ in range(11):
        rates.append(float(np.asarray(opt.learning_rate)))
        opt.apply([np.array([0.0], "float32")], [variable])
    assert rates[0] == pytest.approx(0.2)
    assert rates[5] == pytest.approx(0.02)
    assert rates[10] == pytest.approx(0.002)


def test_a_decay_of_one_is_a_constant_rate() -> None:
    assert float(np.asarray(optimizer("adam", learning_rate=0.2, steps=10).learning_rate)) == pytest.approx(0.2)
