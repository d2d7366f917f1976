"""`report`: the page of an ablation or a search, opened in a browser where there is one."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import age, place
from dlcamp.cli.exp import say
from dlcamp.discovery import find, load
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import RunRow, Store

PAGE = "report.html"
WITH_PAGE = ("ablation", "search", "replication")


def run(given: Given, root: Path) -> int:
    """Find the newest ablation or search of NAME (or RUN), make its page anew with FORCE=1, open it."""
    name = given.get("NAME")
    if not name and not given.get("RUN"):
        raise UserError("report needs NAME=... or RUN=...\nexample: make report NAME=regularizers")
    if name:
        find(root, name)
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    if store is None:
        raise UserError(f"no runs yet; make some: make exp NAME={name or 'regularizers'}")
    row = _parent(given, store)
    if given.flag("FORCE") or PAGE not in store.reader.artifacts(row.id):
        _rebuild(row, store, root)
    page = store.reader.fetch(row.id, PAGE)
    say(f"{row.name}  {row.status}  {age(row)}")
    say(f"report   {place(store, row, PAGE)}")
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name != "posix"):
        webbrowser.open(page.as_uri())
    return 0


def _parent(given: Given, store: Store) -> RunRow:
    if given.get("RUN"):
        row = store.reader.run(str(given.get("RUN")))
        parent = row.tags.get("dlcamp.parent")
        row = store.reader.run(parent) if parent else row
        if row.tags.get("dlcamp.kind") not in WITH_PAGE:
            raise UserError(
                f"{row.name} is no ablation or search, it has no report; see it: make show RUN={row.id[:8]}"
            )
        return row
    tags = {f"dlcamp.{key.lower()}": str(given.get(key)) for key in ("DATA", "PRESET") if given.get(key)}
    kinds = ("ablation", "search")
    rows = [row for kind in kinds for row in store.reader.runs(given.get("NAME"), tags=tags | {"dlcamp.kind": kind})]
    rows.sort(key=lambda row: row.ended or row.started, reverse=True)
    if not given.get("PRESET"):  # smoke only shows that it runs
        rows = [row for row in rows if row.tags.get("dlcamp.preset") != "smoke"] or rows
    done = [row for row in rows if row.status == "FINISHED"] or rows
    if not done:
        raise UserError(
            f"no ablation or search of {given.get('NAME')} yet; make one: make exp NAME={given.get('NAME')} SEEDS=5"
        )
    return done[0]


def _rebuild(row: RunRow, store: Store, root: Path) -> None:
    """Write page and summary anew: an ablation is judged again from its runs, a search drawn from its record."""
    from dlcamp.ablation.parent import judged_again
    from dlcamp.search.parent import drawn_again
    from dlcamp.search.replicate import compared

    if row.status == "RUNNING":
        raise UserError(f"{row.name} is running; its live page: make ui")
    if row.tags["dlcamp.kind"] == "search":
        drawn_again(row, store)
        return
    experiment = load(find(root, row.experiment))
    judged_again(row, store, compared(experiment) if row.tags["dlcamp.kind"] == "replication" else experiment)
