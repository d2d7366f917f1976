"""The gate: what becomes a champion, what is refused and why, and how a model is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.discovery import find, load
from dlcamp.errors import Refusal, UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.registry.captions import caption_files
from dlcamp.registry.register import register
from dlcamp.registry.resolve import resolve_model
from dlcamp.runner import execute, prepare
from dlcamp.tracking import open_store
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import RunRow, Store

NAME = "purchase_odds-purchases"


@pytest.fixture
def store(store_home: Path) -> Store:
    return open_store()


@pytest.fixture
def purchase_odds() -> Experiment:
    return load(find(REPOSITORY, "purchase_odds"))


@pytest.fixture
def made(store: Store) -> Callable[..., RunRow]:
    def make(**given: str) -> RunRow:
        asked = request(Given({"NAME": "purchase_odds", **given}), REPOSITORY)
        return execute(prepare(asked, REPOSITORY), store, lambda line: None).row

    return make


def retagged(store: Store, row: RunRow, **tags: str) -> None:
    for name, value in tags.items():
        client_of(store).set_tag(row.id, f"dlcamp.{name}", value)


def test_the_best_finished_run_becomes_the_champion(store: Store, made: Any, purchase_odds: Experiment) -> None:
    made(SET="C=0.001")
    best = made(SET="C=1")
    registered = register(store, purchase_odds, "purchases")
    assert (registered.name, registered.version, registered.run) == (NAME, "1", best.name)
    assert any("val/log_loss" in str(check) for check in registered.checks)
    version = client_of(store).get_model_version_by_alias(NAME, "champion")
    assert version.run_id == best.id


def test_registering_again_changes_nothing_and_says_so(store: Store, made: Any, purchase_odds: Experiment) -> None:
    made()
    register(store, purchase_odds, "purchases")
    again = register(store, purchase_odds, "purchases")
    assert not again.changed
    assert "already" in str(again.checks[0])
    assert len(client_of(store).search_model_versions(f"name='{NAME}'")) == 1


def test_a_run_that_is_named_takes_over_and_the_earlier_keeps_its_version(
    store: Store, made: Any, purchase_odds: Experiment
) -> None:
    weak, best = made(SET="C=0.001"), made(SET="C=1")
    assert register(store, purchase_odds, "purchases").run == best.name
    assert register(store, purchase_odds, "purchases", run=weak.name).version == "2"
    back = register(store, purchase_odds, "purchases")
    assert (back.run, back.version, back.changed) == (best.name, "1", True)


def test_without_runs_it_says_how_to_make_one(store: Store, purchase_odds: Experiment) -> None:
    with pytest.raises(Refusal, match="none was made yet\nmake one: make exp NAME=purchase_odds"):
        register(store, purchase_odds, "purchases")


def test_smoke_runs_never_pass(store: Store, made: Any, purchase_odds: Experiment) -> None:
    row = made()
    retagged(store, row, preset="smoke")
    with pytest.raises(Refusal, match="1 smoke, never registered"):
        register(store, purchase_odds, "purchases")
    with pytest.raises(Refusal, match=r"ok  finished: .*\n  no  preset: smoke runs never"):
        register(store, purchase_odds, "purchases", run=row.name)


def test_runs_that_did_not_finish_are_counted(store: Store, purchase_odds: Experiment) -> None:
    tags = {"dlcamp.kind": "run", "dlcamp.data": "purchases"}
    run = store.tracker.start("purchase_odds", "purchase_odds-x", tags)
    run.metrics({"val/log_loss": 0.1})
    run.end("FAILED")
    with pytest.raises(Refusal, match="1 FAILED"):
        register(store, purchase_odds, "purchases")
    with pytest.raises(Refusal, match="the run is FAILED"):
        register(store, purchase_odds, "purchases", run="purchase_odds-x")


@pytest.mark.parametrize(
    ("tag", "value", "says"),
    [
        ("data_digest", "0" * 64, "purchases has changed since: 0000"),
        ("model_id", "m-00000000000000000000000000000000", "is gone from the store"),
        ("config", '{"C": 1000.0}', "in a new process, the run logged"),
        ("config", '{"no": 1}', "cannot be re-scored"),
    ],
)
def test_a_check_that_fails_refuses_and_lists_what_passed(
    store: Store, made: Any, purchase_odds: Experiment, tag: str, value: str, says: str
) -> None:
    row = made()
    retagged(store, row, **{tag: value})
    with pytest.raises(Refusal, match=says) as caught:
        register(store, purchase_odds, "purchases", run=row.name)
    assert "  ok  finished" in str(caught.value)
    assert not client_of(store).search_model_versions(f"name='{NAME}'")


def test_a_run_of_another_experiment_is_the_users_mistake(store: Store, purchase_odds: Experiment) -> None:
    store.tracker.start("another", "another-1").end("FINISHED")
    with pytest.raises(UserError, match="of another, not of purchase_odds"):
        register(store, purchase_odds, "purchases", run="another-1")


def test_a_model_answers_to_run_champion_experiment_and_address(
    store: Store, made: Any, purchase_odds: Experiment
) -> None:
    row = made()
    register(store, purchase_odds, "purchases")
    address = f"models:/{row.tags['dlcamp.model_id']}"
    names = [row.name, row.id, f"{NAME}@champion", "purchase_odds@champion", address, f"models:/{NAME}/1"]
    for ref in [*names, f"models:/{NAME}@champion"]:
        uri, found = resolve_model(store, ref)
        assert (uri, found and found.id) == (address, row.id), ref


def test_a_champion_of_two_data_sets_must_be_named_in_full(store: Store, made: Any, purchase_odds: Experiment) -> None:
    made()
    register(store, purchase_odds, "purchases")
    client = client_of(store)
    first = client.get_model_version_by_alias(NAME, "champion")
    client.create_registered_model("purchase_odds-others")
    client.create_model_version("purchase_odds-others", first.source, first.run_id)
    client.set_registered_model_alias("purchase_odds-others", "champion", "1")
    with pytest.raises(UserError, match=r"purchase_odds-others@champion, purchase_odds-purchases@champion"):
        resolve_model(store, "purchase_odds@champion")


def test_unknown_models_name_the_nearest(store: Store, made: Any, purchase_odds: Experiment) -> None:
    made()
    register(store, purchase_odds, "purchases")
    with pytest.raises(UnknownName, match="did you mean 'purchase_odds-purchases@champion'"):
        resolve_model(store, "purchase_ods-purchases@champion")
    with pytest.raises(UnknownName):
        resolve_model(store, "nothing-like-it")


def test_a_model_of_rows_does_not_caption(store: Store, made: Any, tmp_path: Path) -> None:
    row = made()
    with pytest.raises(UserError, match="does not caption images: it takes row inputs"):
        caption_files(store, row.name, [tmp_path / "a.jpg"])
