"""One thing that may go: what it is, why, and its removal, which looks once more whether somebody needs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dlcamp.errors import DlcampError
from dlcamp.room.sizes import size_of

IN_USE = "another process uses it"


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class Leftover:
    """One file or folder that may go.

    Args:
        kind: a key of `sweep.KINDS`.
        name: what a person calls it: a run's name, a model's id, a path.
        why: why nobody needs it.
        stays: asked right before the removal: why it must stay after all; "" where it may go.
        first: what is done before the files go, so that a kill in between leaves files that the next look finds and
            never a record without its files.
        lock: held by whoever uses it; it stays while somebody does.
    """

    kind: str
    name: str
    path: Path
    why: str
    stays: Callable[[], str] = _nothing
    first: Callable[[], Any] = _nothing
    lock: Path | None = None
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", size_of(self.path))


@dataclass(frozen=True)
class Kept:
    """Things that stay although they take room: what, how many, how many bytes, and what to do about it."""

    what: str
    count: int
    size: int
    advice: str

    @classmethod
    def of(cls, what: str, paths: Sequence[Path], advice: str) -> Kept:
        """Of files and folders, measured now."""
        return cls(what, len(paths), sum(map(size_of, paths)), advice)


@dataclass(frozen=True)
class Removal:
    """What came of removing one leftover: bytes freed, why it stayed ("": it was tried), files that could not go."""

    freed: int = 0
    stayed: str = ""
    problems: tuple[str, ...] = ()


def remove(one: Leftover) -> Removal:
    """Remove a leftover unless somebody needs it by now; whatever cannot be removed is named and the rest goes."""
    try:
        with held(_lock_of(one)) as free:
            why = one.stays() if free else IN_USE
            if why:
                return Removal(stayed=why)
            before = size_of(one.path)
            one.first()
            problems = remove_tree(one.path)
            return Removal(before - size_of(one.path), problems=tuple(problems))
    except (DlcampError, OSError) as error:
        return Removal(problems=(f"{one.path}: {error}",))


def _lock_of(one: Leftover) -> Path | None:
    """The lock to hold. One that lies inside and was never made is not: nobody holds it, and to make it would be to
    write into what has to be found untouched."""
    inside = one.lock is not None and one.lock.is_relative_to(one.path)
    return None if one.lock is None or (inside and not one.lock.exists()) else one.lock


def remove_tree(path: Path) -> list[str]:
    """Remove a file, a link or a folder; what could not be removed, a line each. What is gone already is no problem."""
    problems: list[str] = []

    def failed(_function: object, name: str, caught: Any) -> None:
        error = caught[1]
        if isinstance(error, FileNotFoundError):
            return
        # a folder that is not empty only because a file in it could not go is not named as well
        if not any(known.startswith(f"{name}{os.sep}") for known in problems):
            problems.append(f"{name}: {getattr(error, 'strerror', None) or error}")

    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=failed)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        problems.append(f"{path}: {error.strerror or error}")
    return problems


@contextmanager
def held(lock: Path | None) -> Iterator[bool]:
    """Hold a lock while the block runs; False where somebody else does. The lock may be removed in the block:
    filelock's waiters notice that the file they opened has lost its name, and begin anew."""
    if lock is None or not lock.parent.is_dir():
        yield True
        return
    existed = lock.exists()
    one = FileLock(lock)
    try:
        one.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        if not existed:
            lock.unlink(missing_ok=True)
        one.release()


def total(leftovers: Sequence[Leftover]) -> int:
    """Bytes of all of them."""
    return sum(one.size for one in leftovers)
