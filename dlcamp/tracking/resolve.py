"""Which model a few typed letters mean: a run, a champion, or MLflow's own address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlcamp.errors import UnknownName, UserError
from dlcamp.tracking.mlflow_client import pages
from dlcamp.tracking.models import MODEL_TAG, client_of, model_id
from dlcamp.tracking.protocol import RunRow, Store

BEST_TAG = "dlcamp.best_run"
"""Tag of a parent run: the id of its best child, which has the model."""


def resolve_model(store: Store, ref: str) -> tuple[str, RunRow | None]:
    """The address "models:/m-..." of a model, and the run it comes from (None when that is gone).

    Args:
        ref: a run's id or name, where an ablation or a search stands for its best run; `name@champion`, of a
            registered model or of an experiment registered on one data set only; or `models:/...`.

    Raises:
        UserError: nothing or several things answer to it, or the run has no model.
    """
    if ref.startswith("models:/"):
        return _with_run(store, model_id(store, ref))
    if "@" in ref:
        name, _, alias = ref.rpartition("@")
        return _with_run(store, model_id(store, f"models:/{_registered(store, name, alias)}@{alias}"))
    row = store.reader.run(ref)
    if MODEL_TAG not in row.tags and row.tags.get(BEST_TAG):
        row = store.reader.run(row.tags[BEST_TAG])
    found = row.tags.get(MODEL_TAG)
    if not found:
        raise UserError(
            f"run {row.name} of {row.experiment} ({row.status}) has no model; choose one that ended FINISHED, "
            "or of an ablation its best run, which alone keeps its model"
        )
    return _with_run(store, model_id(store, found))


def registered_models(store: Store) -> Iterator[Any]:
    """MLflow's registered models."""
    return pages(client_of(store).search_registered_models)


def _with_run(store: Store, model: str) -> tuple[str, RunRow | None]:
    run_id = client_of(store).get_logged_model(model).source_run_id
    try:
        return f"models:/{model}", store.reader.run(run_id) if run_id else None
    except UnknownName:
        return f"models:/{model}", None


def _registered(store: Store, name: str, alias: str) -> str:
    """The registered model called `name`, or the only one of the experiment `name`."""
    models = list(registered_models(store))
    names = [model.name for model in models if alias in model.aliases]
    matching = [known for known in names if name in (known, known.rpartition("-")[0])]
    if name in matching:
        return name
    if len(matching) > 1:
        raise UserError(
            f"{name}@{alias} could be any of {', '.join(f'{known}@{alias}' for known in sorted(matching))}; "
            "name the data set too"
        )
    untitled = [model for model in models if name in (model.name, model.name.rpartition("-")[0]) and model.aliases]
    if untitled and not matching:
        titles = ", ".join(sorted(f"{model.name}@{title}" for model in untitled for title in model.aliases))
        raise UserError(f"no version of {untitled[0].name} is its {alias}; there is {titles}")
    if not matching:
        known = [f"{known}@{alias}" for known in names]
        raise UnknownName("registered model", f"{name}@{alias}", known, "register the best run: make register NAME=...")
    return str(matching[0])
