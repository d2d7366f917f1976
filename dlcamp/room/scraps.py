"""Small things that killed processes leave: spools that were sent, locks, downloads, temporary files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dlcamp.paths import data_folder, runs_folder
from dlcamp.room.leftover import IN_USE, Leftover
from dlcamp.room.limits import Limits
from dlcamp.tracking.spool import RECORDS

SPOOLS, FETCHED, LOCKS, TEMPORARY = "sent spools", "fetched copies", "locks", "temporary"
_OF_REPRODUCE = "dlcamp-reproduce-"
"""Worktrees that git knows of: `reproduce.worktree` removes those of killed processes."""


def find(limits: Limits) -> list[Leftover]:
    """All of them; what anybody may still be at work on, by its lock or its age, is left out."""
    return [*_spools(limits), *_fetched(limits), *_locks(limits), *_parts(limits), *_yards(limits), *_scratch(limits)]


def _aged(kind: str, path: Path, why: str, limits: Limits, lock: Path | None = None) -> Iterator[Leftover]:
    """The thing, if it was left alone for long enough, now and when it is to be removed."""

    def stays() -> str:
        return "" if limits.left_alone(path) else IN_USE

    if not stays():
        yield Leftover(kind, _short(path), path, why, stays, lock=lock)


def _spools(limits: Limits) -> Iterator[Leftover]:
    """Spools without records: the store has them, or refused them for good."""
    for folder in _children(runs_folder() / "spool"):
        if folder.is_dir() and not (folder / RECORDS).exists():
            refused = (folder / "rejected.jsonl").exists()
            why = "the store refused what is left of it for good" if refused else "everything in it was sent"
            yield from _aged(SPOOLS, folder, why, limits, folder / "lock")


def _fetched(limits: Limits) -> Iterator[Leftover]:
    for folder in _children(runs_folder() / "fetched"):
        yield from _aged(FETCHED, folder, "files of a server's run, fetched again when asked for", limits)


def _locks(limits: Limits) -> Iterator[Leftover]:
    for path in _children(runs_folder() / "locks"):
        if path.suffix == ".lock":
            yield from _aged(LOCKS, path, "nobody holds it", limits, path)


def _parts(limits: Limits) -> Iterator[Leftover]:
    """Drafts that were never renamed to what they should become, and caches of benchmarks."""
    why = "a killed process was writing it"
    for pattern in ("features/*/views/*.part", "weights/*.part", "features/throughput-*"):
        for path in sorted(data_folder().glob(pattern)):
            yield from _aged(TEMPORARY, path, why, limits)


def _yards(limits: Limits) -> Iterator[Leftover]:
    """Half-fetched data sets. One whose old state waits there to be put back is left to `make data`."""
    for folder in _children(data_folder() / ".fetch"):
        waits = (folder / "old").exists() and not (data_folder() / folder.name).exists()
        if folder.is_dir() and not waits:
            lock = folder.with_name(f"{folder.name}.lock")
            yield from _aged(TEMPORARY, folder, "half of a data set, which nobody goes on fetching", limits, lock)


def _scratch(limits: Limits) -> Iterator[Leftover]:
    """This user's folders of dlcamp among the system's temporary files."""
    for path in sorted(Path(tempfile.gettempdir()).glob("dlcamp-*")):
        if not path.name.startswith(_OF_REPRODUCE) and not path.is_symlink() and _mine(path):
            yield from _aged(TEMPORARY, path, "a killed process left it", limits)


def _mine(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _short(path: Path) -> str:
    for root in (runs_folder(), data_folder()):
        if path.is_relative_to(root):
            return f"{root.name}/{path.relative_to(root)}"
    return str(path)
