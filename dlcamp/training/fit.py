"""The one training loop: every Keras experiment trains through `fit`.

Promise: killed at any moment (SIGKILL included) and started again with the same `run.folder`, it continues and
ends with the same weights, bit for bit, and the same metrics, on the same machine. For that, data order must be a
function of (seed, epoch), which `batches(epoch)` gives; everything else that changes while training (model and
optimiser variables, the states of dropout's seed generators, early stopping, best weights, history) is in the
checkpoint. At an epoch's end: metrics, then `run.flush()`, then the checkpoint, so that a checkpoint never knows
of an epoch the store does not.

With an optimizer that averages (`use_ema`), what is evaluated, kept and left in the model are the averaged weights
(Polyak & Juditsky 1992; exponential, as Keras has it); training goes on from its own.

Checkpoints take at most `checkpoint_share` of the time: a short epoch is not followed by a long write.
Steps run in one compiled function that is traced once per element spec of the data set.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from dlcamp.errors import RunFailed
from dlcamp.training import checkpoints
from dlcamp.training.reporting import EpochMeans, Progress, Run, labelled

Loss = Callable[..., Any]
Mode = Literal["min", "max"]


@dataclass(frozen=True)
class FitResult:
    """How a training ended; epochs count from 1. `best_epoch` is the last one when nothing was monitored."""

    best_epoch: int
    best_value: float | None
    epochs_run: int
    stopped_early: bool
    history: list[dict[str, float]]


@dataclass
class _State:
    """What changes from epoch to epoch beside the variables; stored as JSON."""

    epoch: int = 0
    best_epoch: int = 0
    best_value: float | None = None
    finished: bool = False
    stopped_early: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Stopping:
    monitor: str | None
    mode: Mode
    patience: int | None

    def improves(self, value: float, best: float | None) -> bool:
        return best is None or (value > best if self.mode == "max" else value < best)

    def value(self, metrics: Mapping[str, float]) -> float | None:
        if self.monitor is None:
            return None
        if self.monitor not in metrics:
            raise RunFailed(f"monitor {self.monitor!r} was not measured; this epoch gave {', '.join(sorted(metrics))}")
        if not math.isfinite(metrics[self.monitor]):
            raise RunFailed(f"monitor {self.monitor!r} is {metrics[self.monitor]}: no epoch can be the best by it")
        return metrics[self.monitor]


def fit(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    *,
    loss: Loss,
    optimizer: keras.optimizers.Optimizer,
    epochs: int,
    steps_per_epoch: int,
    run: Run,
    evaluate: Callable[[int], Mapping[str, float]] | None = None,
    monitor: str | None = None,
    mode: Mode = "min",
    patience: int | None = None,
    measures: Mapping[str, Loss] | None = None,
    checkpoint_every: int = 1,
    checkpoint_share: float = 0.02,
    steps_per_call: int = 1,
    unit: str = "batches",
    units_per_step: int = 1,
    label: str = "",
) -> FitResult:
    """Train `model` and leave it with its best weights (by `monitor`), or its last when nothing is monitored.

    Args:
        model: built Keras model; it need not be compiled.
        batches: epoch (from 1) -> data set of (x, y) or (x, y, weight), at least `steps_per_epoch` batches long,
            always of one element spec, in an order that depends on the epoch and a fixed seed only.
        loss: (y, outputs[, weight]) -> scalar; a Keras loss or a plain function.
        evaluate: epoch -> metrics ("val/..."), after each epoch; it must not change the model.
        monitor, mode, patience: the metric that stops training, which way is better, epochs without a better value.
        measures: name -> (y, outputs[, weight]) -> scalar, averaged over steps, reported as `train/<name>`.
        checkpoint_every, checkpoint_share: at most one in so many epochs, and at most this share of the time (1: any).
        steps_per_call: training steps in one call of the compiled function; raise it when a step takes < 10 ms.
        unit, units_per_step: what the progress bar counts.
        label: tells several trainings of one run apart, in metrics (`train/<label>_loss`) and checkpoint.

    Raises:
        RunFailed: the loss or the monitored value is not finite, or the data set is shorter than said.
        StoreError: the checkpoint is damaged or belongs to another network.
    """
    optimizer.build(model.trainable_variables)
    schedule = _Schedule(checkpoint_every, checkpoint_share)
    trainer = _Trainer(model, optimizer, _Stopping(monitor, mode, patience), schedule, run, label)
    trainer.load()
    state = trainer.state
    remaining = 0 if state.finished else epochs - state.epoch
    if remaining <= 0:
        return trainer.finish()
    step = compiled_steps(model, loss, optimizer, measures or {})
    with run.progress(remaining * steps_per_epoch * units_per_step, label or "training", unit) as bar:
        while not state.finished:
            epoch = state.epoch + 1
            means = EpochMeans(("loss", *(measures or {})), epoch, _learning_rate(optimizer))
            calls = _Calls(steps_per_epoch, steps_per_call, units_per_step, f"{epoch}/{epochs}")
            _train_epoch(step, batches(epoch), calls, means, bar)
            with trainer.averaged():
                trainer.judge(epoch, means.means(), evaluate(epoch) if evaluate else {}, last=epoch == epochs)
            trainer.keep()
    return trainer.finish()


@dataclass(frozen=True)
class _Calls:
    """How the steps of an epoch are cut into calls, and how they are shown."""

    steps: int
    per_call: int
    units: int
    shown: str


def _train_epoch(
    step: Callable[..., Any], dataset: tf.data.Dataset, calls: _Calls, means: EpochMeans, bar: Progress
) -> None:
    iterator = iter(dataset)
    done = 0
    while done < calls.steps:
        count = min(calls.per_call, calls.steps - done)
        try:
            sums = step(iterator, tf.constant(count)).numpy()
        except (tf.errors.OutOfRangeError, StopIteration):
            raise RunFailed(f"an epoch of {calls.steps} steps was asked for, the data ended after {done}") from None
        means.add([float(value) for value in sums], count)
        done += count
        bar.advance(count * calls.units, epoch=calls.shown, loss=f"{means.loss:.3f}")


def compiled_steps(
    model: keras.Model, loss: Loss, optimizer: keras.optimizers.Optimizer, measures: Mapping[str, Loss]
) -> Callable[..., Any]:
    """A function (iterator, count) -> sums of (loss, *measures) over `count` training steps."""

    def one(batch: Any) -> tf.Tensor:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        arguments = {} if weight is None else {"sample_weight": weight}
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            value = loss(y, outputs, **arguments)
            penalised = tf.add_n([value, *(tf.cast(extra, value.dtype) for extra in model.losses)])
        gradients = tape.gradient(penalised, [v.value for v in model.trainable_variables])
        optimizer.apply(gradients, model.trainable_variables)
        values = [penalised, *(measure(y, outputs, **arguments) for measure in measures.values())]
        return tf.stack([tf.cast(v, tf.float32) for v in values])

    @tf.function
    def several(iterator: Any, count: tf.Tensor) -> tf.Tensor:
        sums = tf.zeros(1 + len(measures))
        for _ in tf.range(count):
            sums += one(next(iterator))
        return sums

    return several


def _learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    return float(np.asarray(optimizer.learning_rate))


class _Schedule:
    """Says when a checkpoint is due: every so many epochs, but never more than a share of the time."""

    def __init__(self, every: int, share: float) -> None:
        self._every, self._share = every, share
        self._written_at: float | None = None
        self._cost = 0.0

    def is_due(self, epoch: int) -> bool:
        if epoch % self._every:
            return False
        since = math.inf if self._written_at is None else time.monotonic() - self._written_at
        return self._share >= 1 or since * self._share >= self._cost

    def timed(self, write: Callable[[], None]) -> None:
        begin = time.monotonic()
        write()
        self._written_at = time.monotonic()
        self._cost = self._written_at - begin


class _Trainer:
    """State of one training between epochs: best weights, stopping, checkpoint."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        stopping: _Stopping,
        schedule: _Schedule,
        run: Run,
        label: str,
    ) -> None:
        self.state = _State()
        self._model, self._optimizer, self._stopping, self._schedule = model, optimizer, stopping, schedule
        self._run = run
        self._label = label
        self._best: list[np.ndarray] = []
        self._path: Path = run.folder / "checkpoint" / f"{label or 'training'}.npz"

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in the place of the trained ones, where the optimizer averages."""
        if not self._optimizer.use_ema:
            yield
            return
        variables = self._model.trainable_variables
        trained = checkpoints.snapshot(variables)
        self._optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            checkpoints.restore(variables, trained)

    def judge(self, epoch: int, means: Mapping[str, float], measured: Mapping[str, float], last: bool) -> None:
        """Report an epoch, keep its weights when they are the best, and find out whether it was the last."""
        metrics = {f"train/{name}": value for name, value in means.items()}
        metrics |= {name: float(value) for name, value in measured.items()}
        state, stopping = self.state, self._stopping
        state.epoch = epoch
        state.history.append(metrics)
        self._run.metrics({labelled(name, self._label): value for name, value in metrics.items()}, step=epoch)
        value = stopping.value(metrics)
        if value is None:
            state.best_epoch = epoch
            self._best = checkpoints.snapshot(self._model.weights) if last and self._optimizer.use_ema else []
        elif stopping.improves(value, state.best_value):
            state.best_epoch, state.best_value = epoch, value
            self._best = checkpoints.snapshot(self._model.weights)
        state.stopped_early = (
            not last
            and stopping.patience is not None
            and value is not None
            and epoch - state.best_epoch >= stopping.patience
        )
        state.finished = last or state.stopped_early

    def keep(self) -> None:
        """Write a checkpoint, when one is due."""
        if self.state.finished or self._schedule.is_due(self.state.epoch):
            self._schedule.timed(self._save)

    def finish(self) -> FitResult:
        if self._best:
            checkpoints.restore(self._model.weights, self._best)
        state = self.state
        return FitResult(state.best_epoch, state.best_value, state.epoch, state.stopped_early, state.history)

    def _signatures(self) -> dict[str, Any]:
        return {
            "model": checkpoints.signature(self._model.variables),
            "optimizer": checkpoints.signature(self._optimizer.variables),
            "policy": [[layer.dtype_policy.name] for layer in self._model.layers],
        }

    def _save(self) -> None:
        self._run.flush()
        arrays = checkpoints.pack("model", checkpoints.snapshot(self._model.variables))
        arrays |= checkpoints.pack("optimizer", checkpoints.snapshot(self._optimizer.variables))
        arrays |= checkpoints.pack("best", self._best)
        checkpoints.write_archive(self._path, arrays, {"training": asdict(self.state), "is": self._signatures()})

    def load(self) -> None:
        """Continue from the checkpoint, where there is one."""
        if not self._path.exists():
            return
        arrays, stored = checkpoints.read_archive(self._path)
        for what, expected in self._signatures().items():
            checkpoints.check_signature(self._path, what, expected, stored.get("is", {}).get(what, []))
        checkpoints.restore(self._model.variables, checkpoints.unpack("model", arrays))
        checkpoints.restore(self._optimizer.variables, checkpoints.unpack("optimizer", arrays))
        self._best = checkpoints.unpack("best", arrays)
        self.state = _State(**stored["training"])
        self._run.say(f"continuing after epoch {self.state.epoch} ({self._path.name})")
