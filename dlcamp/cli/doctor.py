"""`doctor`: what is wrong with the store, and with FIX=1 the mending of it."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say


def run(given: Given, root: Path) -> int:
    """List runs left RUNNING by dead processes, values kept in the spool; FIX=1 ends and stores them."""
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
        say(
            f"ended {len(stale)} as KILLED; what they logged is kept. "
            f"Go on with one: make exp RESUME={stale[0].row.id[:8]}"
        )
    else:
        say(f"end {'it' if len(stale) == 1 else 'them'}: make doctor FIX=1")
    for kept in waiting(store.folder / "spool"):
        refused = f", {kept.rejected} of them the store refused" if kept.rejected else ""
        say(f"  {kept.records} records of run {kept.run_id} wait for {kept.uri}{refused}: {kept.folder}")
    return 0
