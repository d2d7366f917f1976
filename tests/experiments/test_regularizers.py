"""`regularizers`: what a run says about itself, and bad values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyarrow import parquet

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.errors import ConfigError, DataError
from dlcamp.paths import REPOSITORY
from dlcamp.references import follow
from dlcamp.runner import Request, execute, prepare
from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.protocol import RunRow

NAME = "regularizers"
SMALL = "hidden=24 epochs=12 train_images=200 batch=32 seed=3"


def asked(values: str) -> Request:
    return replace(request(Given({"NAME": NAME, "SET": values}), REPOSITORY), model="drop")


@pytest.fixture(scope="module")
def store() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture(scope="module")
def row(store: MemoryTracker) -> RunRow:
    return execute(prepare(asked(SMALL), REPOSITORY), store, lambda line: None).row


def test_the_predictions_are_what_the_final_metrics_say(row: RunRow, store: MemoryTracker) -> None:
    metrics = row.metrics
    table = parquet.read_table(store.fetch(row.id, "predictions.parquet")).to_pydict()
    assert set(table) == {"item", "label", "output", "correct", "loss"}
    assert len(set(table["item"])) == 359
    assert sum(table["correct"]) / 359 == pytest.approx(metrics["test/accuracy"])
    assert sum(table["loss"]) / 359 == pytest.approx(metrics["test/loss"])
    assert metrics["test/error"] == pytest.approx(1 - metrics["test/accuracy"])
    assert metrics["val/gap"] == pytest.approx(metrics["train/accuracy"] - metrics["val/accuracy"])
    assert metrics["cost/parameters"] == 64 * 24 + 24 + 24 * 10 + 10
    assert 0 <= metrics["train/memorised"] <= 1


def test_curves_of_both_sides_go_over_all_epochs(row: RunRow, store: MemoryTracker) -> None:
    for metric in ("train/loss", "val/loss", "train/accuracy", "val/accuracy"):
        steps = {point.step for point in store.history(row.id, metric)}
        assert set(range(1, 13)) <= steps
    assert "weight_histograms.png" in store.artifacts(row.id)


def test_the_scorer_takes_each_part_of_the_config_s_cut() -> None:
    from dlcamp.nets.classifier import pixel_names
    from dlcamp.nets.dense import classifier_of, dense_net, he_normal

    experiment: Any = load(find(REPOSITORY, NAME))
    data = catalog.entry("noisy_digits").open()
    config = experiment.config_type(train_images=200)
    untrained = classifier_of(dense_net(64, (5,), 10, kernel=he_normal(0)), pixel_names(64), range(10))
    rescore = follow(str(experiment.scorer))
    sizes = {split: len(rescore(untrained, data, config, split)[0]) for split in ("train", "val", "test")}
    assert sizes == {"train": 200, "val": 359, "test": 359}
    assert rescore(untrained, data, config, "val")[1].keys() == {"val/accuracy", "val/loss"}


@pytest.mark.parametrize(
    ("values", "said"),
    [("hidden=0", "1 to 100 widths"), ("hidden=8,-1", "1 to 100 widths"), ("dropout=1", "0 to 0.95"),
     ("regularizer=l3", "l1"), ("max_norm=0", "0.001"), ("train_images=0", "1 to"), ("precision=float16", "bfloat16")],
)  # fmt: skip
def test_values_that_make_no_sense_are_named_before_anything_runs(values: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(values)


def test_more_training_images_than_there_are_end_the_run_with_their_number() -> None:
    from dlcamp.nets.classifier import rescore
    from experiments.deep_networks.regularizers import Config

    with pytest.raises(DataError, match="1,079"):
        rescore(None, catalog.entry("noisy_digits").open(), Config(train_images=2000), "val")


@pytest.mark.slow
def test_a_fifth_of_wrong_labels_is_learnt_by_heart_without_a_regulariser_and_costs_accuracy(
    store: MemoryTracker,
) -> None:
    found = {}
    for name in ("none", "l2"):
        plan = prepare(asked(f"regularizer={name}"), REPOSITORY)
        found[name] = execute(plan, store, lambda line: None).row.metrics
    assert found["none"]["train/memorised"] > 0.9 > 0.2 > found["l2"]["train/memorised"]
    assert found["l2"]["test/accuracy"] > found["none"]["test/accuracy"] + 0.04
