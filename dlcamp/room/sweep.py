"""Look everywhere for what may go, and remove it: `make gc`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcamp.paths import runs_folder
from dlcamp.room import checkpoints, features, models, scraps
from dlcamp.room.leftover import Kept, Leftover, Removal, remove
from dlcamp.room.limits import Limits
from dlcamp.room.needed import needed
from dlcamp.tracking.lease import LEASE_TAG, is_alive
from dlcamp.tracking.mlflow_store import sqlite_uri
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.stored import stored

KINDS = (
    models.MODELS,
    models.DELETED,
    models.UNKNOWN,
    checkpoints.KIND,
    features.KIND,
    scraps.SPOOLS,
    scraps.FETCHED,
    scraps.LOCKS,
    scraps.TEMPORARY,
)
"""In the order in which they go: a model leaves the store before its run's files do."""


@dataclass(frozen=True)
class Found:
    """What may go, by kind and then the largest first, and what stays although it takes room."""

    leftovers: tuple[Leftover, ...]
    kept: tuple[Kept, ...]

    def of(self, kind: str) -> list[Leftover]:
        """Those of one kind."""
        return [one for one in self.leftovers if one.kind == kind]


def is_local(store: Store) -> bool:
    """Whether the store's database and artifacts are those of this `mlruns`."""
    return store.uri == sqlite_uri(runs_folder())


def find(store: Store | None, limits: Limits, *, all_features: bool = False) -> Found:
    """Look everywhere.

    Args:
        store: None where there is none: then nothing that only a store can tell about is judged.
        all_features: whether feature caches that are in use may go as well.

    Raises:
        StoreError: the store cannot be read.
    """

    def busy() -> str:
        return _under_way(store) if store is not None else ""

    leftovers, kept = features.find(limits, all_of_them=all_features, busy=busy)
    if store is not None:
        # folders first: what begins while the store is read is then not taken for unknown
        scratch, files = checkpoints.folders(), models.folders(runs_folder() / "artifacts")
        known = stored(store)
        for part in (
            checkpoints.find(scratch, store, known, limits, is_local(store)),
            models.find(files, store, known, needed(known), limits) if is_local(store) else ([], []),
        ):
            leftovers += part[0]
            kept += part[1]
        kept += _doctors(store)
    leftovers += scraps.find(limits)
    order = {kind: place for place, kind in enumerate(KINDS)}
    return Found(tuple(sorted(leftovers, key=lambda one: (order[one.kind], -one.size, one.name))), tuple(kept))


def sweep(leftovers: Sequence[Leftover]) -> Iterator[tuple[Leftover, Removal]]:
    """Remove one after the other, and say what came of each."""
    for one in leftovers:
        yield one, remove(one)


def _under_way(store: Store) -> str:
    """Which run may be reading features now; "" for none."""
    for row in store.reader.runs(status="RUNNING"):
        if is_alive(row.tags.get(LEASE_TAG, "")):
            return f"{row.name} is under way and may read it"
    return ""


def _doctors(store: Store) -> list[Kept]:
    """What `doctor` removes, where there is any."""
    from dlcamp.ablation.leftovers import leftovers

    places: list[Path] = [runs_folder() / "live", runs_folder() / "held"]
    if not any(place.is_dir() and any(place.iterdir()) for place in places):
        return []
    found = leftovers(store.reader)
    return [Kept.of("files that ended parents left", found, "make doctor FIX=1 removes them")] if found else []
