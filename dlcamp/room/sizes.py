"""How much room things take, as the disk counts it, and how much each run does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dlcamp.paths import runs_folder
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.stored import experiment_folders

_BLOCK = 512  # POSIX: what st_blocks counts in


def size_of(path: Path) -> int:
    """Bytes that a file or a folder takes on the disk (`du`); links are not followed, what cannot be read counts 0."""
    try:
        seen = path.lstat()
    except OSError:
        return 0
    return seen.st_blocks * _BLOCK + (_inside(str(path)) if path.is_dir() and not path.is_symlink() else 0)


def _inside(folder: str) -> int:
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                if entry.is_dir(follow_symlinks=False):
                    total += _inside(entry.path)
    except OSError:  # gone meanwhile, or not ours to read
        return total
    return total


def touched(path: Path) -> float:
    """When anything in a file or folder was last written, in seconds since the epoch; 0 where it is gone."""
    try:
        newest = path.lstat().st_mtime
    except OSError:
        return 0.0
    if not path.is_dir() or path.is_symlink():
        return newest
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                newest = max(newest, os.lstat(os.path.join(folder, name)).st_mtime)
            except OSError:
                continue
    return newest


def written(path: Path) -> float:
    """When a file in a folder was last written, in seconds since the epoch; 0 where it holds none.

    Other than `touched` it leaves folders out, that a removal of what they hold changes too.
    """
    return max(map(touched, (one for one in path.rglob("*") if not one.is_dir())), default=0.0)


class RunSizes:
    """Sizes of the runs of a store whose files lie on this machine."""

    def __init__(self, store: Store) -> None:
        self._folders = experiment_folders(store)

    def of(self, rows: Iterable[RunRow]) -> int | None:
        """Bytes of artifacts, models and checkpoints of some runs together; None where files of one lie elsewhere."""
        total = 0
        for row in rows:
            folder = self._folders.get(row.experiment)
            if folder is None:
                return None
            total += size_of(folder / row.id) + size_of(runs_folder() / "checkpoints" / row.id)
            if row.tags.get(MODEL_TAG):
                total += size_of(folder / "models" / row.tags[MODEL_TAG])
        return total
