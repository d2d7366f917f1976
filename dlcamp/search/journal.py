"""The record of a study: one Optuna journal file, for every engine, from which everything can be told and resumed.

Its line is written before anything happens that it speaks of, and it is the truth where the tracking store knows
less: each trial has its values, seed, run, attempts, curve and end in it. Attributes of ours start with `dlcamp:`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from dlcamp.analysis.searched import SearchTrial, Status
from dlcamp.experiment import Objective
from dlcamp.paths import runs_folder
from dlcamp.search.journal_file import opened
from dlcamp.search.translate import distributions, read, told
from dlcamp.spaces import Space
from dlcamp.tracking.lease import Lease

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

optuna.logging.set_verbosity(optuna.logging.ERROR)

NOTE, RUN, ERROR = "dlcamp:trial", "dlcamp:run", "dlcamp:error"

_STATUS: dict[TrialState, Status] = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "PRUNED",
    TrialState.FAIL: "FAILED",
    TrialState.RUNNING: "RUNNING",
    TrialState.WAITING: "WAITING",
}


def studies_folder() -> Path:
    """Where journals lie."""
    return runs_folder() / "studies"


def journal_path(experiment: str, digest: str) -> Path:
    """The journal of a study."""
    return studies_folder() / f"{experiment}-{digest[:8]}.journal"


class Journal:
    """An open journal and the study in it.

    Args:
        spaces: what is searched; values are read by it.
    """

    def __init__(self, path: Path, study: optuna.Study, spaces: Mapping[str, Space]) -> None:
        self.path, self.study, self.spaces = path, study, spaces

    @classmethod
    def open(
        cls, path: Path, name: str, objectives: Sequence[Objective], spaces: Mapping[str, Space], create: bool = True
    ) -> Journal:
        """Open the journal, or begin it.

        Raises:
            StoreError: no journal, of another study, or not to be written; the file stays as it is.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = opened(path, name, [one.direction for one in objectives], create)
        return cls(path, optuna.load_study(study_name=name, storage=storage), spaces)

    # reading -------------------------------------------------------------------------------------------------

    def trials(self) -> list[SearchTrial]:
        """Every trial, by number."""
        return [self._row(one) for one in self.study.get_trials(deepcopy=False)]

    def trial(self, number: int) -> SearchTrial:
        """One trial."""
        return self._row(self.study.get_trials(deepcopy=False)[number])

    def lost(self, number: int) -> int:
        """How often the process died that worked on a trial."""
        return int(self.study.get_trials(deepcopy=False)[number].user_attrs.get(NOTE, {}).get("lost", 0))

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute of the study."""
        return self.study.user_attrs.get(f"dlcamp:{name}", default)

    def _row(self, one: FrozenTrial) -> SearchTrial:
        note = one.user_attrs.get(NOTE, {})
        values = {name: read(self.spaces[name], value) for name, value in one.params.items() if name in self.spaces}
        values |= note.get("values", {})
        status = _STATUS[one.state]
        return SearchTrial(
            number=one.number,
            status=status,
            values=values,
            seed=note.get("seed", 0),
            objectives=tuple(one.values) if status == "FINISHED" else (),
            run=one.user_attrs.get(RUN, ""),
            curve=tuple(sorted((s, v) for s, v in one.intermediate_values.items() if math.isfinite(v))),
            started=one.datetime_start.timestamp() if one.datetime_start else None,
            ended=one.datetime_complete.timestamp() if one.datetime_complete else None,
            error=one.user_attrs.get(ERROR, ""),
            attempts=note.get("attempts", 0),
            defaults=bool(note.get("defaults")),
            sampler=note.get("sampler", ""),
            changed=bool(note.get("changed")),
        )

    # writing -------------------------------------------------------------------------------------------------

    def put(self, name: str, value: Any) -> None:
        """Set an attribute of the study."""
        self.study.set_user_attr(f"dlcamp:{name}", value)

    def beat(self) -> None:
        """Say that this process holds the study."""
        self.put("lease", Lease.of_this_process().text())

    def enqueue(self, values: Mapping[str, Any], note: Mapping[str, Any]) -> None:
        """Put a trial with these values at the end; it waits."""
        self._add(values, note, TrialState.WAITING)

    def add(self, values: Mapping[str, Any], note: Mapping[str, Any]) -> int:
        """Open a trial with these values; its number."""
        self._add(values, note, TrialState.RUNNING)
        return len(self.study.get_trials(deepcopy=False)) - 1

    def _add(self, values: Mapping[str, Any], note: Mapping[str, Any], state: TrialState) -> None:
        self.study.add_trial(
            create_trial(
                state=state,
                params={name: told(space, values[name]) for name, space in self.spaces.items()},
                distributions=distributions(self.spaces),
                user_attrs={NOTE: dict(note)},
            )
        )

    def reopen(self) -> int | None:
        """Open the first trial that waits; None where none does."""
        if not self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return None
        return self.study.ask().number

    def note(self, number: int, **values: Any) -> None:
        """Add to what is noted of a trial."""
        known = self.study.get_trials(deepcopy=False)[number].user_attrs.get(NOTE, {})
        self._storage.set_trial_user_attr(self._id(number), NOTE, {**known, **values})

    def link(self, number: int, run: str) -> None:
        """Say which run a trial is."""
        self._storage.set_trial_user_attr(self._id(number), RUN, run)

    def finish(self, number: int, values: Sequence[float]) -> None:
        """The trial has ended with a value an objective."""
        self.study.tell(number, list(values), state=TrialState.COMPLETE)

    def prune(self, number: int) -> None:
        """The trial was given up."""
        self.study.tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, error: str) -> None:
        """The trial has failed."""
        self._storage.set_trial_user_attr(self._id(number), ERROR, error[:2000])
        self.study.tell(number, state=TrialState.FAIL)

    def requeue(self, number: int) -> None:
        """A trial that was running waits again, with the same values, seed and run."""
        self._storage.set_trial_state_values(self._id(number), TrialState.WAITING)

    def _id(self, number: int) -> int:
        return self.study.get_trials(deepcopy=False)[number]._trial_id

    @property
    def _storage(self) -> BaseStorage:
        return self.study._storage
