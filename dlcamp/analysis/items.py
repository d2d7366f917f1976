"""Values and differences whose intervals cover the choice of test items too, from the runs' `predictions.parquet`.

A t interval over seeds says how results vary when training is repeated on one fixed test set; here items are drawn
again as well, nested in seeds (`nested.nested_difference`), which says what another test set of the same size would
give. Runs whose items differ from those of the baseline are left out.

What is computed from the items is a mean of one column, or an `ItemStatistic` of several (corpus BLEU, a share of those
items that bear on it), which an experiment names by a reference so that nothing here knows its kind of data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcamp.analysis.bootstrap import Estimate, Floats, Statistic
from dlcamp.analysis.cells import Cell
from dlcamp.analysis.nested import nested_difference, nested_mean
from dlcamp.comparison import Comparison
from dlcamp.errors import DiscoveryError, UserError
from dlcamp.references import follow

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Reader

FILE, KEY = "predictions.parquet", "item"

Row = Mapping[str, Any]
Scored = tuple[tuple[str, ...], Floats]
"""Item ids, and (items, k) numbers of each."""


@dataclass(frozen=True)
class ItemStatistic:
    """A statistic of a split that is computed from k numbers an item.

    Args:
        of_row: a row of predictions -> its k numbers; KeyError where the row lacks a column.
        of_means: means of these numbers (..., k) -> the statistic (...), for many resamples at once.
    """

    of_row: Callable[[Row], Sequence[float]]
    of_means: Statistic


def column(name: str) -> ItemStatistic:
    """The mean of one column."""
    return ItemStatistic(lambda row: (float(row[name]),), lambda means: means[..., 0])


def share(right: Callable[[Row], float], counted: Callable[[Row], bool]) -> ItemStatistic:
    """The share of the items that count which are right, or half right; 0 in a resample that holds none of them."""

    def of_row(row: Row) -> tuple[float, float]:
        counts = counted(row)
        return float(counts and right(row)), float(counts)

    def of_means(means: Floats) -> Floats:
        return np.asarray(means[..., 0] / np.maximum(means[..., 1], np.finfo(float).tiny), dtype=float)

    return ItemStatistic(of_row, of_means)


def item_statistic(named: str) -> ItemStatistic:
    """What `Comparison.items` names: a column, or "module:NAME" of an `ItemStatistic`.

    Raises:
        DiscoveryError: the reference names nothing, or something else.
    """
    if ":" not in named:
        return column(named)
    found = follow(named)
    if not isinstance(found, ItemStatistic):
        raise DiscoveryError(f"{named!r} is a {type(found).__name__}, not an ItemStatistic (dlcamp.analysis.items)")
    return found


def scored(rows: Sequence[Row], statistic: ItemStatistic) -> Scored | None:
    """Item ids with the numbers of each; None for no rows, a column they lack, or what is no finite number."""
    try:
        values = np.array([statistic.of_row(row) for row in rows], dtype=float)
    except (KeyError, TypeError, ValueError):
        return None
    ids = tuple(str(row.get(KEY, number)) for number, row in enumerate(rows))
    return (ids, values) if rows and np.isfinite(values).all() else None


class Predictions:
    """The predictions of runs, each read once.

    Args:
        reader: of the store.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._rows = lru_cache(maxsize=None)(self._read)

    def rows(self, run: str) -> list[dict[str, Any]]:
        """One row an item; empty where the run has none, or none that can be read."""
        return self._rows(run)

    def scored(self, run: str, statistic: ItemStatistic) -> Scored | None:
        """Item ids with the numbers of each; None where the run lacks a column, or holds what is no finite number."""
        return scored(self.rows(run), statistic)

    def _read(self, run: str) -> list[dict[str, Any]]:
        from pyarrow import ArrowException, parquet

        try:
            rows: list[dict[str, Any]] = parquet.read_table(self._reader.fetch(run, FILE)).to_pylist()
        except (UserError, ArrowException, OSError):
            return []
        return rows


@dataclass(frozen=True)
class ItemDifference:
    """The metric of one variant minus that of the baseline, at the same axis values, over seeds and items."""

    metric: str
    variant: str
    axes: Mapping[str, str]
    seeds: int
    items: int
    difference: float
    low: float
    high: float


def item_differences(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> list[ItemDifference]:
    """One for each metric and place that shares a seed and its items with the baseline; metrics in their order.

    Raises:
        DiscoveryError: the comparison names a statistic that does not exist.
    """
    if not comparison.baseline:
        return []
    read, made = Predictions(reader), []
    finished = [cell for cell in cells if cell.finished]
    others = {cell.place: cell for cell in finished if cell.variant != comparison.baseline}
    for metric, named in comparison.items.items():
        statistic = item_statistic(named)
        scores = _by_place_and_seed(read, finished, statistic)
        found = (_difference(metric, cell, scores, comparison.baseline, statistic) for cell in others.values())
        made += [one for one in found if one is not None]
    return made


def item_mean(read: Predictions, cells: Sequence[Cell], statistic: ItemStatistic) -> tuple[Estimate, int, int] | None:
    """The mean over seeds of a statistic with its interval over seeds and items, how many seeds, how many items.

    Args:
        cells: finished runs of one place, one a seed; those without the columns are left out.

    Returns:
        None where no run has them, or the runs have different numbers of items.
    """
    scored = [found for cell in cells if (found := read.scored(cell.run, statistic)) is not None]
    if not scored or len({len(ids) for ids, _ in scored}) != 1:
        return None
    crossed = len({ids for ids, _ in scored}) == 1
    table = np.stack([values for _, values in scored])
    return nested_mean(table, seed=0, statistic=statistic.of_means, crossed=crossed), len(scored), table.shape[1]


def _by_place_and_seed(read: Predictions, cells: Sequence[Cell], statistic: ItemStatistic) -> dict[Any, Scored]:
    return {
        (*cell.place, cell.seed): found for cell in cells if (found := read.scored(cell.run, statistic)) is not None
    }


def _difference(
    metric: str, cell: Cell, scores: Mapping[Any, Scored], baseline: str, statistic: ItemStatistic
) -> ItemDifference | None:
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
    found = nested_difference(first, second, seed=0, statistic=statistic.of_means, crossed=crossed)
    value, low, high = (float(number) for number in found)
    return ItemDifference(metric, variant, cell.axes, len(pairs), items.pop(), value, low, high)
