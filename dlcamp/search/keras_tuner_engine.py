"""Trials proposed by Keras Tuner's oracles; its own loop never runs, and it is imported (seconds) only to propose.

The journal is the record, and the oracle is laid out from it at the start of every session and followed trial by
trial. Keras Tuner's own files are written and never read: nothing that a killed process left in them, or that another
study put there, can reach a proposal. With the same SEED and the same journal the next trial is the same.

Hyperband (Li et al., JMLR 18, 2018) allots the field `epochs`. A promoted config is trained anew with more of them:
no weights are handed on, so that each trial is a run like any other.
"""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.searched import SearchTrial, space_record
from dlcamp.errors import StoreError, UnknownName, UserError
from dlcamp.search.journal import NOTE, Journal
from dlcamp.search.optuna_engine import pruner_of
from dlcamp.search.space import SearchSpace, nearest_point, trial_seed
from dlcamp.search.translate import distributions, told

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from dlcamp.search.oracles import Oracle

TUNERS = ("hyperband", "bayesian", "random")
FACTOR = 3
"""Hyperband keeps one config of three, and gives it three times the epochs."""

_NEEDED = {"keras_tuner": "keras-tuner", "tensorboard": "tensorboard"}  # it imports the second without asking for it
_WHOSE = "study.json"


def check_tuner(name: str, space: SearchSpace, objectives: int, total: int | None = None) -> None:
    """Whether the tuner exists, is installed and can search this space; imports nothing heavy.

    Args:
        objectives: how many.
        total: number of trials asked for; None: it is not looked at.

    Raises:
        UnknownName: no tuner of that name.
        UserError: not installed, several objectives, or no epochs that Hyperband could allot.
    """
    if name not in TUNERS:
        raise UnknownName("tuner", name, TUNERS)
    if objectives > 1:
        raise UserError(
            f"Keras Tuner goes by one objective, and there are {objectives}: name one in OBJECTIVES, or ENGINE=optuna"
        )
    if missing := [package for module, package in _NEEDED.items() if not _installed(module)]:
        raise UserError(
            f"ENGINE=keras_tuner needs {' and '.join(missing)}, which {'are' if len(missing) > 1 else 'is'} not "
            f"installed: .venv/bin/pip install {' '.join(missing)}; or ENGINE=optuna"
        )
    if name == "hyperband":
        _check_epochs(space)
        _check_rounds(space, total)


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that was set to None on purpose
        return False


def _check_epochs(space: SearchSpace) -> None:
    name = space.experiment.name
    if "epochs" in space.spaces:
        raise UserError(
            "TUNER=hyperband allots the epochs itself, so they cannot be searched: "
            "leave epochs out of SPACE, or fix their largest number with SET=epochs=..."
        )
    most = space.fixed.get("epochs")
    if not isinstance(most, int) or isinstance(most, bool):
        raise UserError(
            f"TUNER=hyperband allots epochs, and {name} has no whole-numbered field `epochs`: "
            "take TUNER=bayesian or TUNER=random"
        )
    if most < FACTOR:
        raise UserError(
            f"TUNER=hyperband gives most configs a third of the epochs or less, and {name} has epochs={most}: "
            f"SET=epochs={FACTOR**2} or more, or another tuner"
        )
    declared = space.experiment.config_type.tunables().get("epochs")
    valid = declared.valid if declared else None
    wrong = [epochs for _, epochs in first_bracket(most) if valid is not None and epochs not in valid]
    if wrong:
        raise UserError(
            f"TUNER=hyperband would train for {wrong[0]} of {most} epochs, and {name}'s epochs take {valid}: "
            "another number of epochs (SET=epochs=...), or another tuner"
        )


def _check_rounds(space: SearchSpace, total: int | None) -> None:
    most = space.fixed["epochs"]
    rounds = first_bracket(most)
    configs, epochs = rounds[0]
    size = space.size
    if size is not None and size - 1 < configs:
        raise UserError(
            f"TUNER=hyperband begins with {configs} different configs, and the space holds {size - 1} beside the "
            "defaults: search a wider SPACE, fewer epochs (SET=epochs=...), or another tuner"
        )
    if total is not None and total < configs + 2:
        raise UserError(
            f"TRIALS={total} ends before Hyperband keeps anything: with epochs={most} its first round is "
            f"{configs} trials of {epochs} epochs\n"
            f"TRIALS={1 + sum(count for count, _ in rounds)} is the defaults and one bracket; or fewer epochs "
            "(SET=epochs=...), or TUNER=bayesian"
        )


def first_bracket(most: int) -> list[tuple[int, int]]:
    """Number of configs and their epochs, a round, of Hyperband's first bracket under `most` epochs."""
    brackets, left = 0, float(most)
    while left >= 1:
        left /= FACTOR
        brackets += 1
    last = math.ceil(1 + math.log(most, FACTOR)) / brackets
    return [(math.ceil(last * FACTOR**down), math.ceil(most / FACTOR**down)) for down in reversed(range(brackets))]


class KerasTunerEngine:
    """Proposes by an oracle of Keras Tuner that is seeded anew for each trial, by the trial's number.

    Args:
        tuner: of `TUNERS`.
        total: trials that the study shall have.
        folder: for the files that Keras Tuner writes; one that is not this study's is moved aside.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, journal: Journal, space: SearchSpace, seed: int, tuner: str, total: int, folder: Path) -> None:
        self._journal, self._space, self._seed, self._total, self._folder = journal, space, seed, total, folder
        self.name = tuner
        journal.study.pruner = pruner_of("none")
        self._seen: dict[int, tuple[int, int]] = {}
        self._oracle: Oracle | None = self._made()

    def ask(self) -> int | None:
        """Open the next trial with the values that the oracle gives.

        None: the space is exhausted or the total reached; or, while trials are open, Hyperband waits for them.
        """
        oracle, count = self._followed()
        seed = trial_seed(self._seed, count)
        try:
            with warnings.catch_warnings():  # of scikit-learn's fits, and of what Keras Tuner itself has deprecated
                warnings.simplefilter("ignore")
                proposed = oracle.propose(count, seed)
            if proposed is None:
                return None
            note = {"seed": seed, "sampler": self.name, **proposed.note}
            number = self._journal.add(proposed.values, note)
            self.told(self._journal.trial(number))
        except BaseException:
            self._oracle = None  # it may hold what the journal does not: the next one is laid out from the journal
            raise
        return number

    def complete(self, number: int) -> None:
        """Give the trial random values where it lacks some, and Hyperband's most epochs."""
        lacking = [name for name in self._space.spaces if name not in self._journal.trial(number).values]
        if not lacking:
            return
        oracle, _ = self._followed()
        seed = trial_seed(self._seed, number)
        drawn = oracle.drawn(seed) or self._space.defaults
        for name in lacking:
            self._set(number, name, nearest_point(self._space.spaces[name], drawn[name]))
        epochs = {"values": {"epochs": self._space.fixed["epochs"]}} if self.name == "hyperband" else {}
        self._journal.note(number, seed=seed, sampler=self.name, **epochs)

    def told(self, trial: SearchTrial) -> None:
        """Follow the trial, and write Keras Tuner's files."""
        if self._oracle is not None:
            self._follow(self._oracle, trial, self._frozen()[trial.number])
            self._oracle.keep(trial.number)

    def _set(self, number: int, name: str, value: Any) -> None:
        study = self._journal.study
        one = distributions({name: self._space.spaces[name]})[name]
        known = study.get_trials(deepcopy=False)[number]
        study._storage.set_trial_param(
            known._trial_id, name, one.to_internal_repr(told(self._space.spaces[name], value)), one
        )

    # the oracle, in line with the journal --------------------------------------------------------------------

    def _followed(self) -> tuple[Oracle, int]:
        """The oracle with everything that the journal has, and how many trials that are."""
        if self._oracle is None:
            self._oracle = self._made()
        frozen = self._frozen()
        for one in frozen:
            if self._seen.get(one.number) != _seen(one):
                self._follow(self._oracle, self._journal.trial(one.number), one)
        return self._oracle, len(frozen)

    def _follow(self, oracle: Oracle, row: SearchTrial, frozen: FrozenTrial) -> None:
        oracle.follow(row, frozen.user_attrs.get(NOTE, {}).get("oracle"))
        self._seen[row.number] = _seen(frozen)

    def _frozen(self) -> list[FrozenTrial]:
        return self._journal.study.get_trials(deepcopy=False)

    def _made(self) -> Oracle:
        from dlcamp.search.oracles import oracle_of

        most = self._space.fixed.get("epochs") if self.name == "hyperband" else None
        oracle = oracle_of(self.name, self._space, self._journal.study.direction.name, self._total, most)
        self._seen.clear()
        for row, one in zip(self._journal.trials(), self._frozen(), strict=True):
            self._follow(oracle, row, one)
        try:
            _begin(self._folder, self._whose())
            oracle.keep_all(self._folder)
        except OSError as error:
            raise StoreError(
                f"Keras Tuner's state cannot be written: {error}\n"
                "make it writable, or set DLCAMP_HOME to another folder"
            ) from None
        return oracle

    def _whose(self) -> dict[str, Any]:
        spaces = {name: space_record(space) for name, space in self._space.spaces.items()}
        return {"study": self._journal.study.study_name, "tuner": self.name, "spaces": spaces}


def _seen(frozen: FrozenTrial) -> tuple[int, int]:
    """What of a trial changes: its state and, where it was half asked, its values."""
    return frozen.state, len(frozen.params)


def _begin(folder: Path, whose: Mapping[str, Any]) -> None:
    """Empty the folder of this study, or put a folder that is not its own aside and begin one."""
    mine = json.dumps(whose, indent=1, default=str)
    label = folder / _WHOSE
    if folder.exists() and _text(label) != mine:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        else:
            folder.rename(folder.with_name(f"{folder.name}.aside-{time.time_ns()}"))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old != label:
            old.unlink()
    if not label.exists():
        part = folder.with_name(f"{folder.name}.part")
        part.write_text(mine, "utf-8")
        part.replace(label)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
