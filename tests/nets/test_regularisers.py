"""Regularisers: penalties and bounds are what the formulas say, noise has the stated moments and leaves inference."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dlcamp.errors import UnknownName
from dlcamp.nets.dense import dense_layers, dense_net, he_normal
from dlcamp.nets.regularisers import PARTS, Strengths, regulariser

STRENGTHS = Strengths(dropout=0.4, input_dropout=0.2, l1=0.01, l2=0.02, max_norm=0.5)


def net(name: str, strengths: Strengths = STRENGTHS, seed: int = 0) -> keras.Model:
    found = regulariser(name, strengths, seed)
    return dense_net(
        8,
        (50, 40),
        3,
        kernel=he_normal(seed),
        between=found.between,
        regularizer=found.penalty,
        constraint=found.constraint,
    )


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def test_there_are_none_and_the_seven_of_the_course() -> None:
    assert list(PARTS) == [
        "none", "l1", "l2", "max_norm", "dropout", "dropout_l2", "dropout_max_norm", "gaussian",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_penalty_is_the_sum_over_all_kernels_and_over_no_bias(name: str) -> None:
    model = net(name)
    model(np.zeros((1, 8), "float32"))
    kernels = [np.asarray(layer.kernel, float) for layer in dense_layers(model)]
    expected = 0.0
    if "l1" in PARTS[name]:
        expected += STRENGTHS.l1 * sum(np.abs(kernel).sum() for kernel in kernels)
    if "l2" in PARTS[name]:
        expected += STRENGTHS.l2 * sum((kernel**2).sum() for kernel in kernels)
    assert float(sum(np.asarray(loss) for loss in model.losses)) == pytest.approx(expected, rel=1e-5)
    assert bool(model.losses) == bool(expected)


@pytest.mark.parametrize("name", ["max_norm", "dropout_max_norm"])
def test_after_a_step_no_unit_s_incoming_weights_are_longer_than_the_bound(name: str) -> None:
    model = net(name)
    layers = dense_layers(model)
    before = max(float(np.linalg.norm(np.asarray(layer.kernel), axis=0).max()) for layer in layers)
    assert before > STRENGTHS.max_norm
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply([np.zeros(v.shape, "float32") for v in model.trainable_variables], model.trainable_variables)
    for layer in layers:
        lengths = np.linalg.norm(np.asarray(layer.kernel), axis=0)
        assert lengths.max() <= STRENGTHS.max_norm * (1 + 1e-5)
        assert len(lengths) == layer.units


@pytest.mark.parametrize(
    ("name", "kind"), [("dropout", "Dropout"), ("dropout_l2", "Dropout"), ("gaussian", "GaussianDropout")]
)
def test_noise_stands_on_the_inputs_and_after_each_hidden_layer(name: str, kind: str) -> None:
    assert kinds(net(name)) == [kind, "Dense", kind, "Dense", kind, "Dense"]
    assert kinds(net(name, Strengths(dropout=0.4))) == ["Dense", kind, "Dense", kind, "Dense"]
    assert kinds(net("l2")) == ["Dense", "Dense", "Dense"]


@pytest.mark.parametrize("name", ["dropout", "gaussian"])
def test_dropout_and_gaussian_noise_multiply_by_mean_one_and_variance_p_over_1_minus_p(name: str) -> None:
    (layer,) = regulariser(name, STRENGTHS, seed=3).between(1)
    values = np.asarray(layer(np.ones((400, 500), "float32"), training=True))
    assert values.mean() == pytest.approx(1, abs=0.01)
    assert values.var() == pytest.approx(0.4 / 0.6, rel=0.02)
    assert set(np.round(np.unique(values), 4)) == {0.0, np.float32(1.6667)} or name == "gaussian"


@pytest.mark.parametrize("name", ["dropout", "gaussian", "dropout_max_norm"])
def test_noise_is_absent_when_the_net_does_not_train(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    assert (np.asarray(net(name)(x, training=False)) == np.asarray(net("none")(x))).all()
    assert (np.asarray(net(name)(x, training=True)) != np.asarray(net("none")(x))).any()


def test_noise_follows_the_seed_and_differs_by_layer() -> None:
    def drawn(seed: int, layer: int) -> np.ndarray:
        (noise,) = regulariser("dropout", STRENGTHS, seed).between(layer)
        return np.asarray(noise(np.ones((10, 40), "float32"), training=True))

    assert (drawn(1, 1) == drawn(1, 1)).all()
    assert (drawn(1, 1) != drawn(2, 1)).any()
    assert (drawn(1, 1) != drawn(1, 2)).any()


def test_an_unknown_regulariser_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'max_norm'"):
        regulariser("maxnorm", STRENGTHS, 0)
