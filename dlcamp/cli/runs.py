"""`runs`: the runs in the store, newest first; the children of an ablation stand for themselves with ALL=1 only."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import age, duration
from dlcamp.discovery import find, load
from dlcamp.tracking.checked import PARENT_TAG

_MOST, _READ = 20, 1000


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
    objectives = {experiment: _objective(root, experiment) for experiment in {row.experiment for row in rows}}
    for row in rows:
        metric = objectives[row.experiment]
        value = f"{metric}={row.metrics[metric]:.4f}" if metric in row.metrics else ""
        if row.tags.get("dlcamp.kind") == "ablation":
            value = f"ablation, {sum(one.tags.get(PARENT_TAG) == row.id for one in found)} runs"
        where = "/".join(part for part in (row.params.get("data", ""), row.tags.get("dlcamp.preset", "")) if part)
        took = duration(row.ended - row.started) if row.ended else ""
        note = row.tags.get("mlflow.note.content", "").splitlines()
        if row.tags.get("dlcamp.substituted"):
            note = [f"SUBSTITUTED: {row.tags['dlcamp.substituted']}"]
        print(
            f"{row.name:<31} {row.status:<9} {where:<16} {value:<22} {took:>11}  {age(row):<15}"
            f" {note[0][:60] if note else ''}".rstrip()
        )
    if not every and len(rows) < len(found):
        total = f"{len(found):,}{' or more' if len(found) == _READ else ''}"
        print(f"{len(rows)} of {total}; all of them, with the children of ablations: make runs ALL=1")
    return 0


def _objective(root: Path, experiment: str) -> str:
    from dlcamp.errors import UserError

    try:
        return load(find(root, experiment)).objective.metric
    except UserError:
        # runs outlive their experiment's file; they are still listed, without its objective
        return ""
