"""A program for the tests of kills and of two at once: fetch the small data set from a server.

python -m tests.data.fetch.fetching URL [MOMENT [NUMBER]]    dies (SIGKILL) at the NUMBERth time MOMENT comes

Moments: `progress` (bytes arrived, were hashed or written), `examine` (all is written), `rename` (in the swap).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlcamp.data.fetch.obtain import obtain
from dlcamp.data.fetch.report import Advance
from tests.data.fetch.small import QUICK, Heard, entry, examine

_count = 0


def passing(moment: str) -> None:
    """Die here if it is the moment."""
    global _count
    if sys.argv[2:3] == [moment]:
        _count += 1
        if _count == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)


class _Told(Heard):
    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Advance]:
        yield self

    def advance(self, count: int) -> None:
        passing("progress")


def examined(folder: Path) -> list[str]:
    """Examine as usual, and pass the moment."""
    passing("examine")
    return examine(folder)


def _passing_after(function: Callable[..., Any], moment: str) -> Callable[..., Any]:
    def passed(*arguments: Any, **named: Any) -> Any:
        done = function(*arguments, **named)
        passing(moment)
        return done

    return passed


if __name__ == "__main__":
    os.rename = _passing_after(os.rename, "rename")
    checked = "tests.data.fetch.small:examine" if sys.argv[2:3] != ["examine"] else "__main__:examined"
    force = "again" in sys.argv
    got = obtain(entry(sys.argv[1], checked), report=_Told(), patience=replace(QUICK, stall=1.0), force=force)
    print("fresh" if got.fresh else "here already")
