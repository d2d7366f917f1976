"""The gate: what becomes a champion, what is refused and why, and how a model is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.discovery import find, load
from dlcamp.errors import Refusal, UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.registry.captions import caption_files
from dlcamp.registry.register import Registered, _best, register
from dlcamp.runner import execute, prepare
from dlcamp.tracking import open_store
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.resolve import resolve_model
from tests.mlflow_server import MlflowServer
from tests.tracking.conftest import mlflow_server

__all__ = ["mlflow_server"]

NAME = "purchase_odds-purchases"


@pytest.fixture(scope="module")
def purchase_odds() -> Experiment:
    return load(find(REPOSITORY, "purchase_odds"))


@dataclass(frozen=True)
class Made:
    """A store with two finished runs."""

    store: Store
    weak: RunRow
    best: RunRow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("registry")
    (home / "mlruns").mkdir()
    shutil.copy(store_template, home / "mlruns/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCAMP_HOME", str(home))
        store = open_store()
        weak, best = (
            execute(
                prepare(request(Given({"NAME": "purchase_odds", "SET": f"C={c}"}), REPOSITORY), REPOSITORY),
                store,
                lambda _: None,
            ).row
            for c in ("1", "0.001")
        )
        yield Made(store, weak, best)


@pytest.fixture(scope="module")
def champion(made: Made, purchase_odds: Experiment) -> Registered:
    return register(made.store, purchase_odds, "purchases")


@contextmanager
def retagged(made: Made, tag: str, value: str) -> Iterator[None]:
    """The best run with another tag for the while."""
    client_of(made.store).set_tag(made.best.id, tag, value)
    yield
    client_of(made.store).set_tag(made.best.id, tag, made.best.tags.get(tag, ""))


def versions(store: Store) -> int:
    return len(client_of(store).search_model_versions(f"name='{NAME}'"))


def test_the_best_finished_run_becomes_the_champion(made: Made, champion: Registered) -> None:
    assert (champion.name, champion.version, champion.run) == (NAME, "1", made.best.name)
    assert any("val/log_loss" in str(check) for check in champion.checks)
    assert client_of(made.store).get_model_version_by_alias(NAME, "champion").run_id == made.best.id


def test_the_models_page_of_mlflow_shows_the_version(made: Made, champion: Registered) -> None:
    tags = client_of(made.store).get_logged_model(made.best.tags["dlcamp.model_id"]).tags
    assert json.loads(tags["mlflow.modelVersions"]) == [{"name": NAME, "version": "1"}]


def test_mlflow_itself_loads_the_champion(made: Made, champion: Registered) -> None:
    asked = (
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]);"
        "print(mlflow.pyfunc.load_model(sys.argv[2]).metadata.model_id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, made.store.uri, f"models:/{NAME}@champion"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == made.best.tags["dlcamp.model_id"]


def test_registering_again_changes_nothing_and_says_so(
    made: Made, champion: Registered, purchase_odds: Experiment
) -> None:
    again = register(made.store, purchase_odds, "purchases")
    assert not again.changed
    assert "already" in str(again.checks[0])
    assert versions(made.store) == 1


def test_a_model_answers_to_run_champion_experiment_and_address(made: Made, champion: Registered) -> None:
    address = f"models:/{made.best.tags['dlcamp.model_id']}"
    names = [made.best.name, made.best.id, f"{NAME}@champion", "purchase_odds@champion", address, f"models:/{NAME}/1"]
    for ref in [*names, f"models:/{NAME}@champion"]:
        uri, found = resolve_model(made.store, ref)
        assert (uri, found and found.id) == (address, made.best.id), ref


def test_unknown_models_name_the_nearest(made: Made, champion: Registered) -> None:
    with pytest.raises(UnknownName, match="did you mean 'purchase_odds-purchases@champion'"):
        resolve_model(made.store, "purchase_ods-purchases@champion")
    with pytest.raises(UnknownName):
        resolve_model(made.store, "nothing-like-it")


def test_a_champion_of_two_data_sets_must_be_named_in_full(made: Made, champion: Registered) -> None:
    client = client_of(made.store)
    source = client.get_model_version_by_alias(NAME, "champion").source
    client.create_registered_model("purchase_odds-others")
    client.create_model_version("purchase_odds-others", source, made.best.id)
    client.set_registered_model_alias("purchase_odds-others", "champion", "1")
    with pytest.raises(UserError, match=r"purchase_odds-others@champion, purchase_odds-purchases@champion"):
        resolve_model(made.store, "purchase_odds@champion")
    client.delete_registered_model("purchase_odds-others")


def test_a_model_of_rows_does_not_caption(made: Made, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not caption images: it takes row inputs"):
        caption_files(made.store, made.best.name, [tmp_path / "a.jpg"])


def test_a_run_that_is_named_takes_over_and_the_earlier_keeps_its_version(
    made: Made, champion: Registered, purchase_odds: Experiment
) -> None:
    assert register(made.store, purchase_odds, "purchases", run=made.weak.name).version == "2"
    back = register(made.store, purchase_odds, "purchases")
    assert (back.run, back.version, back.changed) == (made.best.name, "1", True)


@pytest.mark.parametrize(
    ("tag", "value", "kind"),
    [
        ("dlcamp.preset", "smoke", "smoke runs"),
        ("dlcamp.never_champion", "runs with a substituted encoder", "runs with a substituted encoder"),
    ],
)
def test_runs_of_some_kinds_never_pass(made: Made, purchase_odds: Experiment, tag: str, value: str, kind: str) -> None:
    with retagged(made, tag, value):
        assert _best(made.store, purchase_odds, "purchases", "").id == made.weak.id
        with pytest.raises(Refusal, match=rf"ok  finished: .*\n  no  eligible: {kind} never become a champion"):
            register(_without_champion(made.store), purchase_odds, "purchases", run=made.best.name)


@pytest.mark.parametrize(
    ("tag", "value", "says"),
    [
        ("dlcamp.data_digest", "0" * 64, "purchases has changed since: 0000"),
        ("dlcamp.data", "scenes", "the run is on scenes"),
        ("dlcamp.kind", "trial", "only single runs"),
        ("dlcamp.model_id", "", "the run stored none"),
        ("dlcamp.model_id", "m-00000000000000000000000000000000", "is gone from the store"),
        ("dlcamp.config", '{"C": 1000.0}', "in a new process, the run logged"),
        ("dlcamp.config", '{"no": 1}', "cannot be re-scored"),
    ],
)
def test_a_check_that_fails_refuses_and_lists_what_passed(
    made: Made, purchase_odds: Experiment, tag: str, value: str, says: str
) -> None:
    with retagged(made, tag, value), pytest.raises(Refusal, match=says) as caught:
        register(_without_champion(made.store), purchase_odds, "purchases", run=made.best.name)
    assert "  ok  finished" in str(caught.value)


def _without_champion(store: Store) -> Store:
    """The store with nothing registered, so that the gate is passed again."""
    client = client_of(store)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    return store


@pytest.fixture
def empty(store_home: Path) -> Store:
    return open_store()


def test_without_runs_it_says_how_to_make_one(empty: Store, purchase_odds: Experiment) -> None:
    with pytest.raises(Refusal, match="none was made yet\nmake one: make exp NAME=purchase_odds"):
        register(empty, purchase_odds, "purchases")


def test_runs_that_cannot_be_registered_are_counted(empty: Store, purchase_odds: Experiment) -> None:
    tags = {"dlcamp.kind": "run", "dlcamp.data": "purchases"}
    run = empty.tracker.start("purchase_odds", "purchase_odds-x", tags)
    run.metrics({"val/log_loss": 0.1})
    run.end("FAILED")
    empty.tracker.start("purchase_odds", "purchase_odds-y", {**tags, "dlcamp.preset": "smoke"}).end("FINISHED")
    with pytest.raises(Refusal, match=r"1 FAILED, 1 never registered \(smoke runs\)"):
        register(empty, purchase_odds, "purchases")
    with pytest.raises(Refusal, match="the run is FAILED"):
        register(empty, purchase_odds, "purchases", run="purchase_odds-x")


def test_a_run_of_another_experiment_is_the_users_mistake(empty: Store, purchase_odds: Experiment) -> None:
    empty.tracker.start("another", "another-1").end("FINISHED")
    with pytest.raises(UserError, match="of another, not of purchase_odds"):
        register(empty, purchase_odds, "purchases", run="another-1")


def test_an_experiment_without_a_model_has_nothing_to_register(empty: Store, purchase_odds: Experiment) -> None:
    with pytest.raises(UserError, match="saves no model"):
        register(empty, replace(purchase_odds, predictor=None, scorer=None), "purchases")


@pytest.mark.slow
def test_a_server_registers_too(
    mlflow_server: MlflowServer, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, purchase_odds: Experiment
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    store = open_store()
    plan = prepare(request(Given({"NAME": "purchase_odds"}), REPOSITORY), REPOSITORY)
    row = execute(plan, store, lambda _: None).row
    assert register(store, purchase_odds, "purchases").version == "1"
    assert resolve_model(store, "purchase_odds@champion") == (
        f"models:/{row.tags['dlcamp.model_id']}",
        store.reader.run(row.id),
    )
