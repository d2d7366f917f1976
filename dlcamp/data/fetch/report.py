"""How fetching tells a person what goes on: lines, and how many bytes are done. The command line draws them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Advance(Protocol):
    """How far something is."""

    def advance(self, count: int) -> None:
        """Go on by a number of bytes; negative where something is done again."""


class Report(Protocol):
    """Where a person reads."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Advance]:
        """Show how far something is while the block runs; `total` in bytes, 0 where it is unknown."""
