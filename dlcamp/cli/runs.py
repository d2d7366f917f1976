"""`runs`: the runs in the store, newest first; the children of ablations and searches with ALL=1 only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import age, duration
from dlcamp.discovery import find, load
from dlcamp.endings import STATE_TAG
from dlcamp.tracking.checked import PARENT_TAG

_MOST, _READ = 20, 1000
PARENTS = {"ablation": "runs", "search": "trials", "replication": "runs"}


def run(given: Given, root: Path) -> int:
    """Print one line a run: name, status, data, preset, objective, time, age, note."""
    name = given.get("NAME")
    if name:
        find(root, name)
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    every = given.flag("ALL")
    found = store.reader.runs(name, limit=None if every else _READ) if store else []
    rows = found if every else [row for row in found if PARENT_TAG not in row.tags][:_MOST]
    if not rows:
        print("no runs yet" + (f" of {name}" if name else "") + f"; start one: make exp NAME={name or 'caption_lstm'}")
        return 0
    children = Counter(row.tags[PARENT_TAG] for row in found if PARENT_TAG in row.tags)
    objectives = {experiment: _objective(root, experiment) for experiment in {row.experiment for row in rows}}
    for row in rows:
        metric = objectives[row.experiment]
        value = f"{metric}={row.metrics[metric]:.4f}" if metric in row.metrics else ""
        kind = row.tags.get("dlcamp.kind", "run")
        if kind in PARENTS:
            value = f"{kind}, {children[row.id]} {PARENTS[kind]}"
        status = row.tags.get(STATE_TAG, row.status)
        where = "/".join(part for part in (row.params.get("data", ""), row.tags.get("dlcamp.preset", "")) if part)
        took = duration(row.ended - row.started) if row.ended else ""
        note = row.tags.get("mlflow.note.content", "").splitlines()
        if row.tags.get("dlcamp.substituted"):
            note = [f"SUBSTITUTED: {row.tags['dlcamp.substituted']}"]
        print(
            f"{row.name:<31} {status:<9} {where:<16} {value:<22} {took:>11}  {age(row):<15}"
            f" {note[0][:60] if note else ''}".rstrip()
        )
    if not every and len(rows) < len(found):
        total = f"{len(found):,}{' or more' if len(found) == _READ else ''}"
        print(f"{len(rows)} of {total}; all of them, with the children of ablations and searches: make runs ALL=1")
    return 0


def _objective(root: Path, experiment: str) -> str:
    from dlcamp.errors import UserError

    try:
        return load(find(root, experiment)).objective.metric
    except UserError:
        # runs outlive their experiment's file; they are still listed, without its objective
        return ""
