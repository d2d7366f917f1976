"""Floors, ceilings and people as the runs of an ablation scored them: their `scores.csv`, put together."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from dlcamp.captioning.summary import TABLE
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.tracking.protocol import Reader

_OWN = ("measure", "n", "this_run", "low", "high")  # columns that are no bound
WORDS = {
    "blind": "blind: the same decoder trained without images",
    "constant": "constant: the best single sentence",
    "shuffled": "shuffled: a run's own captions on other images",
    "sampled": "sampled: one more true description",
    "consensus": "consensus: the most usual true description",
    "human": "human: one person against the others",
}


@dataclass(frozen=True)
class Spread:
    """The mean over runs of what bounds one measure, and its range."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class BoundRow:
    """One bound: "floor", "ceiling" or "human", its name, and measure -> values over the runs that have it."""

    kind: str
    name: str
    values: dict[str, list[float]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What it is, for a reader."""
        return WORDS.get(self.name, self.name)

    def of(self, measure: str) -> Spread | None:
        """What it is worth on a measure; None where it has no such value."""
        values = self.values.get(measure)
        return Spread(fmean(values), min(values), max(values)) if values else None


def bound_rows(reader: Reader, cells: Sequence[Cell]) -> list[BoundRow]:
    """One row a bound, in the order of the files; runs without the file, or with another kind of it, are left out."""
    found: dict[str, BoundRow] = {}
    for cell in cells:
        try:
            text = reader.fetch(cell.run, TABLE).read_text("utf-8")
        except (UserError, OSError):
            continue
        for line in csv.DictReader(io.StringIO(text)):
            for column, value in line.items():
                if column in _OWN or column is None:
                    continue
                kind, _, name = column.partition("_")
                row = found.setdefault(column, BoundRow(kind, name))
                if value and value != "nan":
                    row.values.setdefault(line["measure"], []).append(float(value))
    return list(found.values())
