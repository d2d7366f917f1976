"""What a model is called in the registry, and the three titles that its versions hold.

champion     proven, and the best so far
challenger   proven, but not shown to be better than the champion; the newest of them
previous     the champion before this one, which `rollback` puts back
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlcamp.paths import runs_folder
from dlcamp.tracking.mlflow_client import is_permanent, pages

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
EXPERIMENT_TAG, DATA_TAG = "dlcamp.experiment", "dlcamp.data"
"""Tags of a registered model that dlcamp made: whose models it holds."""


def registered_name(experiment: str, data_name: str) -> str:
    """One registered model for each experiment and data set."""
    return f"{experiment}-{data_name}"


def registered_value(tags: Mapping[str, str]) -> float | None:
    """The objective that a version was registered with, by its tags; None where that is not known."""
    try:
        return float(tags.get("dlcamp.value", ""))
    except ValueError:
        return None


def registered(client: MlflowClient, name: str) -> Any:
    """MLflow's registered model of that name; None where there is none."""
    return _or_none(lambda: client.get_registered_model(name))


def holder(client: MlflowClient, name: str, alias: str) -> Any:
    """MLflow's version that holds an alias; None where nobody does."""
    return _or_none(lambda: client.get_model_version_by_alias(name, alias))


def versions(client: MlflowClient, name: str) -> Iterator[Any]:
    """Every version of a registered model."""
    return pages(client.search_model_versions, filter_string=f"name='{name}'")


def move(client: MlflowClient, name: str, alias: str, version: str | None) -> None:
    """Give an alias to a version, or take it from whoever holds it (None)."""
    if version is not None:
        client.set_registered_model_alias(name, alias, version)
    elif holder(client, name, alias) is not None:
        client.delete_registered_model_alias(name, alias)


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Of the processes of this machine only one changes who holds which title of a registered model."""
    from filelock import FileLock

    folder = runs_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"registry-{name}.lock"):
        yield


def _or_none(ask: Any) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        # "there is none" is an answer; a server that is away is not
        if is_permanent(error):
            return None
        raise
