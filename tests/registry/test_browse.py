"""Registered models as pages show them: versions with aliases, cards and verdicts, from MLflow's registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.errors import StoreError
from dlcamp.registry.browse import held_models
from dlcamp.registry.history import ROLLBACK_TAG, Rollback
from dlcamp.registry.verdict import VERDICT_TAG, Verdict
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store
from tests.registry.judged import verdict

NAME = "caption_lstm-scenes"


def put(store: Store, *verdicts: Verdict, card: str = "") -> None:
    """A version of NAME with these verdicts."""
    client = client_of(store)
    run = store.tracker.start("caption_lstm", "caption_lstm-s0-bbbb")
    run.end("FINISHED")
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, tags={"dlcamp.experiment": "caption_lstm", "dlcamp.data": "scenes"})
    tags = {f"{VERDICT_TAG}{one.when:.0f}": one.to_json() for one in verdicts} | {"dlcamp.value": "0.5"}
    client.create_model_version(NAME, "/nowhere", run.id, tags=tags, description=card)


def test_a_model_comes_with_versions_aliases_cards_and_verdicts_in_order(store_home: Path) -> None:
    store = open_store()
    put(store, verdict(version="1", when=10.0), verdict(version="1", when=30.0), card="# the first")
    put(store, verdict(version="2", when=20.0, outcome="challenger"))
    put(store)
    refused, back = verdict(version="", outcome="refused", when=40.0), Rollback("1", "2", "ada", "", 50.0)
    client_of(store).set_registered_model_tag(NAME, f"{VERDICT_TAG}40", refused.to_json())
    client_of(store).set_registered_model_tag(NAME, f"{ROLLBACK_TAG}50", back.to_json())
    client_of(store).set_registered_model_alias(NAME, "champion", "1")
    client_of(store).set_registered_model_alias(NAME, "challenger", "2")
    (found,) = held_models(store)
    assert (found.name, found.experiment, found.data) == (NAME, "caption_lstm", "scenes")
    assert [one.number for one in found.versions] == ["3", "2", "1"]
    champion = found.holder("champion")
    assert champion is not None
    assert (champion.number, champion.card, champion.aliases) == ("1", "# the first", ("champion",))
    assert champion.promoted is not None
    assert (champion.promoted.when, champion.run_name) == (30.0, "caption_lstm-s0-bbbb")
    assert found.holder("previous") is None
    assert [one.when for one in found.verdicts] == [10.0, 20.0, 30.0, 40.0]
    assert [one.back_to for one in found.rollbacks] == ["1"]
    assert found.since(champion) == 50.0
    plain = found.versions[0]
    assert (plain.verdicts, plain.value, plain.run_name) == ((), 0.5, plain.run[:8])


def test_stores_without_models_hold_none(store_home: Path) -> None:
    assert held_models(MemoryTracker()) == []
    assert held_models(open_store()) == []


def test_a_registry_that_does_not_answer_is_a_store_error(store_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    class Away(MemoryTracker):
        uri = "http://127.0.0.1:9"

    with pytest.raises(StoreError, match="registry"):
        held_models(Away())


def test_what_was_registered_without_tags_is_read_from_its_name(store_home: Path) -> None:
    store = open_store()
    client = client_of(store)
    run = store.tracker.start("caption_lstm", "caption_lstm-s0")
    run.end("FINISHED")
    client.create_registered_model("a-model")
    client.create_model_version("a-model", "/nowhere", run.id, tags={"dlcamp.value": "None"})
    (found,) = held_models(store)
    assert (found.experiment, found.data, found.holder("champion")) == ("a", "model", None)
    (version,) = found.versions
    assert (version.run, version.value, version.objective) == (run.id, None, "")
    assert found.since(version) == version.created > 0
