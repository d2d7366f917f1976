"""What every loader of files shares: the folder they lie in, its digest, and how one file in it is found.

A loader is given a folder, or takes the one that `make data DATA=<name>` left. Reading waits until something is asked.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from dlcamp.data.fetched import MANIFEST, digest_of, fetched, sha256_of
from dlcamp.errors import DataError

MACOS = "__MACOSX"  # archives packed on a Mac repeat every file there, as an empty shell


class Unpacked:
    """A data set that lies in a folder as files.

    Args:
        folder: where the files are; None: where `make data DATA=<name>` put them.
        digest: what the values depend on, where it is known already; else a bare folder's files are hashed when asked.

    Raises:
        DataError: no folder is given and the data set was not fetched, or the folder does not exist.
    """

    name = ""

    def __init__(self, folder: Path | None = None, digest: str | None = None) -> None:
        if folder is None:
            found = fetched(self.name)
            folder, digest = found.folder, found.digest
        if not folder.is_dir():
            raise DataError(f"{self.name}: no folder {folder}")
        self.folder = folder
        self._digest = digest

    @cached_property
    def digest(self) -> str:
        """sha256 over the names and contents of the files."""
        return folder_digest(self.folder) if self._digest is None else self._digest


def locate(folder: Path, *names: str) -> Path | None:
    """The first of these names that is in the folder, or in a folder inside it, as archives leave them."""
    inner = [Path(entry.path) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if entry.is_dir()]
    places = [folder, *(place for place in inner if place.name != MACOS)]
    return next((place / name for name in names for place in places if (place / name).exists()), None)


def shown(folder: Path, limit: int = 5) -> str:
    """What is in a folder, for a message: the first few names and how many more."""
    names = sorted(entry.name for entry in os.scandir(folder))
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}" if names else "nothing"


def folder_digest(folder: Path) -> str:
    """The digest that a manifest of every file in a folder would have."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return digest_of((name, sha256_of(folder / name)) for name in names if name != MANIFEST)
