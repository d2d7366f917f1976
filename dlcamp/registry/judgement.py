"""What is asked of a judgement and what comes of it."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass

from dlcamp.errors import Refusal
from dlcamp.registry.looks import Looks
from dlcamp.registry.verdict import Verdict


@dataclass(frozen=True)
class Asked:
    """What the user wants besides a judgement.

    Args:
        margin: promote also what is not worse by so much, where it is smaller or faster; None: better only.
        force: why the gate is to be overruled; "": it is not.
        dry: judge and count the look, write nothing else.
        rescore: score a champion of other data on the present data.
        by: who asks; default the user of this process.
    """

    margin: float | None = None
    force: str = ""
    dry: bool = False
    rescore: bool = False
    by: str = ""


@dataclass(frozen=True)
class Judgement:
    """What was found, and who holds which title now.

    Args:
        titles: alias -> version. `kind`: of the model's inputs; "" where that was not seen.
        looks: at the validation items, this one included; None where nothing was scored.
        to_do: what helps against the first check that failed. `note`: what else must be said.
        overrulable: whether a reason would overrule all that failed.
        changed: False where the run is the champion already.
        dry: nothing was written.
    """

    verdict: Verdict
    titles: dict[str, str]
    kind: str = ""
    looks: Looks | None = None
    to_do: str = ""
    overrulable: bool = False
    note: str = ""
    changed: bool = True
    dry: bool = False

    @property
    def name(self) -> str:
        """Of the registered model."""
        return self.verdict.name

    @property
    def version(self) -> str:
        """Of the registered model; "" where it got none."""
        return self.verdict.version

    @property
    def run(self) -> str:
        """The candidate's name."""
        return self.verdict.run_name


class NotPromoted(Refusal):
    """The gate said no; the message lists the checks, `judgement` has them."""

    def __init__(self, judgement: Judgement, message: str) -> None:
        super().__init__(message)
        self.judgement = judgement


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for the user's number
        return f"user {os.getuid()}"
