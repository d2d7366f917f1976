"""Tables of inputs: CSV or JSON text to rows, each checked by itself, so that a bad one is named and the others go on.

What is wrong with the whole table (no such column, the same column twice, broken JSON) is said at once.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dlcamp.errors import DataError, nearest

TEXT = "text"
"""The column that models of texts take."""

_SHOWN = 6  # names of columns in a message
_BEYOND = "values beyond the last column"  # where csv puts them; no column of a file can be called so by accident


def rows_of(
    content: str, name: str, as_json: bool, kind: str, columns: Sequence[str]
) -> tuple[list[Callable[[], Any]], list[str]]:
    """Each row's reader, and the columns that no model looks at.

    Args:
        content: the table's text.
        name: what messages call the table.
        kind: "row": mappings of `columns` to finite numbers; "text": the column `text`. In JSON a text need not
            stand in an object.

    Raises:
        DataError: no such table, or no row has a column that is needed. A reader raises it for its row.
    """
    rows = _json(content, name, kind) if as_json else _csv(content, name)
    wanted = (TEXT,) if kind == "text" else tuple(columns)
    objects = [row for row in rows if isinstance(row, Mapping)]
    there = sorted({str(key) for row in objects for key in row} - {_BEYOND})
    missing = [column for column in wanted if column not in there]
    if objects and missing:
        raise DataError(f"{name} lacks the {_columns(missing)}{_meant(missing, there)}; it has {shown(there)}")
    read = _text if kind == "text" else _numbers
    readers = [partial(read, row, wanted, f"row {number} of {name}") for number, row in enumerate(rows, 1)]
    return list(readers), sorted(set(there) - set(wanted))


def shown(columns: Sequence[str]) -> str:
    """The names, or the first and the last of many: "pixel_0_0 to pixel_7_7 (64)"."""
    if len(columns) <= _SHOWN:
        return ", ".join(columns) or "none"
    return f"{columns[0]} to {columns[-1]} ({len(columns)})"


def _csv(content: str, name: str) -> list[Any]:
    try:
        table = csv.DictReader(io.StringIO(content), restkey=_BEYOND, skipinitialspace=True, strict=True)
        header = list(table.fieldnames or [])
        rows: list[Any] = list(table)
    except csv.Error as error:
        raise DataError(f"{name} is not CSV: {error}") from None
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{name} has the {_columns(twice)} twice; name each once")
    return rows


def _json(content: str, name: str, kind: str) -> list[Any]:
    try:
        held = json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{name} is not JSON: {error}") from None
    listed = held if isinstance(held, list) else [held]
    return [{TEXT: one} if kind == "text" and isinstance(one, str) else one for one in listed]


def _text(row: Mapping[str, Any], wanted: Sequence[str], name: str) -> str:
    _check_columns(row, wanted, name)
    if not isinstance(row[TEXT], str):
        raise DataError(f"{name}: {TEXT} must be text, got {json.dumps(row[TEXT])[:40]}")
    return row[TEXT]


def _numbers(row: Mapping[str, Any], wanted: Sequence[str], name: str) -> dict[str, float]:
    _check_columns(row, wanted, name)
    return {column: _number(row[column], f"{name}: {column}") for column in wanted}


def _check_columns(row: Any, wanted: Sequence[str], name: str) -> None:
    if not isinstance(row, Mapping):
        raise DataError(f"{name} must be an object of columns and values, got {json.dumps(row)[:40]}")
    if _BEYOND in row:
        raise DataError(f"{name} has {len(row) - 1 + len(row[_BEYOND])} values for {len(row) - 1} columns")
    missing = [column for column in wanted if row.get(column) in (None, "")]
    if missing:
        others = sorted(set(row) - set(wanted))
        raise DataError(f"{name} has no value of {shown(missing)}{_meant(missing, others)}")


def _number(value: Any, name: str) -> float:
    """A number, also where it is written as text: CSV has no types."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{name} must be a finite number, got {json.dumps(value)[:40]}")
    return number


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {shown(names)}"


def _meant(missing: Sequence[str], there: Sequence[str]) -> str:
    """The first missing name that another was perhaps meant to be."""
    near = ((name, nearest(name, there)) for name in missing)
    return next((f" (did you mean {name} by {other}?)" for name, other in near if other), "")
