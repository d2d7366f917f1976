"""Where a data set is put together, and how it takes its place: whole and examined, or not at all.

Beside the data sets lies `.fetch/`: for each data set a lock, the downloads that are not complete or not yet used, and
`new`, the folder that is being filled. Only a folder that is complete is renamed to `data/<name>`. Whoever takes the
lock first clears what a killed process left, and puts an older data set back where it was killed between two renames.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dlcamp.data.fetch.report import Report
from dlcamp.data.fetch.space import disk_error
from dlcamp.data.fetched import MANIFEST, FileRecord, Manifest
from dlcamp.errors import DataError
from dlcamp.paths import data_folder


class Workplace:
    """The folders of one data set; its lock is held."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = data_folder() / name
        self.yard = yard(name)
        self.downloads, self.new, self.old = (self.yard / part for part in ("downloads", "new", "old"))
        self._made: set[Path] = set()

    def prepare(self) -> None:
        """Clear what a killed process left, and make the folder for downloads.

        Raises:
            DataError: the folder cannot be written, or holds a data set that was not fetched.
        """
        self.discard()
        if self.folder.exists() and not (self.folder / MANIFEST).exists():
            raise DataError(
                f"{self.folder} is there, but was not fetched (it has no {MANIFEST}), and is left as it is\n"
                f"move it elsewhere and take it from there: make data DATA={self.name} FROM=/where/it/is"
            )
        self.downloads.mkdir(parents=True, exist_ok=True)

    def discard(self) -> None:
        """Remove what is not in place; downloads stay, to be gone on with.

        A data set that was moved away and not yet replaced goes back first.
        """
        if self.old.exists() and not self.folder.exists():
            self.old.rename(self.folder)
        for folder in (self.new, self.old):
            if folder.exists():
                shutil.rmtree(folder)

    def write(self, path: str, chunks: Iterator[bytes]) -> FileRecord:
        """Write one file of the new data set.

        Raises:
            DataError: the disk is full or cannot be written.
        """
        target, sha256 = self.new / path, hashlib.sha256()
        with _written(target):
            if target.parent not in self._made:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(target.parent)
            with target.open("xb") as file:
                for chunk in chunks:
                    sha256.update(chunk)
                    file.write(chunk)
            seen = target.stat()
        return FileRecord(path, seen.st_size, seen.st_mtime_ns, sha256.hexdigest())

    def accept(self, manifest: Manifest) -> None:
        """Put the new data set in the place of the old one; the downloads are no longer needed."""
        with _written(self.folder):
            manifest.write(self.new)
            if self.folder.exists():
                self.folder.rename(self.old)
            self.new.rename(self.folder)
        self.clear()

    def clear(self) -> None:
        """Remove everything that is not in place, downloads too."""
        shutil.rmtree(self.yard)


def yard(name: str) -> Path:
    """The folder beside the data sets in which one is put together; gone once it is in place."""
    return data_folder() / ".fetch" / name


@contextmanager
def workplace(name: str, report: Report) -> Iterator[Workplace]:
    """The folders of a data set, for this process alone; waits for another one that has them.

    Raises:
        DataError: the folder cannot be written.
    """
    place = Workplace(name)
    parent = place.yard.parent
    with _written(parent):
        parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(parent / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report.say(f"another process is fetching {name}; waiting for it (Ctrl-C gives up)")
            lock.acquire()
    try:
        with _written(place.yard):
            place.prepare()
        yield place
    finally:
        place.discard()
        if place.downloads.is_dir() and not any(place.downloads.iterdir()):
            place.clear()
        lock.release()


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(Path(error.filename or path), error) from None
