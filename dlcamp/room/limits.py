"""What a look at the disk goes by: the moment, and how long a thing must have been left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from dlcamp.room.sizes import touched

DAY = 86400.0
OLDER = 7.0
"""Days that interrupted runs, and things that may yet be gone on with, are kept unless told otherwise."""


@dataclass(frozen=True)
class Limits:
    """How long things are kept.

    Args:
        days: that runs which may be resumed are kept, and whatever else only its age can be told by.
        now: seconds since the epoch.
    """

    days: float = OLDER
    now: float = field(default_factory=time.time)

    def over(self, moment: float) -> bool:
        """Whether a moment (seconds since the epoch) lies `days` back."""
        return self.now - moment >= self.days * DAY

    def left_alone(self, path: Path) -> bool:
        """Whether nothing in a file or folder was written for `days`, and never less than one day: of a thing that
        carries no lease only this says that no process is at work on it."""
        return self.now - touched(path) >= max(self.days, 1.0) * DAY

    @property
    def said(self) -> str:
        """`7 days`."""
        return f"{self.days:g} day{'' if self.days == 1 else 's'}"
