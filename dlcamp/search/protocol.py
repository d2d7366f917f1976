"""The seam between a study and who proposes its trials. An engine is whatever passes `tests/contracts/searching.py`.

The journal is the record, for every engine; an engine only proposes values and hears how trials ended.
"""

from __future__ import annotations

from typing import Protocol

from dlcamp.analysis.searched import SearchTrial


class Engine(Protocol):
    """Who proposes the trials of one study."""

    @property
    def name(self) -> str:
        """The sampler or tuner, as it is noted on each trial: "tpe", "hyperband"."""

    def ask(self) -> int | None:
        """Open the next trial in the journal, as RUNNING, with its values and seed noted; its number.

        None: there is nothing to propose, for good when no trial is open, else until one of them has ended.
        """

    def complete(self, number: int) -> None:
        """Give a trial that was opened again the values it lacks; a killed process may have left it half asked."""

    def told(self, trial: SearchTrial) -> None:
        """A trial has ended, as the journal has it."""
