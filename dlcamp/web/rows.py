"""What pages read from a run's row: what it is on, whether it still lives, how claims were judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from dlcamp.analysis.cells import KIND_TAG
from dlcamp.analysis.claim_verdicts import applies
from dlcamp.analysis.claims_file import Remembered
from dlcamp.endings import STATE_TAG
from dlcamp.experiment import Claim
from dlcamp.tracking.lease import LEASE_TAG, Lease, why_dead
from dlcamp.tracking.protocol import RunRow

CLAIMS_TAG, PRESET_TAG = "dlcamp.claims", "dlcamp.preset"
TRIAL_TAG = "dlcamp.trial"  # a search numbers its trials; those that choose the strengths of an ablation have no number
SMOKE, ABLATION, SEARCH, REPLICATION = "smoke", "ablation", "search", "replication"
SEARCHED = "searched"
ABLATIONS = (ABLATION, REPLICATION)
"""Kinds of parents whose children are cells."""
PARENTS = (*ABLATIONS, SEARCH)


def judged(row: RunRow) -> Remembered | None:
    """The verdicts of a run's claims; None where it has none."""
    try:
        pairs = tuple((str(statement), str(verdict)) for statement, verdict in json.loads(row.tags[CLAIMS_TAG]))
    except (KeyError, ValueError, TypeError):
        return None
    return Remembered(data_of(row), preset_of(row), row.id, moment_of(row), pairs) if pairs else None


def newest(rows: Iterable[RunRow], kept: Iterable[Remembered] = ()) -> Remembered | None:
    """The newest verdicts that count: of an ablation before a single run, never of a smoke run.

    Args:
        rows: newest first.
        kept: what is remembered beside the store, for runs that are older than the rows.
    """
    return next(_all_judged(rows, kept), None)


def by_claim(
    claims: Iterable[Claim], rows: Sequence[RunRow], kept: Sequence[Remembered] = ()
) -> dict[str, tuple[str, Remembered]]:
    """Statement -> its newest verdict that counts, where the claim is judged (preset, data set), and what said so."""
    found: dict[str, tuple[str, Remembered]] = {}
    for claim in claims:
        for one in _all_judged(rows, kept):
            verdict = dict(one.claims).get(claim.statement)
            if verdict and applies(claim, one.preset, one.data):
                found[claim.statement] = verdict, one
                break
    return found


def _all_judged(rows: Iterable[RunRow], kept: Iterable[Remembered]) -> Iterator[Remembered]:
    """What counts, in the order in which it does."""
    whole = [row for row in rows if preset_of(row) != SMOKE]
    for kind in (ABLATION, "run"):
        for row in whole:
            if kind_of(row) == kind and (found := judged(row)) is not None:
                yield found
    yield from (one for one in kept if one.preset != SMOKE and one.claims)


def data_of(row: RunRow) -> str:
    """The name of the data set that a run is on."""
    return row.tags.get("dlcamp.data") or row.params.get("data", "")


def preset_of(row: RunRow) -> str:
    """The preset of a run; "" where it has none."""
    return row.tags.get(PRESET_TAG, "")


def kind_of(row: RunRow) -> str:
    """One of PARENTS, `cell`, `replicate` and `trial` for their children, `searched` for a search's, else `run`."""
    kind = row.tags.get(KIND_TAG, "run")
    return SEARCHED if kind == "trial" and TRIAL_TAG in row.tags else kind


def parents(rows: Iterable[RunRow], kinds: Sequence[str] = PARENTS) -> list[RunRow]:
    """The ablations and searches among rows."""
    return [row for row in rows if kind_of(row) in kinds]


def runs(rows: Iterable[RunRow]) -> list[RunRow]:
    """Everything but the parents."""
    return [row for row in rows if kind_of(row) not in PARENTS]


def address_of(row: RunRow) -> str:
    """Where a parent's page is."""
    return f"/{'searches' if kind_of(row) == SEARCH else 'ablations'}/{row.id}"


def state_of(row: RunRow) -> str:
    """The status in words: `pruned` for what a search gave up, `died` for what nobody works on any more."""
    if row.tags.get(STATE_TAG) == "PRUNED" and row.status == "KILLED":
        return "pruned"
    return "died" if why_stale(row) else row.status.lower()


def moment_of(row: RunRow) -> float:
    """When a run ended, or began where it has not."""
    return row.ended or row.started


def why_stale(row: RunRow) -> str:
    """Why nobody works any more on a run that says RUNNING; empty while somebody may."""
    lease = Lease.parse(row.tags.get(LEASE_TAG, "")) if row.status == "RUNNING" else None
    return why_dead(lease) if lease is not None else ""
