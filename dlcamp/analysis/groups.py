"""The runs of an experiment as an analysis counts them: placed in a variant, at axis values, under a seed.

    found = observations(reader, "regularizers")        every run that can count, newest first
    newest(found)                                       one of each place and seed: a finished one where there is one

The place of a run comes from the ablations that took it (`cells.json` of the parents: a cell from the cache may have
been made by another ablation, or by hand), else from its own tags. Trials of a search for strengths and parent runs
are no observations. Runs that dlcamp did not write count too; those without a seed are numbered as they were started.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import KIND_TAG, Cell, cell
from dlcamp.errors import DlcampError

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Reader, RunRow

CELLS_FILE = "cells.json"
_COUNTED = ("run", "cell")


@dataclass(frozen=True)
class Observation:
    """A run at its place; `seeded` is False where the seed is only a number of order.

    `ablation` is the parent that gave it the place, `asked` when that one was last at work; "" for a run of its own.
    """

    cell: Cell
    row: RunRow
    seeded: bool = True
    ablation: str = ""
    asked: float = 0.0

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two runs repetitions of each other: place, seed, data set and preset."""
        return self.cell.place, self.cell.seed, self.cell.data, self.cell.preset


def observations(reader: Reader, experiment: str, *, trials: bool = False) -> list[Observation]:
    """Every run of an experiment that can count, newest first; with `trials` those of a search for strengths too."""
    rows = reader.runs(experiment)
    counted = (*_COUNTED, "trial") if trials else _COUNTED
    places = _places(reader, [row for row in rows if row.tags.get(KIND_TAG) == "ablation"])
    found: list[Observation] = []
    for row in rows:
        if row.id in places:
            found += _placed(cell(row), row, places[row.id])
        elif row.tags.get(KIND_TAG, "run") in counted:
            found.append(Observation(cell(row), row, seeded=row.params.get("seed", "").isdecimal()))
    return _numbered(found)


def newest(found: Iterable[Observation]) -> list[Observation]:
    """One of each place, seed, data set and preset, in order: the newest FINISHED, else the newest."""
    best: dict[tuple[object, ...], Observation] = {}
    for one in found:  # newest first
        kept = best.get(one.key)
        if kept is None or (one.cell.finished and not kept.cell.finished):
            best[one.key] = one
    return list(best.values())


def unequal_configs(found: Iterable[Observation]) -> list[str]:
    """What differs, besides the seed, between runs that stand at one place: a line a param and place."""
    places: dict[tuple[object, ...], list[Observation]] = {}
    for one in found:
        places.setdefault((one.cell.experiment, one.cell.place), []).append(one)
    lines = []
    for members in places.values():
        first = members[0].cell
        where = ", ".join([first.variant or first.experiment, *(f"{k}={v}" for k, v in first.axes.items())])
        names = sorted({name for one in members for name in one.row.params} - {"seed", "data"})
        for name in names:
            values = [one.row.params.get(name, "not set") for one in members]
            if len(set(values)) > 1:
                shown = ", ".join(f"{_short(value)} ({values.count(value)})" for value in dict.fromkeys(values))
                lines.append(f"{where}: runs differ in more than the seed, {name} is {shown}")
    return lines


def _places(reader: Reader, parents: Sequence[RunRow]) -> dict[str, list[Mapping[str, Any]]]:
    """Run id -> the places that ablations gave it, the newest ablation's first."""
    places: dict[str, list[Mapping[str, Any]]] = {}
    for parent in parents:
        own = {
            "data": parent.tags.get("dlcamp.data", parent.params.get("data", "")),
            "preset": parent.tags.get("dlcamp.preset", ""),
            "ablation": parent.id,
            "asked": parent.ended or parent.started,
        }
        for written in _cells_of(reader, parent):
            if written.get("run"):
                places.setdefault(str(written["run"]), []).append({**own, **written})
    return places


def _cells_of(reader: Reader, parent: RunRow) -> list[Mapping[str, Any]]:
    """The cells of an ablation; none where it wrote none yet, or its file is gone."""
    try:
        content = json.loads(reader.fetch(parent.id, CELLS_FILE).read_text("utf-8"))
    except (DlcampError, OSError, ValueError):
        return []
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def _placed(own: Cell, row: RunRow, places: Sequence[Mapping[str, Any]]) -> list[Observation]:
    return [
        Observation(
            replace(
                own,
                variant=str(place.get("variant", own.variant)),
                axes={str(key): str(value) for key, value in dict(place.get("axes", own.axes)).items()},
                seed=int(place.get("seed", own.seed)),
                data=str(place["data"]) or own.data,
                preset=str(place["preset"]),
                kind="cell",
            ),
            row,
            ablation=place["ablation"],
            asked=place["asked"],
        )
        for place in places
    ]


def of_newest_ablation(found: Sequence[Observation]) -> list[Observation]:
    """Without the cells of older ablations on the same data under the same preset: their settings were others."""
    newest_one: dict[tuple[str, str], Observation] = {}
    for one in found:
        key = one.cell.data, one.cell.preset
        if one.ablation and (key not in newest_one or one.asked > newest_one[key].asked):
            newest_one[key] = one
    kept = []
    for one in found:
        leader = newest_one.get((one.cell.data, one.cell.preset))
        if one.cell.kind != "cell" or leader is None or one.ablation == leader.ablation:
            kept.append(one)
    return kept


def _numbered(found: Sequence[Observation]) -> list[Observation]:
    """Those without a seed get the next numbers at their place, the oldest first."""
    free: dict[tuple[object, ...], int] = {}
    for one in found:
        if one.seeded:
            free[_place_of(one)] = max(free.get(_place_of(one), 0), one.cell.seed + 1)
    numbered = []
    for one in reversed(found):
        if not one.seeded:
            number = free.get(_place_of(one), 0)
            free[_place_of(one)] = number + 1
            one = replace(one, cell=replace(one.cell, seed=number))
        numbered.append(one)
    return numbered[::-1]


def _place_of(one: Observation) -> tuple[object, ...]:
    return one.cell.place, one.cell.data, one.cell.preset


def _short(value: str) -> str:
    return value if len(value) <= 30 else value[:27] + "..."
