"""What reaches a run from outside: SIGTERM and pruning as exceptions, and one lock for one thing at a time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Terminated(BaseException):
    """SIGTERM, raised in the main thread so that the run can be closed."""


class Pruned(BaseException):
    """Raised out of `run.metrics` where a search gives a run up; no `except Exception` of a body may swallow it."""


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C does; restored afterwards. Only the main thread can do this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_number: int, _frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait outside while something closes; only the main thread can do this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def only_one(digest: str, folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Of two processes that ask for one digest the second waits until the first is through.

    Args:
        folder: where lock files lie, one a digest.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder / f"{digest[:32]}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("another process is running exactly this; waiting for it (Ctrl-C gives up)")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
