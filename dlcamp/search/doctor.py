"""What killed searches leave in their journals: trials that are RUNNING though nobody works on them.

A study is held by a lock while it is searched, and its lease says by whom: host, boot, process, start and heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.study import get_all_study_names

from dlcamp.errors import DlcampError
from dlcamp.search.journal import Journal, studies_folder
from dlcamp.search.journal_file import locked, storage_of, studies_in
from dlcamp.search.settle import settle, wait_for_worker
from dlcamp.tracking.lease import Lease, why_dead
from dlcamp.tracking.protocol import Store


@dataclass(frozen=True)
class StaleTrial:
    """A trial that is RUNNING in a journal though its process is dead; `why` says how that is known."""

    journal: Path
    study: str
    number: int
    why: str


def stale_trials() -> tuple[list[StaleTrial], list[str]]:
    """The stale trials of every journal, and what is wrong with journals that cannot be read."""
    found: list[StaleTrial] = []
    wrong: list[str] = []
    for path in sorted(studies_folder().glob("*.journal")):
        try:
            studies_in(path)
            for journal in _journals(path):
                why = _why(journal)
                numbers = [trial.number for trial in journal.trials() if trial.status == "RUNNING"]
                found += [StaleTrial(path, journal.study.study_name, number, why) for number in numbers if why]
        except (DlcampError, OSError) as error:
            wrong.append(str(error))
        except Exception as error:  # whatever Optuna raises at records that it cannot replay
            wrong.append(f"{path} cannot be read as an Optuna journal ({type(error).__name__}: {error})")
    return found, wrong


def _journals(path: Path) -> Iterator[Journal]:
    import optuna

    storage = storage_of(path)
    for name in get_all_study_names(storage):
        yield Journal(path, optuna.load_study(study_name=name, storage=storage), {})


def _why(journal: Journal) -> str:
    """Why nobody works on the study; "" while somebody may."""
    lease = Lease.parse(journal.get("lease", ""))
    if lease is None:
        return ""  # not ours to judge
    with locked(journal.path) as free:
        return why_dead(lease) if free else ""


def settle_stale(store: Store, stale: Sequence[StaleTrial]) -> list[StaleTrial]:
    """Take each as its run ended; one that was cut off waits for the next session, or has failed for good."""
    done = []
    for one in stale:
        with locked(one.journal) as free:
            if not free:
                continue
            journal = next(j for j in _journals(one.journal) if j.study.study_name == one.study)
            if journal.trial(one.number).status == "RUNNING":
                wait_for_worker(journal, store, one.number, lambda line: None)
                settle(journal, store, one.number, journal.get("metrics", []), lost=False)
                done.append(one)
    return done
