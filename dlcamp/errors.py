"""Every error dlcamp raises on purpose, in one tree.

    DlcampError
    ├── UserError        exit 2   the user's mistake; no traceback
    │   ├── UnknownName           a name nothing answers to, with the nearest that does
    │   ├── ConfigError           a key or a value a config cannot take
    │   ├── DiscoveryError        experiment files that cannot be told apart or are not experiments
    │   ├── DataError             a data set, folder or file that cannot be used
    │   │   ├── ImageError        one image that cannot be read
    │   │   └── WeightsUnavailable   published weights that are not here and cannot be fetched
    │   └── StoreError            a store that cannot be used: read-only, full, of a newer MLflow, busy
    ├── Refusal          exit 3   a gate said no: every check is listed
    ├── RunFailed        exit 1   the body of a run raised; the run is FAILED and keeps the traceback
    │   └── BrokenPromise         the body ended without what it promised (objective, finite values)
    ├── RunPruned        a search gave the run up; it is KILLED, tagged as pruned, and keeps its curve
    └── RunInterrupted   exit 128 + signal   Ctrl-C or SIGTERM; the run is KILLED and keeps what was logged

A message says what was asked, what was got, and what to do. Anything else that escapes is a bug of ours
and shows its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DlcampError(Exception):
    """Root of the tree; `exit_code` is what the command line ends with."""

    exit_code = 1


class UserError(DlcampError):
    """Something the user asked for cannot be done as asked."""

    exit_code = 2


class UnknownName(UserError):
    """A name that does not exist.

    Args:
        kind: what was looked for ("experiment", "preset", "variable").
        name: what was asked.
        known: what exists.
        hint: what to do, when the nearest name is not enough.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        options = sorted(known)
        near = nearest(name, options)
        lines = [f"unknown {kind} {name!r}" + (f"; did you mean {near!r}?" if near else "")]
        if options and not (near and len(options) > 12):
            lines.append(f"known: {', '.join(options)}")
        if hint:
            lines.append(hint)
        super().__init__("\n".join(lines))
        self.nearest = near


class ConfigError(UserError):
    """A key, value or file that a config cannot take."""


class DiscoveryError(UserError):
    """Experiment files that cannot be told apart, or hold no or several experiments."""


class DataError(UserError):
    """A data set, folder or file that cannot be used."""


class ImageError(DataError):
    """One image that cannot be read; the message names it."""


class WeightsUnavailable(DataError):
    """Published weights are not here and cannot be fetched; the message says what else can be done."""


class StoreError(UserError):
    """The store cannot be opened, read or written."""


class Refusal(DlcampError):
    """A gate said no; the message lists the checks."""

    exit_code = 3


class RunFailed(DlcampError):
    """The body of a run raised, or its model did not reload."""


class BrokenPromise(RunFailed):
    """The body returned without what the experiment promised."""


class RunPruned(DlcampError):
    """Who watches the run's metrics gave it up: it would not become one of the best."""


class RunInterrupted(DlcampError):
    """SIGINT or SIGTERM ended the run.

    Args:
        signal_number: 2 or 15.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option that `name` was most likely meant to be, or None."""
    by_folded = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.55)
    return by_folded[found[0]] if found else None
