"""The champions: one registered model for each experiment and data set, with the run that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlcamp.registry.aliases import CHAMPION
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.resolve import registered_models


@dataclass(frozen=True)
class Champion:
    """A registered model's version that is the champion.

    Args:
        name: of the registered model, "caption_lstm-scenes".
        run: id of the run that trained it; "" where that is not known.
        objective: "maximize val/cider", and the value it was chosen by.
        registered: when, in seconds since 1970.
    """

    name: str
    version: str
    experiment: str
    data: str
    run: str
    objective: str
    value: float | None
    registered: float


def champions(store: Store) -> list[Champion]:
    """Every champion of a store, by name; none in the store in memory, which keeps no models.

    Raises:
        StoreError: the registry cannot be read.
    """
    if store.uri.startswith("memory:"):
        return []
    with in_words(store.uri, "cannot read the registry"):
        client = client_of(store)
        holders = [model for model in registered_models(store) if CHAMPION in model.aliases]
        found = [_champion(model, client.get_model_version_by_alias(model.name, CHAMPION)) for model in holders]
    return sorted(found, key=lambda one: one.name)


def _champion(model: Any, version: Any) -> Champion:
    experiment, _, data = model.name.rpartition("-")
    return Champion(
        name=model.name,
        version=str(version.version),
        experiment=model.tags.get("dlcamp.experiment", experiment or data),
        data=model.tags.get("dlcamp.data", data if experiment else ""),
        run=version.run_id or "",
        objective=version.tags.get("dlcamp.objective", ""),
        value=_number(version.tags.get("dlcamp.value", "")),
        registered=version.creation_timestamp / 1000,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
