"""What a reproduction gave otherwise than the run it makes again: histories, predictions of items, the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.errors import UnknownName, UserError
from dlcamp.reproduce.difference import Difference, apart, close, same, shown
from dlcamp.tracking.handle import PREDICTIONS
from dlcamp.tracking.input_models import input_model
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import Point, Reader, RunRow, Store

if TYPE_CHECKING:
    from pyarrow import Table

_TIMED = {"second", "seconds", "ms", "minutes", "latency", "speedup", "throughput"}
_SURE_COST = "cost/parameters"
THERE, NONE = "there", "none"


@dataclass(frozen=True)
class Compared:
    """What was compared and what differs.

    Args:
        differences: of each metric, column and model the first of all and the first beyond the tolerance.
        values: logged values of the metrics.
        items: rows of predictions; 0 where the run has none.
        model: whether both have a model, whose files were compared.
        left_out: metrics and columns that are times or costs.
        notes: what of the original is gone or damaged, so that it could not be compared, and why. What of the
            reproduction is missing or damaged is a difference.
    """

    differences: tuple[Difference, ...] = ()
    metrics: int = 0
    values: int = 0
    items: int = 0
    model: bool = False
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing at all was compared, which proves nothing."""
        return not (self.values or self.items or self.model or self.differences)


def compare(store: Store, before: RunRow, now: RunRow, tolerance: float) -> Compared:
    """Compare all that two finished runs have logged.

    Args:
        tolerance: relative, for numbers (`difference.close`).
    """
    names = sorted({*before.metrics, *now.metrics})
    counted = [name for name in names if not is_timed(name)]
    values, found = 0, []
    for name in counted:
        old, new = (store.reader.history(row.id, name) for row in (before, now))
        values += len(old)
        found += metric(name, old, new, tolerance)
    found.sort(key=lambda one: (one.moment, one.what))
    items, columns, rows, notes = _predictions(store.reader, before, now, tolerance)
    model, files, more = _model(store, before, now)
    return Compared(
        differences=(*found, *rows, *files),
        metrics=len(counted),
        values=values,
        items=items,
        model=model,
        left_out=tuple(name for name in (*names, *columns) if is_timed(name)),
        notes=(*notes, *more),
    )


def is_timed(name: str) -> bool:
    """Whether a metric or a column is a time or a cost, which no two runs share."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return (name.startswith("cost/") and name != _SURE_COST) or bool(words & _TIMED)


def metric(name: str, before: Sequence[Point], now: Sequence[Point], tolerance: float) -> list[Difference]:
    """The first point of a history that differs at all, and the first that differs beyond the tolerance."""
    return _firsts(_points(name, before, now, tolerance))


def _points(name: str, before: Sequence[Point], now: Sequence[Point], tolerance: float) -> Iterable[Difference]:
    for one, other in zip_longest(before, now):
        if one is None or other is None or one.step != other.step:
            there = one or other
            texts = ["nothing" if p is None else f"{p.value!r} at step {p.step}" for p in (one, other)]
            yield Difference(
                "metric", f"{name} at step {there.step}", *texts, moment=(_moment(one, before), there.step)
            )
            return
        if not same(one.value, other.value):
            yield Difference(
                "metric",
                f"{name} at step {one.step}",
                shown(one.value),
                shown(other.value),
                apart=apart(one.value, other.value),
                within=close(one.value, other.value, tolerance),
                moment=(one.time, one.step),
            )


def _moment(point: Point | None, history: Sequence[Point]) -> float:
    return point.time if point else history[-1].time if history else 0.0


def _firsts(found: Iterable[Difference]) -> list[Difference]:
    """Of differences in order: the first, and the first that is not within the tolerance."""
    kept: list[Difference] = []
    for one in found:
        if not kept or not one.within:
            kept.append(one)
        if not one.within:
            break
    return kept


def _predictions(
    reader: Reader, before: RunRow, now: RunRow, tolerance: float
) -> tuple[int, list[str], list[Difference], list[str]]:
    """Rows, columns, differences and notes."""
    paths = [_fetched(reader, row) for row in (before, now)]
    if paths[0] is None or paths[1] is None:
        texts = [NONE if path is None else THERE for path in paths]
        return 0, [], [Difference("predictions", PREDICTIONS, *texts)] if texts[0] != texts[1] else [], []
    old, new = _table(paths[0]), _table(paths[1])
    if isinstance(old, str):
        return 0, [], [], [f"{PREDICTIONS} of the original cannot be read: {old}"]
    if isinstance(new, str):
        return 0, [], [Difference("predictions", PREDICTIONS, THERE, f"unreadable ({new})")], []
    return old.num_rows, old.column_names, _firsts(_rows(old, new, tolerance)), []


def _table(path: Path) -> Table | str:
    """The rows of a file, or why it cannot be read."""
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path)
    except (ArrowException, OSError) as error:
        return _line(error)


def _fetched(reader: Reader, row: RunRow) -> Path | None:
    try:
        return reader.fetch(row.id, PREDICTIONS)
    except UnknownName:
        return None


def _rows(before: Table, now: Table, tolerance: float) -> Iterable[Difference]:
    if before.column_names != now.column_names:
        yield Difference("predictions", "columns", *(", ".join(one.column_names) for one in (before, now)))
    if before.num_rows != now.num_rows:
        yield Difference("predictions", "rows", str(before.num_rows), str(now.num_rows))
    compared = [name for name in before.column_names if name in now.column_names and not is_timed(name)]
    pairs = zip(before.select(compared).to_pylist(), now.select(compared).to_pylist(), strict=False)
    for index, (one, other) in enumerate(pairs):
        for name in compared:
            if not same(one[name], other[name]):
                yield Difference(
                    "predictions",
                    f"row {index + 1} ({_item(one)}), {name}",
                    shown(one[name]),
                    shown(other[name]),
                    apart=apart(one[name], other[name]),
                    within=close(one[name], other[name], tolerance),
                )


def _item(row: dict[str, Any]) -> str:
    return shown(row.get("item", next(iter(row.values()), "")))


def _model(store: Store, before: RunRow, now: RunRow) -> tuple[bool, list[Difference], list[str]]:
    """Whether there are two models, their difference, and notes."""
    texts = [THERE if row.tags.get(MODEL_TAG) else NONE for row in (before, now)]
    if NONE in texts:
        return False, [Difference("model", "files", *texts)] if THERE in texts else [], []
    try:
        old = _digest(store, before)
    except UserError as error:
        return False, [], [f"the model of the original is gone or damaged: {_line(error)}"]
    try:
        new = _digest(store, now)
    except UserError as error:
        return False, [Difference("model", "files", THERE, f"gone or damaged ({_line(error)})")], []
    return True, [Difference("model", "files", old, new)] if old != new else [], []


def _digest(store: Store, row: RunRow) -> str:
    return input_model(store, f"models:/{row.tags[MODEL_TAG]}").digest


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]
