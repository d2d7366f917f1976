"""Room on the disk: asked for before anything is written, and named when it runs out all the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from dlcamp.data.fetch.remote import amount
from dlcamp.errors import DataError

Free = Callable[[Path], int]

BLOCK = 4096


class NoRoom(DataError):
    """The disk is too small, full, or not to be written; what has arrived is not to blame."""


def free_space(folder: Path) -> int:
    """Bytes a user can write on the disk of a folder, which need not exist yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def on_disk(size: int) -> int:
    """Bytes that a file of a size takes in whole blocks."""
    return -(-size // BLOCK) * BLOCK


def require(needed: int, folder: Path, free: Free, what: str) -> None:
    """DataError unless the disk of a folder has room."""
    there = free(folder)
    if needed > there:
        raise NoRoom(
            f"{what} needs {amount(needed)} on the disk of {folder}, which has {amount(there)} free\n"
            "make room, or keep the data elsewhere: DLCAMP_HOME=/path/on/another/disk"
        )


def disk_error(path: Path, error: OSError) -> NoRoom:
    """What an error of the system means for the user."""
    return NoRoom(
        f"cannot write {path}: {error.strerror or error}\n"
        "make room or correct the permissions, or keep the data elsewhere: DLCAMP_HOME=/path"
    )
