"""The dense net: shapes, counts, initial weights, what stands between its layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dlcamp.nets.dense import dense_layers, dense_net, he_normal
from dlcamp.training.checkpoints import weights_hash


def test_the_default_net_of_the_experiment_has_the_known_number_of_parameters() -> None:
    model = dense_net(64, (512, 512), 10, kernel=he_normal(0))
    assert model.count_params() == 64 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10 == 301_066
    assert model.output_shape == (None, 10)
    assert [layer.name for layer in dense_layers(model)] == ["hidden_1", "hidden_2", "logits"]


def test_the_published_net_has_the_published_widths() -> None:
    model = dense_net(784, (1024, 1024, 2048), 10, kernel=he_normal(0))
    assert [layer.kernel.shape[1] for layer in dense_layers(model)] == [1024, 1024, 2048, 10]


def test_outputs_are_logits_of_the_layers_one_after_the_other() -> None:
    model = dense_net(5, (4,), 3, kernel=he_normal(1), activation="tanh")
    (w1, b1), (w2, b2) = [(np.asarray(layer.kernel), np.asarray(layer.bias)) for layer in dense_layers(model)]
    x = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    assert np.asarray(model(x)) == pytest.approx(np.tanh(x @ w1 + b1) @ w2 + b2, abs=1e-5)


def test_initial_weights_follow_the_seed_have_he_s_variance_and_differ_by_layer() -> None:
    one, same, other = (dense_net(400, (400, 400), 10, kernel=he_normal(seed)) for seed in (0, 0, 1))
    assert weights_hash(one) == weights_hash(same) != weights_hash(other)
    first, second, _ = (np.asarray(layer.kernel) for layer in dense_layers(one))
    assert first.var() == pytest.approx(2 / 400, rel=0.03)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert not np.asarray(dense_layers(one)[0].bias).any()


def test_each_layer_asks_for_its_own_initialiser() -> None:
    model = dense_net(2, (3, 3), 2, kernel=lambda layer: keras.initializers.Constant(layer + 1.0))
    assert [float(np.asarray(layer.kernel).mean()) for layer in dense_layers(model)] == [1, 2, 3]


def test_what_is_between_stands_on_the_inputs_and_after_each_hidden_layer() -> None:
    model = dense_net(2, (3, 3), 2, kernel=he_normal(0), between=lambda k: [keras.layers.Identity(name=f"between_{k}")])
    order = [layer.name for layer in model.layers]
    assert order == ["inputs", "between_0", "hidden_1", "between_1", "hidden_2", "between_2", "logits"]


def test_no_hidden_layer_is_softmax_regression() -> None:
    model = dense_net(4, (), 3, kernel=he_normal(0))
    assert model.count_params() == 4 * 3 + 3


def test_in_mixed_precision_weights_and_logits_stay_float32() -> None:
    model = dense_net(8, (16,), 3, kernel=he_normal(0), precision="mixed_bfloat16")
    hidden, logits = dense_layers(model)
    assert hidden.compute_dtype == "bfloat16"
    assert {layer.kernel.dtype for layer in (hidden, logits)} == {"float32"}
    assert np.asarray(model(np.ones((1, 8), "float32"))).dtype == np.float32
