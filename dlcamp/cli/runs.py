"""`runs`: the runs in the store, newest first, with the room each takes; children of parents with ALL=1 only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import age, duration
from dlcamp.data.fetch.remote import amount
from dlcamp.discovery import find, load
from dlcamp.endings import STATE_TAG
from dlcamp.tracking.checked import PARENT_TAG

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import RunRow

_MOST, _READ = 20, 1000
_MUCH = 100_000_000
"""Bytes from which on `make gc` is hinted at."""
PARENTS = {"ablation": "runs", "search": "trials", "replication": "runs"}


def run(given: Given, root: Path) -> int:
    """Print one line a run: name, status, data, preset, objective, time, size, age, note; and the room of them all.

    A size is that of artifacts, model and checkpoints; of a parent whose children are not listed, with theirs.
    """
    name = given.get("NAME")
    if name:
        find(root, name)
    from dlcamp.room.sizes import RunSizes
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    every = given.flag("ALL")
    found = store.reader.runs(name, limit=None if every else _READ) if store else []
    rows = found if every else [row for row in found if PARENT_TAG not in row.tags][:_MOST]
    if store is None or not rows:
        print("no runs yet" + (f" of {name}" if name else "") + f"; start one: make exp NAME={name or 'caption_lstm'}")
        return 0
    children: dict[str, list[RunRow]] = defaultdict(list)
    for row in found:
        children[row.tags.get(PARENT_TAG, "")].append(row)
    objectives = {experiment: _objective(root, experiment) for experiment in {row.experiment for row in rows}}
    sizes, total = RunSizes(store), 0
    for row in rows:
        size = sizes.of([row] if every else [row, *children[row.id]])
        total += size or 0
        print(_line(row, objectives[row.experiment], len(children[row.id]), size))
    if not every and len(rows) < len(found):
        count = f"{len(found):,}{' or more' if len(found) == _READ else ''}"
        print(f"{len(rows)} of {count}; all of them, with the children of ablations and searches: make runs ALL=1")
    if total:
        print(f"these take {amount(total)}{_hint(found)}")
    return 0


def _line(row: RunRow, metric: str, children: int, size: int | None) -> str:
    value = f"{metric}={row.metrics[metric]:.4f}" if metric in row.metrics else ""
    kind = row.tags.get("dlcamp.kind", "run")
    if kind in PARENTS:
        value = f"{kind}, {children} {PARENTS[kind]}"
    status = row.tags.get(STATE_TAG, row.status)
    where = "/".join(part for part in (row.params.get("data", ""), row.tags.get("dlcamp.preset", "")) if part)
    took = duration(row.ended - row.started) if row.ended else ""
    room = "-" if size is None else amount(size)
    note = row.tags.get("mlflow.note.content", "").splitlines()
    if row.tags.get("dlcamp.substituted"):
        note = [f"SUBSTITUTED: {row.tags['dlcamp.substituted']}"]
    return (
        f"{row.name:<31} {status:<9} {where:<16} {value:<22} {took:>11} {room:>9}  {age(row):<15}"
        f" {note[0][:60] if note else ''}".rstrip()
    )


def _hint(rows: Sequence[RunRow]) -> str:
    """Where checkpoints that nobody needs take much room: what frees it."""
    from dlcamp.room.checkpoints import could_go
    from dlcamp.room.limits import Limits

    freed = could_go(rows, Limits())
    return f"; {amount(freed)} of checkpoints and perhaps more can go: make gc" if freed >= _MUCH else ""


def _objective(root: Path, experiment: str) -> str:
    from dlcamp.errors import UserError

    try:
        return load(find(root, experiment)).objective.metric
    except UserError:
        # runs outlive their experiment's file; they are still listed, without its objective
        return ""
