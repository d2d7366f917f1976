"""Everything an MLflow store knows at one moment, what lies in its trash too: what room on the disk is judged by.

What is deleted stays in MLflow as a row in its trash; `mlflow gc` removes it from there for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcamp.tracking.mlflow_client import in_words, pages
from dlcamp.tracking.mlflow_reader import PAGE, local_path, row_of
from dlcamp.tracking.models import DIGEST_TAG, MODEL_TAG, client_of
from dlcamp.tracking.protocol import RunRow, Store

_PREDICTOR = "predictor"
"""`model_type` of the models that `models.log_model` stores."""


@dataclass(frozen=True)
class StoredRun:
    """A run, and whether it lies in MLflow's trash."""

    row: RunRow
    deleted: bool = False


@dataclass(frozen=True)
class StoredModel:
    """A LoggedModel that is not deleted.

    Args:
        status: PENDING, READY or FAILED.
        changed: seconds since the epoch, of its last change.
        ours: whether dlcamp stored it; models of other programs are not judged.
        folder: its files, where they are on this machine.
    """

    id: str
    run: str
    status: str
    changed: float
    ours: bool
    folder: Path | None


@dataclass(frozen=True)
class StoredVersion:
    """A version in the registry: `name` is "caption_lstm-flickr8k/3"; models and runs that it is made of."""

    name: str
    models: tuple[str, ...]
    run: str


@dataclass(frozen=True)
class Stored:
    """All of a store: runs by id, deleted ones too; models that are not deleted; versions of the registry."""

    runs: Mapping[str, StoredRun] = field(default_factory=dict)
    models: Mapping[str, StoredModel] = field(default_factory=dict)
    versions: tuple[StoredVersion, ...] = ()


def stored(store: Store) -> Stored:
    """Read everything (2 ms a run).

    Raises:
        StoreError: the store cannot be read, or is not MLflow's.
    """
    client = client_of(store)
    with in_words(store.uri, "cannot read what the store holds"):
        names = {one.experiment_id: one.name for one in _experiments(client)}
        runs = {one.row.id: one for one in _runs(client, names)}
        models = {one.id: one for one in _models(client, list(names))}
        return Stored(runs, models, tuple(_versions(client)))


def stored_run(store: Store, run_id: str) -> StoredRun | None:
    """One run as it is now, in the trash too; None where there is none.

    Raises:
        StoreError: the store does not answer.
    """
    from mlflow.exceptions import MlflowException

    with in_words(store.uri, f"cannot read run {run_id}"):
        try:
            return _run(client_of(store).get_run(run_id), "")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise


def registered_from(store: Store, run_id: str) -> list[str]:
    """Names of the registry's versions that come from a run, as they are now."""
    with in_words(store.uri, f"cannot read the registry's versions of run {run_id}"):
        found = client_of(store).search_model_versions(f"run_id = '{run_id}'")
        return [f"{one.name}/{one.version}" for one in found]


def model_is_known(store: Store, model_id: str) -> bool:
    """Whether a LoggedModel is there and not deleted, now."""
    from mlflow.exceptions import MlflowException

    with in_words(store.uri, f"cannot read model {model_id}"):
        try:
            client_of(store).get_logged_model(model_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
    return True


def delete_model(store: Store, model_id: str) -> None:
    """Put a LoggedModel into MLflow's trash; its files stay for the caller to remove."""
    if model_is_known(store, model_id):
        with in_words(store.uri, f"cannot delete model {model_id}"):
            client_of(store).delete_logged_model(model_id)


def experiment_folders(store: Store) -> dict[str, Path]:
    """Experiment -> where the folders of its runs lie; only those on this machine."""
    with in_words(store.uri, "cannot read experiments"):
        found = {one.name: local_path(str(one.artifact_location)) for one in _experiments(client_of(store))}
    return {name: folder for name, folder in found.items() if folder is not None}


def _experiments(client: Any) -> Iterator[Any]:
    from mlflow.entities import ViewType

    return pages(client.search_experiments, view_type=ViewType.ALL, max_results=PAGE)


def _runs(client: Any, names: Mapping[str, str]) -> Iterator[StoredRun]:
    from mlflow.entities import ViewType

    if names:
        asked = {"experiment_ids": list(names), "run_view_type": ViewType.ALL}
        for run in pages(client.search_runs, **asked, max_results=PAGE):
            yield _run(run, names[run.info.experiment_id])


def _run(run: Any, experiment: str) -> StoredRun:
    return StoredRun(row_of(run, experiment), run.info.lifecycle_stage == "deleted")


def _models(client: Any, experiments: list[str]) -> Iterator[StoredModel]:
    if not experiments:
        return
    for one in pages(client.search_logged_models, experiment_ids=experiments):
        yield StoredModel(
            id=one.model_id,
            run=one.source_run_id or "",
            status=str(one.status),
            changed=(one.last_updated_timestamp or one.creation_timestamp) / 1000,
            ours=one.model_type == _PREDICTOR or DIGEST_TAG in one.tags,
            folder=local_path(str(one.artifact_location)),
        )


def _versions(client: Any) -> Iterator[StoredVersion]:
    for one in pages(client.search_model_versions, max_results=PAGE):
        named = [one.tags.get(MODEL_TAG, ""), str(one.model_id or ""), *re.findall(r"m-[0-9a-f]{32}", str(one.source))]
        models = tuple(dict.fromkeys(name for name in named if name))
        yield StoredVersion(f"{one.name}/{one.version}", models, one.run_id or "")
