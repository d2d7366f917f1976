"""The models that a run takes in: what is known of each, by its files and without its run, here and on a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dlcamp.errors import ConfigError, StoreError
from dlcamp.model_ref import ModelRef
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.handle import ActiveRun
from dlcamp.tracking.input_models import InputModel, InputModels, input_model
from dlcamp.tracking.models import DIGEST_TAG, client_of, load_model, log_model, model_digest, save_model
from dlcamp.tracking.protocol import Predictor, Store
from tests.mlflow_server import MlflowServer
from tests.tracking.tiny_predictors import Moody, Sum


def saved(predictor: Predictor, folder: Path) -> Path:
    """A model as `save_model` writes it, without a copy of the package."""
    (folder / "package").mkdir(parents=True)
    save_model(predictor, folder / "model", example={"a": 1.0}, requirements=[], package=folder / "package")
    return folder / "model"


def stored(store: Store, folder: Path) -> tuple[str, str]:
    """Ids of a run and of its model."""
    run = store.tracker.start("toy", "toy-s0-1", {"dlcamp.data": "purchases"})
    model = log_model(store, run.id, folder, name="toy")
    run.tags({"dlcamp.model_id": model})
    run.end("FINISHED")
    return run.id, model


@pytest.fixture(scope="module")
def fives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(Sum({"a": 5.0}), tmp_path_factory.mktemp("fives"))


@pytest.fixture
def folder(fives: Path, tmp_path: Path) -> Path:
    """A copy of the saved model, to be logged."""
    return Path(shutil.copytree(fives, tmp_path / "model"))


@pytest.fixture
def store(store_home: Path) -> Store:
    return open_store(store_home)


def test_the_digest_is_of_the_predictor_and_not_of_when_it_was_saved(fives: Path, tmp_path: Path) -> None:
    same, other, moody = Sum({"a": 5.0}), Sum({"a": 6.0}), Moody({"a": 5.0})
    digests = [model_digest(saved(one, tmp_path / str(n))) for n, one in enumerate((same, other, moody))]
    assert digests[0] == model_digest(fives)
    assert len({*digests}) == 3
    assert {len(one) for one in digests} == {32}


def test_a_model_stored_before_digests_were_recorded_is_known_by_its_files(store: Store, folder: Path) -> None:
    run, model = stored(store, folder)
    known = input_model(store, run)
    for tag in list(client_of(store).get_logged_model(model).tags):
        client_of(store).delete_logged_model_tag(model, tag)
    assert input_model(store, run) == known
    reference = f"{Sum.__module__}:Sum"
    assert known == InputModel(model, model_digest(folder), reference, run, "toy-s0-1", "purchases")


def test_a_model_outlives_its_run_and_is_logged_without_it(store: Store, folder: Path) -> None:
    run, model = stored(store, folder)
    client_of(store).delete_run(run)
    one = input_model(store, f"models:/{model}")
    assert (one.model, one.run, one.data) == (model, "", "")
    models = InputModels(store, {"start": ((ModelRef(f"models:/{model}"), one),)})
    later = store.tracker.start("toy", "toy-2")
    later.params(models.params())
    later.end("FINISHED")
    assert store.reader.run(later.id).params["start.run_name"] == model
    assert models.lines("purchases") == [f"start = models:/{model}: a run that is gone, model {model}"]


def test_a_model_that_was_never_stored_whole_is_refused(store: Store) -> None:
    run = store.tracker.start("toy", "toy-1")
    client = client_of(store)
    draft = client.create_logged_model(client.get_run(run.id).info.experiment_id, "toy", run.id)
    run.end("FINISHED")
    with pytest.raises(StoreError, match=f"{draft.model_id} is PENDING"):
        input_model(store, f"models:/{draft.model_id}")


def test_a_run_without_references_has_no_predictor_to_give(tmp_path: Path) -> None:
    run = ActiveRun(MemoryTracker().start("toy", "toy-1"), tmp_path)
    for ref in (None, ModelRef("toy-s0-1")):
        with pytest.raises(ConfigError, match=r"no model to load: .* the config names none either"):
            run.predictor(ref)


@pytest.mark.slow
def test_on_a_server_the_recorded_digest_is_taken_and_the_files_are_checked_when_they_load(
    mlflow_server: MlflowServer, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    store = open_store()
    run, model = stored(store, folder)
    client_of(store).set_logged_model_tags(model, {DIGEST_TAG: "0" * 32})
    assert input_model(store, run).digest == "0" * 32, "nothing is downloaded to find a model"
    with pytest.raises(StoreError, match="were altered"):
        load_model(store, model, "0" * 32)
    assert load_model(store, model, model_digest(folder)).predict([{"a": 2.0}]) == [10.0]
    later = store.tracker.start("toy", "toy-2")
    later.models([model, model])
    later.models([model])
    later.end("FINISHED")
    assert [one.model_id for one in client_of(store).get_run(later.id).inputs.model_inputs] == [model]
