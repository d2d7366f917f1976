"""Where a model is weak: groups of items whose mean score is surely worse than the whole's.

Every group of items that is large enough is looked at, and the worst of many groups is always far below the mean by
luck alone. So each interval is widened by Bonferroni's rule for the number of groups looked at, and only a group whose
whole interval lies on the bad side of the mean of all items is called weak.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlcamp.analysis.bootstrap import wilson_interval
from dlcamp.analysis.estimates import LEVEL, mean_of
from dlcamp.data.scenes.truth import ASPECTS
from dlcamp.experiment import Objective

Row = Mapping[str, Any]

SMALLEST = 30
"""Items that a group must have."""
MOST = 4
"""Groups that are told."""
GROUPS = {
    "label": "label {}",
    "objects": "{} objects",
    "held_out": "a pair of colour and shape never seen in training",
}
"""Columns of the scorers' rows that say what an *item* is, whatever the model made of it, and how a group is called.

Columns about the output (`correct`, `copied`, `reason`) make no groups: that wrong answers score badly says nothing.
"""
LENGTHS, LENGTH = "reference_length", "references of {} words"
SCORES = {"accuracy": "correct"}
"""Metrics whose column in the rows has another name."""
_FUNCTION_WORDS = """
a an the and or but of in on at by to from with without into onto over under near next through across up down off
out for as is are was were be being been it its this that these those his her their him them he she they there
one two three some other another while who which what where when has have had not no all
"""
_EMPTY = frozenset(_FUNCTION_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Slice:
    """One group of n items with the mean of their scores and its interval."""

    what: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Slices:
    """What was looked at and what was found weak.

    Args:
        metric: whose items' scores these are.
        whole: the mean over all n items.
        looked_at: groups of SMALLEST items or more.
        level: of each group's interval.
        weak: the worst first, at most MOST.
    """

    metric: str
    whole: float
    n: int
    looked_at: int
    level: float
    weak: tuple[Slice, ...]


def score_column(metric: str, rows: Sequence[Row]) -> str | None:
    """The column of a scorer's rows that holds each item's part of a metric; None where the rows have none."""
    name = metric.rpartition("/")[2]
    known = rows[0] if rows else {}
    found = next((one for one in (name, SCORES.get(name, "")) if one in known), None)
    return found if found and all(_is_number(row.get(found)) for row in rows) else None


def weak_slices(
    objective: Objective, rows: Sequence[Row], references: Mapping[str, Sequence[str]] | None = None
) -> Slices | None:
    """The groups of items on which a model is surely worse than on all of them; None where items have no scores.

    Args:
        rows: the scorer's, one an item.
        references: item -> its reference captions, for groups by what most of them mention.
    """
    column = score_column(objective.metric, rows)
    if column is None:
        return None
    scores = [float(row[column]) for row in rows]
    whole = sum(scores) / len(scores)
    groups = {
        what: [scores[place] for place in places]
        for what, places in _groups(rows, references or {}).items()
        if SMALLEST <= len(places) < len(rows)
    }
    level = 1 - (1 - LEVEL) / max(len(groups), 1)
    measured = [_measured(what, values, level) for what, values in groups.items()]
    up = objective.direction == "maximize"
    weak = [one for one in measured if (one.high < whole if up else one.low > whole)]
    weak.sort(key=lambda one: (one.value if up else -one.value, one.what))
    return Slices(objective.metric, whole, len(rows), len(groups), level, tuple(weak[:MOST]))


def told_rightly(rows: Sequence[Row]) -> list[Slice]:
    """Of captions of drawn scenes: the share that is right among those that speak of an aspect, the worst first.

    Only aspects that SMALLEST captions speak of; none for other rows.
    """
    found = []
    for aspect in (*ASPECTS, "binding"):
        stated = [bool(row[aspect]) for row in rows if row.get(aspect) is not None]
        if len(stated) >= SMALLEST:
            found.append(
                Slice(aspect, len(stated), sum(stated) / len(stated), *wilson_interval(sum(stated), len(stated)))
            )
    return sorted(found, key=lambda one: one.value)


def _measured(what: str, values: Sequence[float], level: float) -> Slice:
    if set(values) <= {0.0, 1.0}:
        low, high = wilson_interval(sum(values), len(values), level)
        return Slice(what, len(values), sum(values) / len(values), low, high)
    mean = mean_of(values, level)
    centre, low, high = (end for end in (mean.mean, mean.low, mean.high) if end is not None)  # all: SMALLEST > 1
    return Slice(what, mean.n, centre, low, high)


def _groups(rows: Sequence[Row], references: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Name of a group -> places of its rows."""
    groups: dict[str, list[int]] = {}
    quarters = _quarters([row.get(LENGTHS) for row in rows])
    for place, row in enumerate(rows):
        names = [*_named(row), *mentioned(references.get(str(row.get("item")), ()))]
        if quarters:
            names.append(LENGTH.format(next(name for last, name in quarters if row[LENGTHS] <= last)))
        for name in names:
            groups.setdefault(name, []).append(place)
    return groups


def _named(row: Row) -> Iterator[str]:
    for column, called in GROUPS.items():
        value = row.get(column)
        if isinstance(value, bool):
            if value:
                yield called
        elif value is not None:
            yield called.format(value)


def mentioned(references: Iterable[str]) -> list[str]:
    """The content words that at least half of an image's references hold, as names of groups."""
    captions = [set(_WORD.findall(caption.lower())) - _EMPTY for caption in references]
    count = Counter(word for words in captions for word in words)
    return [f"captions that mention “{word}”" for word, n in count.items() if 2 * n >= len(captions) and len(word) > 1]


def _quarters(lengths: Sequence[Any]) -> list[tuple[float, str]]:
    """The last value and the name of each quarter of the lengths; empty where some are unknown."""
    if not lengths or not all(map(_is_number, lengths)):
        return []
    ordered = sorted(lengths)
    ends = sorted({ordered[min(len(ordered) * part // 4, len(ordered) - 1)] for part in (1, 2, 3, 4)})
    firsts = [ordered[0], *(end + 1 for end in ends[:-1])]
    return [
        (end, f"{first:g}" if first == end else f"{first:g} to {end:g}")
        for first, end in zip(firsts, ends, strict=True)
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
