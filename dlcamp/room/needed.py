"""What must stay because something else is made of it: runs and models, each with who needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from dlcamp.model_ref import MODELS_TAG
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import RunRow
from dlcamp.tracking.resolve import BEST_TAG
from dlcamp.tracking.stored import Stored


@dataclass(frozen=True)
class Needed:
    """Id -> who needs it, in words."""

    runs: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)


def needed(store: Stored) -> Needed:
    """What versions of the registry, whatever their alias, and runs that are not deleted refer to.

    A run that a needed model comes from is needed, and so is the model of a needed run.
    """
    found = Needed()
    for version in store.versions:
        found.models.update(dict.fromkeys(version.models, version.name))
        found.runs[version.run] = version.name
    for one in store.runs.values():
        if not one.deleted:
            for model in _models(one.row):
                found.models.setdefault(model, f"run {one.row.name}")
            for run in _runs(one.row):
                found.runs.setdefault(run, f"run {one.row.name}")
    for model, who in found.models.items():
        if model in store.models:
            found.runs.setdefault(store.models[model].run, who)
    for run, who in found.runs.items():
        if run in store.runs and (kept := store.runs[run].row.tags.get(MODEL_TAG)):
            found.models.setdefault(kept, who)
    return found


def _models(row: RunRow) -> Iterator[str]:
    """Models that a run took in."""
    with suppress(ValueError, AttributeError):
        yield from (str(model) for model in json.loads(row.tags.get(MODELS_TAG, "{}")).values())
    for name, value in row.params.items():
        if name.endswith(".model"):
            yield from (model for model in value.split(",") if model.startswith("m-"))


def _runs(row: RunRow) -> Iterator[str]:
    """Runs that a run was made of, belongs to, or calls its best."""
    yield from (row.tags[tag] for tag in (BEST_TAG, PARENT_TAG) if row.tags.get(tag))
    for name, value in row.params.items():
        if name.endswith(".run"):
            yield from filter(None, value.split(","))
