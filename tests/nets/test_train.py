"""Training a classifier: order, measures after an epoch, small sets, what it can learn."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from dlcamp.data.cut import Cut
from dlcamp.data.digits import Part
from dlcamp.nets.dense import dense_net, he_normal
from dlcamp.nets.optimizers import optimizer
from dlcamp.nets.regularisers import Strengths, regulariser
from dlcamp.nets.train import Batches, cross_entropy, evaluation, train_classifier
from dlcamp.training.checkpoints import weights_hash
from dlcamp.training.fit import FitResult
from tests.training.recorder import Recorder


def part(n: int, seed: int = 0) -> Part:
    x = np.random.default_rng(seed).normal(size=(n, 6)).astype("float32")
    return Part(x, x[:, :3].argmax(axis=1))


PARTS = Cut(part(200), part(80, 1), part(50, 2), {"train": "train", "val": "val", "test": "test"})


def train(folder: Path, epochs: int = 3, batch: int = 32, **options: object) -> tuple[keras.Model, FitResult, Recorder]:
    run = Recorder(folder)
    against = regulariser("dropout", Strengths(dropout=0.3), seed=1)
    model = dense_net(6, (32,), 3, kernel=he_normal(0), between=against.between, **options)  # type: ignore[arg-type]
    result = train_classifier(
        model,
        PARTS,
        optimizer=lambda steps: optimizer("adam", learning_rate=0.01, steps=steps),
        epochs=epochs,
        batch=batch,
        seed=0,
        run=run,
    )
    return model, result, run


def test_each_epoch_has_its_own_order_of_the_same_images_and_the_seed_gives_it() -> None:
    batches = Batches(PARTS.train, 32, seed=4)
    epochs = [np.concatenate([y for _, y in batches(epoch).as_numpy_iterator()]) for epoch in (1, 1, 2)]
    assert batches.steps == 6
    assert len(epochs[0]) == 192
    assert (epochs[0] == epochs[1]).all()
    assert (epochs[0] != epochs[2]).any()
    x, y = next(batches(1).as_numpy_iterator())
    assert (x[:, :3].argmax(axis=1) == y).all()


def test_it_learns_and_reports_both_sides_without_noise(tmp_path: Path) -> None:
    model, result, run = train(tmp_path, epochs=12)
    history = run.history()
    assert result.epochs_run == 12
    assert history["val/accuracy", 12] > max(0.8, history["val/accuracy", 1])
    logits = model(PARTS.val.x, training=False)
    assert history["val/loss", 12] == pytest.approx(float(cross_entropy(PARTS.val.y, logits)), rel=1e-5)
    seen = PARTS.train.x[:80], PARTS.train.y[:80]
    assert history["train/loss", 12] == pytest.approx(float(cross_entropy(seen[1], model(seen[0]))), rel=1e-5)


def test_the_same_seeds_give_the_same_weights_and_the_last_epoch_is_kept(tmp_path: Path) -> None:
    one, first, _ = train(tmp_path / "a")
    other, _, _ = train(tmp_path / "b")
    longer, _, _ = train(tmp_path / "c", epochs=4)
    assert weights_hash(one) == weights_hash(other) != weights_hash(longer)
    assert first.best_epoch == 3


def test_a_set_smaller_than_a_batch_is_one_batch(tmp_path: Path) -> None:
    _, result, run = train(tmp_path, epochs=1, batch=10_000)
    assert result.epochs_run == 1
    assert run.units == 200


def test_it_trains_in_mixed_precision(tmp_path: Path) -> None:
    model, _, run = train(tmp_path, epochs=12, precision="mixed_bfloat16")
    history = run.history()
    assert history["val/loss", 12] < history["val/loss", 1]
    assert {str(np.dtype(v.dtype)) for v in model.trainable_variables} == {"float32"}


def test_measuring_changes_nothing(tmp_path: Path) -> None:
    model, _, _ = train(tmp_path, epochs=1)
    before = weights_hash(model)
    measure = evaluation(model, PARTS)
    assert measure(1) == measure(2)
    assert weights_hash(model) == before
