"""Records that could not be stored yet, on disk, in order: nothing that was given to a run is lost.

    mlruns/spool/<run id>/records.jsonl   blocks: a line that names store and run, then one record a line
    mlruns/spool/<run id>/files/<n>/...   artifacts, copied because their sources may change or go
    mlruns/spool/<run id>/rejected.jsonl  what the store refused for good, with its reason
    mlruns/spool/<run id>/lock            held while someone writes or replays the spool

Sending a record twice is harmless: the stores ignore a metric with the same name, step, time and value.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from dlcamp.tracking.record import Record

RECORDS = "records.jsonl"


class Spool:
    """The spool of one run; its folder exists only while there is something in it.

    Args:
        folder: `mlruns/spool`.
        uri: the store the records are meant for.
        run_id: the run they belong to.
    """

    def __init__(self, folder: Path, uri: str, run_id: str) -> None:
        self.folder = folder / run_id
        self.uri = uri
        self.run_id = run_id
        self._lock: FileLock | None = None

    def __bool__(self) -> bool:
        return (self.folder / RECORDS).exists()

    def take(self) -> bool:
        """Whether this process now owns the spool (the lock goes with the process)."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "lock", timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                return False
            self._lock = lock
        return True

    def append(self, records: Sequence[Record]) -> None:
        """Add records and return when the disk has them; OSError when it cannot take them."""
        if not self.take():
            raise OSError(f"{self.folder} is in use by another process")
        path = self.folder / RECORDS
        start = path.stat().st_size if path.exists() else 0
        # Each block starts on a fresh line with its own heading, so that one cut short by a kill spoils no other.
        heading = json.dumps({"uri": self.uri, "run": self.run_id})
        block = "\n".join(["", heading, *(record.line() for record in records), ""])
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            if path.exists():
                os.truncate(path, start)  # a full disk took half a line
            raise

    def keep(self, source: Path, folder: str) -> Record:
        """Copy an artifact into the spool; the record that stands for the copy."""
        if not self.take():
            raise OSError(f"{self.folder} is in use by another process")
        files = self.folder / "files"
        target = files / str(len(list(files.glob("*")))) / source.name
        target.parent.mkdir(parents=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
        return Record("artifact", str(target.relative_to(self.folder)), folder)

    def records(self) -> list[Record]:
        """What waits, in order, with artifact paths made whole; a last line cut short by a kill is left out."""
        found = []
        for item in _lines(self.folder / RECORDS):
            if isinstance(item, Record):
                whole = replace(item, key=str(self.folder / item.key)) if item.kind == "artifact" else item
                found.append(whole)
        return found

    def reject(self, record: Record, why: str) -> None:
        """Keep what the store will never take, with its reason, for a person to look at."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "rejected.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"why": why, "record": record.line()}) + "\n")

    def done(self) -> None:
        """Everything was stored: drop the records and, unless something was rejected, the folder."""
        (self.folder / RECORDS).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "files", ignore_errors=True)

    def release(self) -> None:
        """Give the spool to whoever comes next; an empty one disappears."""
        if self._lock is not None:
            if not any(path.name != "lock" for path in self.folder.iterdir()):
                shutil.rmtree(self.folder, ignore_errors=True)
            self._lock.release()
            self._lock = None


def pending(folder: Path, uri: str | None = None) -> list[Spool]:
    """Spools with something in them, meant for a store (None: for any)."""
    found = []
    for path in sorted(folder.glob(f"*/{RECORDS}")):
        meant_for = {item["uri"] for item in _lines(path) if isinstance(item, dict)}
        found += [Spool(folder, one, path.parent.name) for one in sorted(meant_for) if uri in (None, one)]
    return found


def _lines(path: Path) -> Iterator[Record | dict[str, str]]:
    """Records and headings; a line cut short by a kill is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, TypeError):
            yield json.loads(line) if line.startswith("{") else Record.parse(line)
