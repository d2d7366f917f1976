"""What `doctor` looks for in a store: runs left RUNNING by dead processes, and records that were never sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcamp.tracking.lease import LEASE_TAG, Lease, why_dead
from dlcamp.tracking.protocol import Reader, RunRow, Store
from dlcamp.tracking.spool import RECORDS, pending

ENDED_TAG = "dlcamp.ended"


@dataclass(frozen=True)
class StaleRun:
    """A run that is RUNNING in the store though its process is dead; `why` says how that is known."""

    row: RunRow
    why: str


@dataclass(frozen=True)
class Waiting:
    """Records of a run that wait on disk for a store; `rejected` ones will never be taken."""

    run_id: str
    uri: str
    folder: Path
    records: int
    rejected: int


def stale_runs(reader: Reader, now: float | None = None) -> list[StaleRun]:
    """RUNNING runs whose lease is dead, newest first; runs without a lease are not ours to judge."""
    found = []
    for row in reader.runs(status="RUNNING"):
        lease = Lease.parse(row.tags.get(LEASE_TAG, ""))
        why = "" if lease is None else why_dead(lease, now)
        if why:
            found.append(StaleRun(row, why))
    return found


def end_stale(store: Store, stale: Sequence[StaleRun]) -> list[StaleRun]:
    """End stale runs as KILLED, saying why in the tag `dlcamp.ended`; those that were ended.

    Each is looked at again first: it may have been resumed since.
    """
    ended = []
    for one in stale:
        row = store.reader.run(one.row.id)
        if row.status != "RUNNING" or row.tags.get(LEASE_TAG) != one.row.tags.get(LEASE_TAG):
            continue
        run = store.tracker.resume(row.id)
        run.tags({ENDED_TAG: f"doctor: {one.why}"})
        run.end("KILLED")
        ended.append(one)
    return ended


def waiting(spool_folder: Path) -> list[Waiting]:
    """What `mlruns/spool` holds, for any store."""
    found = []
    for spool in pending(spool_folder):
        rejected = spool.folder / "rejected.jsonl"
        count = len(rejected.read_text(encoding="utf-8").splitlines()) if rejected.exists() else 0
        found.append(Waiting(spool.run_id, spool.uri, spool.folder / RECORDS, len(spool.records()), count))
    return found
