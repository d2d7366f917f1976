"""The champions as a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.errors import StoreError
from dlcamp.registry.champions import champions
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store


def put(store: Store, name: str, alias: str = "champion", **tags: str) -> str:
    """A registered model with one version; the id of its run."""
    client = client_of(store)
    run = store.tracker.start("caption_lstm", "caption_lstm-s0")
    run.end("FINISHED")
    client.create_registered_model(name, tags={"dlcamp.experiment": "caption_lstm", "dlcamp.data": "own_photos"})
    client.create_model_version(name, "/nowhere", run.id, tags={f"dlcamp.{key}": value for key, value in tags.items()})
    client.set_registered_model_alias(name, alias, "1")
    return run.id


def test_each_champion_comes_with_its_run_and_the_value_it_was_chosen_by(store_home: Path) -> None:
    store = open_store()
    run = put(store, "caption_lstm-own_photos", objective="maximize val/cider", value="0.81")
    put(store, "a-model", value="None")
    put(store, "no-champion", alias="candidate")
    second, first = champions(store)
    assert (first.name, first.version, first.experiment, first.data) == (
        "caption_lstm-own_photos", "1", "caption_lstm", "own_photos",
    )  # fmt: skip
    assert (first.run, first.objective, first.value) == (run, "maximize val/cider", 0.81)
    assert first.registered > 0
    assert (second.name, second.value) == ("a-model", None)


def test_a_store_without_models_has_no_champions(store_home: Path) -> None:
    assert champions(MemoryTracker()) == []
    assert champions(open_store()) == []


def test_a_registry_that_does_not_answer_is_a_store_error(store_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    class Away(MemoryTracker):
        uri = "http://127.0.0.1:9"

    with pytest.raises(StoreError, match="registry"):
        champions(Away())
