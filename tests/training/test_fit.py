"""The training loop: what it reports, when it stops, and that an interruption leaves no trace."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlcamp.errors import RunFailed, StoreError
from dlcamp.training.checkpoints import weights_hash
from dlcamp.training.fit import FitResult, fit
from dlcamp.training.seeds import generator
from tests.training.recorder import Recorder

STEPS, BATCH = 5, 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=(STEPS * BATCH, 6)).astype(np.float32)
Y = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)


def network(width: int = 4, rate: float = 0.3) -> keras.Model:
    """Dense nets with dropout, whose seed state must survive."""
    x = keras.Input((6,))
    hidden = keras.layers.Dense(width, "tanh", kernel_initializer=keras.initializers.GlorotUniform(1))(x)
    dropped = keras.layers.Dropout(rate, seed=2)(hidden)
    return keras.Model(x, keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(3))(dropped))


def batches(epoch: int) -> tf.data.Dataset:
    order = generator(0, "order", epoch).permutation(len(X))
    return tf.data.Dataset.from_tensor_slices((X[order], Y[order])).batch(BATCH, drop_remainder=True)


def squared(y: Any, outputs: Any) -> Any:
    return tf.reduce_mean((y - outputs) ** 2)


def train(run: Recorder, model: keras.Model | None = None, **options: Any) -> tuple[FitResult, keras.Model]:
    model = model or network()
    optimizer = options.pop("optimizer", None) or keras.optimizers.Adam(0.01)
    settings: dict[str, Any] = {"epochs": 6, "loss": squared, "steps_per_epoch": STEPS, "checkpoint_share": 1.0}
    settings |= {"evaluate": lambda epoch: {"val/loss": float(squared(Y, model(X)))}, "monitor": "val/loss"}
    return fit(model, options.pop("batches", batches), optimizer=optimizer, run=run, **(settings | options)), model


@pytest.fixture
def run(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "run")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[tuple[str, int], float]]:
    whole = Recorder(tmp_path_factory.mktemp("whole"))
    _, model = train(whole)
    return weights_hash(model), whole.history()


def test_every_epoch_reports_training_and_validation_and_the_bar_counts_every_unit(run: Recorder) -> None:
    result, _ = train(run, unit="rows", units_per_step=BATCH, measures={"mse": squared})
    history = run.history()
    assert {name for name, _ in history} == {"train/loss", "train/mse", "val/loss"}
    assert [history["train/loss", e] for e in range(1, 7)] == [h["train/loss"] for h in result.history]
    assert history["train/mse", 3] == history["train/loss", 3]
    assert result.history[-1]["val/loss"] < result.history[0]["val/loss"]
    assert (run.units, run.total, run.unit) == (6 * len(X), 6 * len(X), "rows")
    assert run.shown[-1]["epoch"] == "6/6"


def test_two_trainings_of_one_seed_are_equal(run: Recorder, undisturbed: Any) -> None:
    _, model = train(run)
    assert weights_hash(model) == undisturbed[0]
    assert run.history() == undisturbed[1]


def test_the_best_epochs_weights_come_back_and_patience_ends_training(run: Recorder) -> None:
    seen: list[str] = []
    model = network()
    values = [3.0, 1.0, 2.0, 1.0, 0.5]

    def evaluate(epoch: int) -> dict[str, float]:
        seen.append(weights_hash(model))
        return {"val/error": values[epoch - 1]}

    result, _ = train(run, model, evaluate=evaluate, monitor="val/error", patience=2)
    assert (result.best_epoch, result.best_value, result.epochs_run, result.stopped_early) == (2, 1.0, 4, True)
    assert weights_hash(model) == seen[1] != seen[3]


def test_mode_max_takes_the_largest(run: Recorder) -> None:
    values = [0.1, 0.4, 0.2]
    result, _ = train(
        run, epochs=3, evaluate=lambda e: {"val/cider": values[e - 1]}, monitor="val/cider", mode="max", patience=9
    )
    assert (result.best_epoch, result.stopped_early) == (2, False)


def test_without_a_monitor_the_last_weights_stay(run: Recorder) -> None:
    result, _ = train(run, epochs=2, evaluate=None, monitor=None)
    assert (result.best_epoch, result.best_value, result.stopped_early) == (2, None, False)


def test_the_step_is_traced_once(run: Recorder) -> None:
    traces = []

    def counted(y: Any, outputs: Any) -> Any:
        traces.append(1)
        return squared(y, outputs)

    train(run, loss=counted, epochs=3, steps_per_call=2)
    assert len(traces) == 1


def test_many_steps_in_one_call_give_the_same_weights(run: Recorder, undisturbed: Any) -> None:
    _, model = train(run, steps_per_call=3)
    assert weights_hash(model) == undisturbed[0]


def test_penalties_of_layers_are_part_of_the_loss(run: Recorder) -> None:
    x = keras.Input((6,))
    heavy = keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(100.0))
    result, model = train(run, keras.Model(x, heavy(x)), epochs=1)
    assert result.history[0]["train/loss"] > 100
    assert np.abs(model.get_weights()[0]).max() < 1


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def at_step(number: int) -> dict[str, Any]:
    def dying(epoch: int) -> tf.data.Dataset:
        def rows() -> Any:
            for step, batch in enumerate(batches(epoch).as_numpy_iterator()):
                if (epoch - 1) * STEPS + step == number:
                    raise Killed
                yield batch

        return tf.data.Dataset.from_generator(rows, output_signature=batches(1).element_spec)

    return {"batches": dying}


def at_metrics(epoch: int) -> dict[str, Any]:
    def dying(now: int) -> dict[str, float]:
        if now == epoch:
            raise Killed
        return {"val/loss": float("inf")}

    return {"evaluate": dying}


def test_killed_within_an_epoch_it_continues_to_the_same_bits(run: Recorder, undisturbed: Any) -> None:
    for step in (17, 26):
        with pytest.raises((Killed, tf.errors.OpError)):
            train(run, **at_step(step))
        run = Recorder(run.folder)
    result, model = train(run)
    assert run.lines == ["continuing after epoch 5 (training.npz)"]
    assert run.total == STEPS
    assert weights_hash(model) == undisturbed[0]
    assert run.history() == undisturbed[1]
    assert [h["val/loss"] for h in result.history] == [undisturbed[1]["val/loss", e] for e in range(1, 7)]


def averaging(decay: float) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=decay, ema_overwrite_frequency=None)


@pytest.mark.parametrize("monitor", ["val/loss", None])
def test_averaged_weights_are_what_is_evaluated_and_what_is_left(run: Recorder, monitor: str | None) -> None:
    """Two epochs, and beside them the same steps by hand: the average begins with the weights after the first one."""
    seen: list[np.ndarray] = []
    model, by_hand = network(rate=0), network(rate=0)

    def evaluate(epoch: int) -> dict[str, float]:
        seen.append(model.get_weights()[0])
        return {"val/loss": -float(epoch)}

    train(run, model, optimizer=averaging(0.5), epochs=2, evaluate=evaluate, monitor=monitor)
    optimizer, average = keras.optimizers.Adam(0.01), None
    for x, y in (batch for epoch in (1, 2) for batch in batches(epoch)):
        with tf.GradientTape() as tape:
            loss = squared(y, by_hand(x, training=True))
        variables = by_hand.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        now = by_hand.get_weights()[0]
        average = now if average is None else 0.5 * average + 0.5 * now
    np.testing.assert_allclose(model.get_weights()[0], average, atol=1e-6)
    np.testing.assert_array_equal(seen[-1], model.get_weights()[0])


def test_averages_survive_a_kill(run: Recorder, tmp_path: Path) -> None:
    _, whole = train(Recorder(tmp_path / "whole"), optimizer=averaging(0.9))
    with pytest.raises((Killed, tf.errors.OpError)):
        train(run, optimizer=averaging(0.9), **at_step(17))
    _, model = train(Recorder(run.folder), optimizer=averaging(0.9))
    assert weights_hash(model) == weights_hash(whole)


@pytest.mark.parametrize("moment", ["replace", "flush", "evaluate"])
def test_killed_at_the_end_of_an_epoch_it_continues_to_the_same_bits(
    run: Recorder, undisturbed: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    calls = []

    def dying(original: Callable[..., Any], at: int) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == at:
                raise Killed
            return original(*arguments)

        return call

    model = network()
    options: dict[str, Any] = {}
    if moment == "replace":
        monkeypatch.setattr(os, "replace", dying(os.replace, 3))
    elif moment == "flush":
        monkeypatch.setattr(Recorder, "flush", dying(Recorder.flush, 3))
    else:
        options["evaluate"] = dying(lambda _: {"val/loss": float(squared(Y, model(X)))}, 3)
    with pytest.raises(Killed):
        train(run, model, **options)
    monkeypatch.undo()
    again = Recorder(run.folder)
    _, model = train(again)
    assert again.lines == ["continuing after epoch 2 (training.npz)"]
    assert weights_hash(model) == undisturbed[0]
    assert again.history() == undisturbed[1]


def test_killed_before_the_first_checkpoint_it_begins_again(run: Recorder, undisturbed: Any) -> None:
    with pytest.raises((Killed, tf.errors.OpError)):
        train(run, **at_step(2))
    again = Recorder(run.folder)
    _, model = train(again)
    assert (weights_hash(model), again.history()) == undisturbed


def test_patience_and_best_weights_survive_a_kill(run: Recorder, tmp_path: Path) -> None:
    values = [3.0, 1.0, 2.0, 1.5, 0.5]

    def until(last: int) -> Callable[[int], dict[str, float]]:
        def evaluate(epoch: int) -> dict[str, float]:
            if epoch > last:
                raise Killed
            return {"val/error": values[epoch - 1]}

        return evaluate

    whole = train(Recorder(tmp_path / "whole"), evaluate=until(9), monitor="val/error", patience=2)
    with pytest.raises(Killed):
        train(run, evaluate=until(3), monitor="val/error", patience=2)
    result, model = train(run, evaluate=until(9), monitor="val/error", patience=2)
    assert result == whole[0]
    assert result.best_epoch == 2
    assert weights_hash(model) == weights_hash(whole[1])


def test_a_finished_training_is_loaded_not_repeated(run: Recorder, undisturbed: Any) -> None:
    train(run)
    again = Recorder(run.folder)
    result, model = train(again, batches=lambda _: pytest.fail("trained again"))
    assert result.epochs_run == 6
    assert again.shown == []
    assert weights_hash(model) == undisturbed[0]


def test_two_labelled_trainings_of_one_run_do_not_meet(run: Recorder) -> None:
    train(run, epochs=1)
    train(run, epochs=1, label="blind")
    assert ("train/blind_loss", 1) in run.history()
    assert sorted(p.name for p in (run.folder / "checkpoint").iterdir()) == ["blind.npz", "training.npz"]


def test_a_checkpoint_of_another_network_optimiser_or_precision_is_refused(run: Recorder) -> None:
    train(run, epochs=1)
    with pytest.raises(StoreError, match="belongs to another model"):
        train(run, network(width=5))
    with pytest.raises(StoreError, match="belongs to another optimizer"):
        train(run, optimizer=keras.optimizers.SGD())


def test_a_damaged_checkpoint_is_named(run: Recorder) -> None:
    train(run, epochs=1)
    path = run.folder / "checkpoint" / "training.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"training\.npz is no readable checkpoint"):
        train(run)


def test_short_epochs_are_not_each_followed_by_a_checkpoint(run: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[Any] = []
    original = os.replace

    def counted(source: Path, target: Path) -> None:
        moves.append(target)
        original(source, target)

    monkeypatch.setattr(os, "replace", counted)
    train(run, epochs=20, checkpoint_share=0.001)
    assert 2 <= len(moves) < 10


def test_a_loss_that_is_no_number_fails_the_run(run: Recorder) -> None:
    with pytest.raises(RunFailed, match=r"epoch 1, step 1 \(learning rate 0.01\)"):
        train(run, loss=lambda y, outputs: squared(y, outputs) * math.nan)


def test_a_monitor_that_is_missing_or_no_number_fails_the_run(run: Recorder) -> None:
    with pytest.raises(RunFailed, match="'val/cider' was not measured; this epoch gave train/loss, val/loss"):
        train(run, monitor="val/cider")
    with pytest.raises(RunFailed, match="'val/loss' is nan"):
        train(run, evaluate=lambda _: {"val/loss": math.nan})


def test_data_that_end_too_early_fail_the_run(run: Recorder) -> None:
    with pytest.raises(RunFailed, match="an epoch of 6 steps was asked for, the data ended after 5"):
        train(run, steps_per_epoch=6)
