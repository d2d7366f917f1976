"""Differences to the baseline whose intervals cover the choice of test items too, from the runs' `predictions.parquet`.

A t interval over seeds says how results vary when training is repeated on one fixed test set; here items are drawn
again as well, nested in seeds (`nested.nested_difference`), which says what another test set of the same size would
give. Runs whose items differ from those of the baseline are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.nested import nested_difference
from dlcamp.comparison import Comparison
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Reader

FILE, KEY = "predictions.parquet", "item"


@dataclass(frozen=True)
class ItemDifference:
    """Mean over items and seeds of one variant minus the baseline, at the same axis values."""

    variant: str
    axes: Mapping[str, str]
    seeds: int
    items: int
    difference: float
    low: float
    high: float


def item_differences(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> list[ItemDifference]:
    """One for each place that shares a seed and its items with the baseline; empty where no item score is declared."""
    if not comparison.item or not comparison.baseline:
        return []
    scores = {
        (cell.variant, tuple(sorted(cell.axes.items())), cell.seed): found
        for cell in cells
        if cell.finished and (found := _scores(reader, cell.run, comparison.item)) is not None
    }
    made = []
    for cell in {cell.place: cell for cell in cells if cell.variant != comparison.baseline}.values():
        one = _difference(cell, scores, comparison.baseline)
        made += [one] if one is not None else []
    return made


def _scores(reader: Reader, run: str, column: str) -> tuple[tuple[str, ...], Any] | None:
    """Item ids and the score of each; None where the run has no such column."""
    import numpy as np
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(reader.fetch(run, FILE))
        values = np.asarray(table.column(column).to_pylist(), dtype=float)
        ids = table.column(KEY).to_pylist() if KEY in table.column_names else range(len(values))
    except (UserError, ArrowException, OSError, KeyError, TypeError, ValueError):
        return None
    return (tuple(map(str, ids)), values) if len(values) and np.isfinite(values).all() else None


def _difference(cell: Cell, scores: Mapping[Any, tuple[tuple[str, ...], Any]], baseline: str) -> ItemDifference | None:
    import numpy as np

    variant, axes = cell.place
    pairs = [
        (own[1], other[1], own[0])
        for (name, place, seed), own in sorted(scores.items(), key=lambda one: one[0][2])
        if (name, place) == (variant, axes)
        and (other := scores.get((baseline, axes, seed))) is not None
        and own[0] == other[0]
    ]
    items = {len(first) for first, _, _ in pairs}
    if not pairs or len(items) != 1:
        return None
    first, second = (np.stack([pair[side] for pair in pairs]) for side in (0, 1))
    # one test set for all seeds: an easy item is easy for each of them
    crossed = len({ids for _, _, ids in pairs}) == 1
    found = nested_difference(first, second, seed=0, crossed=crossed)
    return ItemDifference(
        variant, cell.axes, len(pairs), items.pop(), float(found.value), float(found.low), float(found.high)
    )
