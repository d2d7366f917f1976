"""Progress on the person's terminal: lines and live bars that stay there while the output of a run goes into a file.

On a terminal a bar is redrawn in place; elsewhere (a file, a CI log) a plain line appears now and then.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

from tqdm import tqdm

PLAIN_SECONDS = 15.0


class Terminal:
    """Where a person reads.

    Args:
        stream: a text stream; a live bar is drawn when it is a terminal.
        plain_seconds: least pause between the plain lines that stand for a bar elsewhere.
    """

    def __init__(self, stream: IO[str], plain_seconds: float = PLAIN_SECONDS) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self._plain_seconds = plain_seconds
        self._bars: list[tqdm[Any]] = []
        self._lock = threading.RLock()

    @classmethod
    def standard(cls) -> Terminal:
        """Standard error as it is now: redirecting the descriptor later does not move it."""
        return cls(own_copy(sys.stderr))

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        self.write(line + "\n")

    def write(self, text: str, stream: IO[str] | None = None) -> None:
        """Write text as it is, to this stream or to another that ends at the same place, around the bars."""
        target = stream or self.stream
        with self._lock:
            for bar in self._bars:
                bar.clear(nolock=True)
            with contextlib.suppress(OSError, ValueError):  # a terminal that was closed ends no run
                target.write(text)
                target.flush()
            # A bar redrawn behind half a line would be taken for its end.
            if text.endswith("\n"):
                for bar in self._bars:
                    bar.refresh(nolock=True)

    @contextlib.contextmanager
    def progress(self, total: int, what: str, unit: str) -> Iterator[Progress]:
        """Show how far something is while the block runs.

        Args:
            total: how many units there are.
            what: what is being done ("training").
            unit: one step of it ("epoch").
        """
        progress = _Bar(self, total, what, unit) if self.live else _Lines(self, total, what, unit, self._plain_seconds)
        try:
            yield progress
        finally:
            progress.close()


class Progress:
    """How far something is; `advance` with what is worth showing beside it."""

    def advance(self, n: int = 1, **shown: object) -> None:
        """Go on by `n` units; `shown` are the newest numbers ("val_loss=0.31")."""
        raise TypeError("use Terminal.progress")

    def close(self) -> None:
        """End the display."""


class _Bar(Progress):
    def __init__(self, terminal: Terminal, total: int, what: str, unit: str) -> None:
        self._terminal = terminal
        self._bar: tqdm[Any] = tqdm(
            total=total,
            desc=what,
            unit=f" {unit}",
            file=terminal.stream,
            dynamic_ncols=True,
            leave=False,
            mininterval=0.1,
        )
        terminal._bars.append(self._bar)

    def advance(self, n: int = 1, **shown: object) -> None:
        with self._terminal._lock:
            if shown:
                self._bar.set_postfix_str(_shown(shown), refresh=False)
            self._bar.update(n)

    def close(self) -> None:
        with self._terminal._lock:
            if self._bar in self._terminal._bars:
                self._terminal._bars.remove(self._bar)
            self._bar.close()


class _Lines(Progress):
    def __init__(self, terminal: Terminal, total: int, what: str, unit: str, seconds: float) -> None:
        self._terminal = terminal
        self._total, self._what, self._unit = total, what, unit
        self._seconds = seconds
        self._done = 0
        self._started = self._said = time.monotonic()
        self._unsaid = False

    def advance(self, n: int = 1, **shown: object) -> None:
        self._done += n
        self._unsaid = self._done < self._total
        now = time.monotonic()
        if now - self._said >= self._seconds or self._done >= self._total > 0:
            self._said = now
            rest = f"  {_shown(shown)}" if shown else ""
            spent = now - self._started
            self._terminal.say(f"{self._what}: {self._done}/{self._total} {self._unit}, {spent:.0f} s{rest}")


def _shown(values: dict[str, object]) -> str:
    return " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items()
    )


def own_copy(stream: IO[str]) -> IO[str]:
    """A stream to where `stream` leads now; the stream itself when it has no descriptor of its own (tests)."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream
    if descriptor not in (1, 2):
        return stream
    return os.fdopen(os.dup(descriptor), "w", encoding=getattr(stream, "encoding", None) or "utf-8", errors="replace")
