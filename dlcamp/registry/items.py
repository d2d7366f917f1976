"""A model against its rival on the same validation items: the objective item by item, and intervals over items.

An interval covers the choice of items, not another training. Directions are turned so that above zero is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcamp.analysis.bootstrap import Estimate, bootstrap, paired_difference
from dlcamp.analysis.items import ItemStatistic, column, item_statistic, scored
from dlcamp.experiment import Experiment
from dlcamp.registry.rescore import Rescored
from dlcamp.registry.slices import score_column

Row = Mapping[str, Any]
FEWEST = 6
"""Items that it takes to show a difference: of five that all point one way one in sixteen does so by luck."""
ROUNDING = 1e-6
"""A statistic of the rows may differ by so much from the scorer's total, in shares of it."""


class NotPaired(Exception):
    """Two models cannot be compared item by item; the message says why."""


@dataclass(frozen=True)
class ItemWise:
    """How the objective follows from items: `named` is the column or the statistic of the rows."""

    named: str
    statistic: ItemStatistic


def item_wise(experiment: Experiment, rescored: Rescored) -> ItemWise:
    """The statistic of the rows that gives the objective.

    It is what the experiment's comparison names for this metric, on whatever split, else the column of its name.

    Raises:
        NotPaired: there is none, or it does not give the total.
    """
    metric, rows = experiment.objective.metric, rescored.rows
    total = rescored.totals.get(metric)
    if total is None:
        raise NotPaired(f"the scorer gives no {metric}, so that nothing can be compared by it")
    named = _declared(experiment, metric) or score_column(metric, rows)
    if not named:
        raise NotPaired(
            f"the scorer's rows hold no column for {metric}, so that items cannot be paired: add one, or name an "
            "ItemStatistic in compare=Comparison(items=...)"
        )
    found = ItemWise(named, item_statistic(named) if ":" in named else column(named))
    whole = value(found, rows)
    if not abs(whole.value - total) <= ROUNDING * max(1.0, abs(total)):
        raise NotPaired(f"{named} of the scorer's rows gives {metric} = {whole.value:.6g}, its total is {total:.6g}")
    return found


def value(objective: ItemWise, rows: Sequence[Row]) -> Estimate:
    """The objective over the rows with its interval.

    Raises:
        NotPaired: rows that lack the columns.
    """
    _, table = _table(objective, rows, "its")
    whole = float(objective.statistic.of_means(table.mean(axis=0)))
    low, high = bootstrap(table, objective.statistic.of_means, seed=0)
    return Estimate(whole, float(low), float(high))


def difference(experiment: Experiment, objective: ItemWise, own: Sequence[Row], rival: Sequence[Row]) -> Estimate:
    """The candidate's objective minus the rival's, above zero is better.

    Args:
        rival: rows of the same items, in any order; items that the candidate lacks are not looked at.

    Raises:
        NotPaired: other items, or too few.
    """
    ids, first = _table(objective, own, "the candidate's")
    rival_ids, second = _table(objective, rival, "the rival's")
    place = {item: number for number, item in enumerate(rival_ids)}
    missing = [item for item in ids if item not in place]
    if missing:
        raise NotPaired(
            f"{len(missing)} of the {len(ids)} items are not among the {len(rival_ids)} of the rival ({missing[0]}, "
            "...): both must be scored on one validation split (the same split_seed and limits)"
        )
    if len(ids) < FEWEST:
        raise NotPaired(f"{len(ids)} items cannot show a difference; it takes {FEWEST} or more")
    paired = second[[place[item] for item in ids]]
    up = experiment.objective.direction == "maximize"
    sides = (first, paired) if up else (paired, first)
    return paired_difference(*sides, seed=0, statistic=objective.statistic.of_means)


def _declared(experiment: Experiment, metric: str) -> str | None:
    """What the comparison names for the metric's name on any split: val/cider is made as test/cider is."""
    name = metric.rpartition("/")[2]
    items = experiment.compare.items if experiment.compare else {}
    return next((named for known, named in items.items() if known.rpartition("/")[2] == name), None)


def _table(objective: ItemWise, rows: Sequence[Row], whose: str) -> tuple[tuple[str, ...], np.ndarray]:
    found = scored(rows, objective.statistic)
    if found is None:
        raise NotPaired(f"{whose} rows have no finite numbers for {objective.named}")
    return found
