"""What a run writes to stdout and stderr, kept in a file, while a person still sees what Python prints.

The descriptors themselves are turned to the file, so that lines of C++ libraries (TensorFlow's) and of child
processes land there too: in the file only, since they are noise on a terminal. Python's prints go to both.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dlcamp.tracking.progress import Terminal, own_copy


@contextlib.contextmanager
def captured_output(path: Path, terminal: Terminal) -> Iterator[None]:
    """Turn stdout and stderr to the end of a file while the block runs.

    Args:
        path: the log; what it holds already stays (a resumed run).
        terminal: its bars are kept whole when something is printed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    before = sys.stdout, sys.stderr
    shown = own_copy(before[0]), own_copy(before[1])
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    try:
        sys.stdout, sys.stderr = (_Tee(stream, log, terminal) for stream in shown)
        for descriptor in saved:
            os.dup2(log, descriptor)
        yield
    finally:
        _flush()
        sys.stdout, sys.stderr = before
        for descriptor, copy in saved.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(log)
        for stream, original in zip(shown, before, strict=True):
            if stream is not original:
                stream.close()


class _Tee(io.TextIOBase):
    """Text that goes to the terminal and to the log."""

    def __init__(self, stream: IO[str], log: int, terminal: Terminal) -> None:
        self._stream = stream
        self._log = log
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str, /) -> int:
        os.write(self._log, text.encode("utf-8", errors="replace"))
        self._terminal.write(text, self._stream)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _flush() -> None:
    """Empty Python's and C's buffers, so that what was written before lands where it was meant to."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
