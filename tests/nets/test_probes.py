"""Probes measure what TensorFlow's gradients are; a log of them survives a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlcamp.nets.activations import ACTIVATIONS
from dlcamp.nets.initialisers import kernels, usual
from dlcamp.nets.probes import (
    Probe,
    ProbeLog,
    Weights,
    norms,
    probe,
    sensitivity,
    signal_factor,
    slices,
    weight_factor,
)

INPUTS, WIDTH, DEPTH, CLASSES, N = 6, 9, 4, 3, 5
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, INPUTS)), RNG.integers(0, CLASSES, N)


def dense(name: str, depth: int = DEPTH):  # type: ignore[no-untyped-def]
    from dlcamp.nets.dense import dense_net

    kernel = kernels(usual("matched", name), 0)
    model = dense_net(INPUTS, (WIDTH,) * depth, CLASSES, kernel=kernel, activation=name)
    for layer in model.layers[1:]:
        layer.bias.assign(0.1 * np.arange(layer.units))  # biases count too
    return model


def net(name: str, depth: int = DEPTH) -> Weights:
    return Weights.of(dense(name, depth))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_signals_gradients_and_sensitivity_are_those_of_automatic_differentiation(name: str) -> None:
    import keras
    import tensorflow as tf

    model = dense(name)
    layers = model.layers[1:]
    weights = [tf.Variable(tf.cast(layer.kernel.value, tf.float64)) for layer in layers]
    # an offset of 0 on every pre-activation of every example: its gradient is the signal
    offsets = [tf.zeros((N, WIDTH), tf.float64) for _ in range(DEPTH)]
    hs = []
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(offsets)
        h = tf.constant(X)
        for layer, kernel, offset in zip(layers, weights, offsets, strict=False):
            z = h @ kernel + tf.cast(layer.bias.value, tf.float64) + offset
            h = tf.convert_to_tensor(keras.activations.get(name)(z))
            hs.append(h)
        logits = h @ weights[-1] + tf.cast(layers[-1].bias.value, tf.float64)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(Y, logits)
        total, mean = tf.reduce_sum(losses), tf.reduce_mean(losses)
    found = probe(Weights.of(model), X, Y)
    signals = [np.asarray(part) for part in tape.gradient(total, offsets)]
    assert found.signal == pytest.approx([np.sqrt(np.mean(part**2)) for part in signals], rel=1e-5)
    gradients = [np.linalg.norm(part) for part in tape.gradient(mean, weights[:-1])]
    assert found.weight_gradient == pytest.approx(gradients, rel=1e-5)
    assert found.loss == pytest.approx(float(mean), rel=1e-5)
    jacobians = [np.asarray(tape.batch_jacobian(logits, h)) for h in hs]
    expected = [np.sqrt((one**2).sum(axis=(1, 2)).mean()) for one in jacobians]
    assert sensitivity(Weights.of(model), X) == pytest.approx(expected, rel=1e-5)


def test_an_examples_weight_gradient_is_that_of_a_batch_of_one() -> None:
    own = net("tanh")
    alone = [probe(own, X[i : i + 1], Y[i : i + 1]).weight_gradient for i in range(N)]
    assert probe(own, X, Y).example_gradient == pytest.approx(np.exp(np.log(alone).mean(axis=0)))


def test_the_probed_net_is_the_trained_one_and_its_probabilities_are_keras() -> None:
    import keras

    model = dense("gelu")
    theirs = keras.ops.log_softmax(model(X.astype(np.float32)))
    assert Weights.of(model).log_probabilities(X) == pytest.approx(np.asarray(theirs), abs=1e-5)


def test_thirty_softmax_layers_leave_a_signal_that_is_small_but_not_nothing() -> None:
    found = probe(net("softmax", 30), X, Y)
    assert 0 < found.signal[0] < 1e-25
    assert signal_factor(found) == pytest.approx(1 / WIDTH, rel=0.3)


def test_a_unit_that_no_example_switches_on_is_dead() -> None:
    whole = net("relu")
    biases = (np.where(np.arange(WIDTH) < 3, -100.0, whole.biases[0]), *whole.biases[1:])
    assert probe(replace(whole, biases=biases), X, Y).dead[0] >= 3 / WIDTH
    assert probe(net("leaky_relu"), X, Y).dead.max() == 0


def test_factors_of_a_signal_that_has_died_are_zero_and_finite() -> None:
    whole = net("relu")
    dead = replace(whole, biases=(whole.biases[0], *(bias - 1000 for bias in whole.biases[1:-1]), whole.biases[-1]))
    found = probe(dead, X, Y)
    assert found.signal.max() == 0
    assert signal_factor(found) == weight_factor(found) == 0


def test_a_net_of_one_layer_has_factors_of_one() -> None:
    found = probe(net("tanh", 1), X, Y)
    assert signal_factor(found) == weight_factor(found) == 1


def test_slices_go_through_the_nets_own_loss_and_steps_are_as_long_as_each_units_weights() -> None:
    own = net("tanh")
    found = slices(own, X, Y, np.random.default_rng(0), directions=2, points=5, reach=0.5)
    assert found.losses.shape == (2, 5)
    assert found.losses[:, 2] == pytest.approx(probe(own, X, Y).loss)
    assert found.range > 0
    # with all incoming weights of the last layer at 0 no direction moves anything
    flat = replace(own, kernels=(*own.kernels[:-1], 0 * own.kernels[-1]))
    assert slices(flat, X, Y, np.random.default_rng(0)).range == pytest.approx(0, abs=1e-12)


def test_the_same_stream_gives_the_same_directions() -> None:
    first, second = (slices(net("relu"), X, Y, np.random.default_rng(3)).losses for _ in range(2))
    assert (first == second).all()


def test_a_probe_is_due_at_the_start_and_every_so_many_epochs(tmp_path: Path) -> None:
    log = ProbeLog(lambda: probe(net("relu"), X, Y), 2, tmp_path / "probes.jsonl")
    assert [epoch for epoch in range(6) if log.after(epoch) is not None] == [0, 2, 4] == log.epochs
    assert log.table("signal").shape == (DEPTH, 3)
    assert log.last.loss == pytest.approx(probe(net("relu"), X, Y).loss)


def test_zero_turns_probing_off(tmp_path: Path) -> None:
    def never() -> Probe:
        raise AssertionError("probed")

    log = ProbeLog(never, 0, tmp_path / "probes.jsonl")
    assert [log.after(epoch) for epoch in range(3)] == [None] * 3
    assert not (tmp_path / "probes.jsonl").exists()


def test_after_a_kill_the_log_goes_on_and_an_epoch_that_comes_again_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    first = ProbeLog(lambda: probe(net("relu"), X, Y), 1, path)
    for epoch in range(4):
        first.after(epoch)
    torn = path.read_text("utf-8")
    path.write_text(torn[: len(torn) - 40], "utf-8")  # killed while it wrote epoch 3
    second = ProbeLog(lambda: probe(net("tanh"), X, Y), 1, path)
    assert second.epochs == [0, 1, 2]
    second.after(2)
    second.after(3)
    third = ProbeLog(lambda: probe(net("relu"), X, Y), 1, path)
    assert third.epochs == second.epochs == [0, 1, 2, 3]
    assert (third.table("signal") == second.table("signal")).all()
    assert not (third.table("signal")[:, 1] == third.table("signal")[:, 2]).any()


def test_norms_are_named_by_layer() -> None:
    assert list(norms(probe(net("relu"), X, Y))) == [f"grad/layer_{index:02d}_norm" for index in range(1, DEPTH + 1)]
