"""What earlier sessions of the same ablation left: cells and choices, read before anything is written.

An ablation grows: what was not asked for now, but belongs to it and is as the present yaml says, stays in it, with
those that failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlcamp.ablation.cell import ended
from dlcamp.ablation.design import Design, Place
from dlcamp.ablation.state import Child
from dlcamp.config import Resolved
from dlcamp.errors import ConfigError, UnknownName
from dlcamp.tracking.protocol import Reader, RunRow

Lookup = Callable[[Child, Resolved[Any]], RunRow | None]
"""The finished run of a child's config; None where there is none."""


@dataclass(frozen=True)
class Earlier:
    """The records of cells.json and tuning.json; empty for a new ablation."""

    cells: Sequence[Mapping[str, Any]] = ()
    choices: Sequence[Mapping[str, Any]] = ()

    def strengths(self, place: Place) -> Mapping[str, Any]:
        """What was chosen for a place; empty where nothing was."""
        for choice in self.choices:
            if (choice["variant"], choice["axes"]) == (place.variant, dict(place.axes)):
                return dict(choice["chosen"])
        return {}

    def kept(self, whole: Design, asked: Design, lookup: Lookup) -> list[Child]:
        """The cells that were not asked for now and still belong to the whole design: finished, failed or stopped."""
        found = []
        places = set(whole.places())
        wanted = {(place, seed) for place in asked.places() for seed in asked.grid.seeds}
        for record in self.cells:
            child = _child(record)
            if child.place not in places or (child.place, child.seed) in wanted:
                continue
            try:
                row = lookup(child, whole.resolved(child.place, child.seed, self.strengths(child.place)))
            except (ConfigError, UnknownName):  # strengths that the present config does not take
                continue
            if row is not None:
                child.take(ended(row, True))
            elif record["status"] in ("FAILED", "KILLED"):
                child.take({**record, "cached": True})
            else:
                continue
            found.append(child)
        return found


def _child(record: Mapping[str, Any]) -> Child:
    place = Place(record["variant"], tuple(record["axes"].items()))
    return Child(f"{place} seed {record['seed']}", "cell", place, record["seed"])


def earlier(reader: Reader, parent: str) -> Earlier:
    """What a parent run keeps of earlier sessions."""
    return Earlier(_read(reader, parent, "cells.json"), _read(reader, parent, "tuning.json"))


def _read(reader: Reader, run: str, name: str) -> list[dict[str, Any]]:
    """A list that an earlier session kept; empty where it kept none, or only half of one."""
    try:
        return list(json.loads(reader.fetch(run, name).read_text("utf-8")))
    except (UnknownName, OSError, ValueError):
        return []
