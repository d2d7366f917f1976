"""What two models say of the same items, where they differ most first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlcamp.analysis.scale import short
from dlcamp.registry.slices import score_column

Row = Mapping[str, Any]
Order = Literal["most", "first", "second"]
"""The largest differences; those where the first, or the second, is better."""
ORDERS: tuple[Order, ...] = ("most", "first", "second")


@dataclass(frozen=True)
class Said:
    """What one model says of an item; `score` is "" and `truthful` None where nobody can tell."""

    output: str
    score: str
    truthful: bool | None
    reason: str


@dataclass(frozen=True)
class Pair:
    """One item: facts about it, both answers, and second minus first, turned so that above zero the second is better.

    Args:
        difference: of the scores; None where there are none. `shown`: as text.
        apart: how unlike the answers are: the size of the difference, else of that between outputs that are numbers.
    """

    item: str
    facts: tuple[tuple[str, str], ...]
    first: Said
    second: Said
    difference: float | None
    shown: str
    apart: float


@dataclass(frozen=True)
class SideBySide:
    """All shared items, counted, and some of them in full.

    Args:
        items: that both judged. `same`: with the same output.
        first_better, second_better: by score; 0 both where items have none.
        score: the column of the scores; "" for none.
        more: pairs of this order that are not among `pairs`.
    """

    items: int
    same: int
    first_better: int
    second_better: int
    score: str
    pairs: tuple[Pair, ...]
    more: int


def side_by_side(
    first: Sequence[Row], second: Sequence[Row], objective: str, order: Order = "most", most: int = 6
) -> SideBySide:
    """Compare the per-item rows of two models.

    Args:
        objective: "maximize val/cider": which column scores an item, and which way is better.
        order: which pairs are shown first; items with equal outputs never are.
    """
    direction, _, metric = objective.rpartition(" ")
    others = {str(row.get("item")): row for row in second}
    both = [(row, others[item]) for row in first if (item := str(row.get("item"))) in others]
    column = score_column(metric, [row for row, _ in both]) and score_column(metric, [row for _, row in both])
    sign = -1.0 if direction == "minimize" else 1.0
    shared = _shared_columns(both, column or "")
    pairs = [_pair(a, b, column or "", sign, shared) for a, b in both]
    differ = [pair for pair in pairs if pair.first.output != pair.second.output]
    gains = [pair.difference or 0.0 for pair in pairs]
    shown = _ordered(differ, order)
    return SideBySide(
        items=len(pairs),
        same=len(pairs) - len(differ),
        first_better=sum(gain < 0 for gain in gains),
        second_better=sum(gain > 0 for gain in gains),
        score=column or "",
        pairs=tuple(shown[:most]),
        more=max(len(shown) - most, 0),
    )


def _ordered(pairs: Iterable[Pair], order: Order) -> list[Pair]:
    """Ties by item, so that a page reloaded is the same page."""
    if order == "most":
        return sorted(pairs, key=lambda pair: (-pair.apart, pair.item))
    turn = -1.0 if order == "first" else 1.0
    better = [pair for pair in pairs if turn * (pair.difference or 0.0) > 0]
    return sorted(better, key=lambda pair: (-turn * (pair.difference or 0.0), pair.item))


def _pair(first: Row, second: Row, column: str, sign: float, shared: Sequence[str]) -> Pair:
    difference = sign * (float(second[column]) - float(first[column])) if column else None
    facts = tuple((name.replace("_", " "), _text(first[name])) for name in shared if first[name] is not None)
    shown = "" if difference is None else ("+" if difference > 0 else "") + short(difference)
    apart = abs(difference) if difference is not None else _apart(first.get("output"), second.get("output"))
    return Pair(str(first.get("item")), facts, _said(first, column), _said(second, column), difference, shown, apart)


def _apart(first: Any, second: Any) -> float:
    if isinstance(first, float) and isinstance(second, float):
        return abs(second - first)
    return float(first != second)


def _said(row: Row, column: str) -> Said:
    truthful = row.get("truthful")
    return Said(
        _text(row.get("output", "")),
        short(float(row[column])) if column else "",
        truthful if isinstance(truthful, bool) else None,
        "" if truthful else str(row.get("reason") or ""),
    )


def _text(value: Any) -> str:
    """One line; numbers in about three digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return short(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items())
    return " ".join(str(value).split())


def _shared_columns(both: Sequence[tuple[Row, Row]], column: str) -> list[str]:
    """Columns that say something of the item: both models' rows hold the same in every one of them."""
    if not both:
        return []
    names = [name for name in both[0][0] if name not in ("item", "output", column)]
    return [name for name in names if all(name in a and name in b and a[name] == b[name] for a, b in both)]
