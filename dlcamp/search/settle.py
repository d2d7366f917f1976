"""What became of a trial whose process is gone: told by its run in the tracking store, written into the journal.

A run that finished, was pruned or failed without anybody being told is taken as it is. One that was cut off waits
again, with the same values, seed and run, and goes on from its checkpoint; after the third lost worker it has failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from dlcamp.analysis.cells import KIND_TAG
from dlcamp.endings import STATE_TAG
from dlcamp.errors import UserError
from dlcamp.search.journal import Journal
from dlcamp.search.trial import result_of
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.doctor import end_stale, stale_runs
from dlcamp.tracking.lease import LEASE_TAG, is_alive
from dlcamp.tracking.protocol import RunRow, Store

TRIAL_TAG = "dlcamp.trial"
MOST_LOST = 3
"""The first attempt and two more."""

PATIENCE_SECONDS = 40.0
"""A worker whose parent was killed ends by itself, and closes its run before."""


def settle(journal: Journal, store: Store, number: int, metrics: Sequence[str], *, lost: bool) -> None:
    """Write into the journal what became of a RUNNING trial that nobody works on any more.

    Args:
        lost: whether a process died over it (and not the user stopped it): this may happen `MOST_LOST` times.
    """
    row = run_of(journal, store, number)
    if row is not None and row.status == "RUNNING":
        end_stale(store, [one for one in stale_runs(store.reader) if one.row.id == row.id])
    if row is not None and row.status == "FINISHED":
        take(journal, number, result_of(row, metrics))
    elif row is not None and row.tags.get(STATE_TAG) == "PRUNED":
        journal.prune(number)
    elif row is not None and row.status == "FAILED":
        journal.fail(number, row.tags.get("dlcamp.error", "it failed"))
    else:
        _cut_off(journal, number, row, lost)


def take(journal: Journal, number: int, result: dict) -> None:  # type: ignore[type-arg]
    """Write the result of a job (`trial.run_trial`)."""
    if result["status"] == "FINISHED":
        journal.finish(number, result["objectives"])
    elif result["status"] == "PRUNED":
        journal.prune(number)
    else:
        journal.fail(number, result["error"])


def _cut_off(journal: Journal, number: int, row: RunRow | None, lost: bool) -> None:
    count = journal.lost(number) + lost
    if lost:
        journal.note(number, lost=count)
    if row is not None:
        journal.link(number, row.id)
    if count < MOST_LOST:
        journal.requeue(number)
    else:
        journal.fail(number, f"the process that ran it died {count} times (out of memory?)")


def run_of(journal: Journal, store: Store, number: int) -> RunRow | None:
    """The run of a trial; where the journal has no link yet, the one whose tags say so."""
    linked, parent = journal.trial(number).run, journal.get("parent", "")
    known = {
        row.id: row for row in store.reader.runs(tags={KIND_TAG: "trial", PARENT_TAG: parent, TRIAL_TAG: str(number)})
    }
    return known.get(linked) or next(iter(known.values()), None)


def settle_all(journal: Journal, store: Store, metrics: Sequence[str], say: Callable[[str], None]) -> int:
    """Settle every trial that an earlier process left RUNNING; how many.

    The caller holds the study, so that no other process works on it, except workers that are about to end.

    Raises:
        UserError: such a worker does not end.
    """
    left = [trial.number for trial in journal.trials() if trial.status == "RUNNING"]
    for number in left:
        wait_for_worker(journal, store, number, say)
        settle(journal, store, number, metrics, lost=False)  # not the trial, its session was killed
    return len(left)


def wait_for_worker(journal: Journal, store: Store, number: int, say: Callable[[str], None]) -> None:
    """Wait for a worker whose parent was killed: it closes its run and ends.

    Raises:
        UserError: it does not.
    """
    deadline, told = time.monotonic() + PATIENCE_SECONDS, False
    while (row := run_of(journal, store, number)) is not None and row.status == "RUNNING":
        if not is_alive(row.tags.get(LEASE_TAG, "")):
            return
        if not told:
            say(f"trial {number}: a worker of the killed search is still ending; waiting for it")
            told = True
        if time.monotonic() > deadline:
            raise UserError(f"a worker still runs trial {number} ({row.name}): {row.tags[LEASE_TAG]}\nend it first")
        time.sleep(0.5)
