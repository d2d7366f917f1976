"""`doctor`: what is wrong with the store, and with FIX=1 the mending of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import RunRow, Store


def run(given: Given, root: Path) -> int:
    """List runs left RUNNING by dead processes, values kept in the spool; FIX=1 ends and stores them."""
    from dlcamp.ablation.leftovers import leftovers, remove
    from dlcamp.tracking import open_existing_store
    from dlcamp.tracking.doctor import end_stale, stale_runs, waiting

    store = open_existing_store()
    if store is None:
        say("no store yet; the first `make exp` makes it")
        return 0
    say(f"store      {store.uri}")
    stale = stale_runs(store.reader)
    for one in stale:
        say(f"  {one.row.name:<28} {one.row.id}  RUNNING, but {one.why}")
    if not stale:
        say("  every RUNNING run has a living process")
    elif given.flag("FIX"):
        end_stale(store, stale)
        alone = [one.row for one in stale if "dlcamp.parent" not in one.row.tags]
        on = f"Go on with one: {_going_on(alone[0])}" if alone else ""
        say(f"ended {len(stale)} as KILLED; what they logged is kept. {on}".rstrip())
    else:
        say(f"end {'it' if len(stale) == 1 else 'them'}: make doctor FIX=1")
    found = leftovers(store.reader)
    if found and given.flag("FIX"):
        remove(found)
    if found:
        what = "removed" if given.flag("FIX") else "to be removed with FIX=1"
        say(f"  {len(found)} files that ended parents left, {what}: {found[0]}{' ...' if len(found) > 1 else ''}")
    _journals(given, store)
    for kept in waiting(store.folder / "spool"):
        refused = f", {kept.rejected} of them the store refused" if kept.rejected else ""
        say(f"  {kept.records} records of run {kept.run_id} wait for {kept.uri}{refused}: {kept.folder}")
    return 0


def _journals(given: Given, store: Store) -> None:
    """Trials that killed searches left open in their journals."""
    from dlcamp.paths import runs_folder

    if not any((runs_folder() / "studies").glob("*.journal")):
        return  # without a search Optuna need not be loaded
    from dlcamp.search.doctor import settle_stale, stale_trials

    stale, wrong = stale_trials()
    for line in wrong:
        say(f"  {line}")
    for one in stale:
        say(f"  {one.journal.name:<28} trial {one.number} RUNNING, but {one.why}")
    if stale and given.flag("FIX"):
        done = settle_stale(store, stale)
        say(f"settled {len(done)} trials: taken as their runs ended, or waiting for the next `make search`")
    elif stale:
        say(f"settle {'it' if len(stale) == 1 else 'them'}: make doctor FIX=1")


def _going_on(row: RunRow) -> str:
    """The command that goes on with a stopped run, or with an ablation."""
    return row.tags.get("dlcamp.command") or f"make exp RESUME={row.id[:8]}"
