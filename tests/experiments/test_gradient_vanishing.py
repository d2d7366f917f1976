"""What is probed is logged, and switching probes off changes nothing of the training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.paths import REPOSITORY
from dlcamp.runner import Outcome, execute, prepare
from dlcamp.tracking.memory import MemoryTracker

TINY = "depth=3 width=12 epochs=4 train_images=128 val_images=32 probe_images=16"


def run(store: MemoryTracker, more: str) -> Outcome:
    asked = request(Given({"NAME": "gradient_vanishing", "SET": f"{TINY} {more}"}), REPOSITORY)
    return execute(prepare(replace(asked, model="drop"), REPOSITORY), store, lambda line: None)


def test_probes_are_logged_and_only_look(store_home: Path) -> None:
    store = MemoryTracker()
    probed, blind = run(store, "probe_every=2").row, run(store, "probe_every=0").row
    assert [point.step for point in store.history(probed.id, "grad/layer_03_norm")] == [0, 2, 4]
    assert {"gradients.png", "layers.png", "probes.jsonl", "predictions.parquet"} <= set(store.artifacts(probed.id))
    assert not {"gradients.png", "probes.jsonl"} & set(store.artifacts(blind.id))
    assert not [name for name in blind.metrics if name.startswith(("grad/", "surface/"))]
    for name in ("train/loss", "val/accuracy", "test/loss"):
        assert probed.metrics[name] == blind.metrics[name]
    assert probed.metrics["grad/signal_law"] == pytest.approx(1.0)
    assert 0 < probed.metrics["cost/probe_share"] < 1


def test_a_variant_takes_the_usual_initialiser_unless_one_is_named() -> None:
    from dlcamp.discovery import find, load

    body = load(find(REPOSITORY, "gradient_vanishing")).body
    named = body.__globals__["_initialiser"]
    for text, expected in (("activation=selu", "lecun"), ("activation=selu initializer=he", "he")):
        asked = request(Given({"NAME": "gradient_vanishing", "SET": text}), REPOSITORY)
        assert named(asked.resolved.config) == expected
