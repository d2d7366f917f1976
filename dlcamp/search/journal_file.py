"""The journal as a file: checked before it is used, locked in a way that a killed process cannot leave locked.

Optuna's own lock is a link beside the file: whoever is killed while holding it blocks all others for half a minute.
A lock of the operating system goes with its process.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.study import StudyDirection

from dlcamp.errors import StoreError

_CREATE_STUDY = 0
_DIRECTIONS = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}


class _Lock(BaseJournalFileLock):
    def __init__(self, path: Path) -> None:
        self._lock = FileLock(f"{path}.lock")

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def opened(path: Path, name: str, directions: Sequence[str], create: bool) -> JournalStorage:
    """The storage in a file that was found to be a journal of this study.

    Raises:
        StoreError: it is none, it is another study's, or it cannot be written; the file stays as it is.
    """
    if not path.exists() and not create:
        raise StoreError(f"there is no journal {path}")
    _check_writable(path)
    lock = _Lock(path)
    lock.acquire()
    try:
        _mend_torn_end(path)
        studies = studies_in(path)
        if studies and name not in studies:
            raise StoreError(
                f"{path} holds another study ({', '.join(studies)}), not {name}; it is left as it is\n"
                "move it away, and the study begins anew"
            )
    finally:
        lock.release()
    try:
        storage = storage_of(path)
    except Exception as error:  # whatever Optuna raises at records that it cannot replay
        raise StoreError(
            f"{path} is corrupt: Optuna cannot replay it ({type(error).__name__}: {error}); it is left as it is\n"
            "restore it, or move it away: the study then begins anew"
        ) from None
    if not studies:
        storage.create_new_study([_DIRECTIONS[one] for one in directions], name)
    return storage


def _check_writable(path: Path) -> None:
    """StoreError where the journal may not be written; what is marked as read-only is so for root too."""
    why = ""
    try:
        with path.open("ab"):
            pass
        if not path.stat().st_mode & 0o222:
            why = f"{path} is read-only"
    except OSError as error:
        why = str(error)
    if why:
        raise StoreError(
            f"the study's journal cannot be written: {why}\nmake it writable, or set DLCAMP_HOME to another folder"
        )


def storage_of(path: Path) -> JournalStorage:
    """The storage in a file that was checked before."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_Lock(path)))


def studies_in(path: Path) -> list[str]:
    """Names of the studies in a journal.

    Raises:
        StoreError: a line that is no record of a journal; which one is said.
    """
    found = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if number > 1 and not line.endswith(b"\n"):
                break  # being written just now, or torn: opening the study cuts it off
            try:
                record = json.loads(line)
                code = int(record["op_code"])
                if code == _CREATE_STUDY:
                    found.append(str(record["study_name"]))
            except (ValueError, TypeError, KeyError):
                raise StoreError(
                    f"{path} is corrupt: line {number} is no record of an Optuna journal ({line[:60]!r})\n"
                    "the file is left as it is; restore it, or move it away: the study then begins anew, "
                    "and its finished runs stay in the store"
                ) from None
    return found


def _mend_torn_end(path: Path) -> None:
    """Cut off a last line that was not written to its end, as a power cut leaves it; the whole file is kept aside."""
    content = path.read_bytes()
    if not content or content.endswith(b"\n"):
        return
    whole, _, torn = content.rpartition(b"\n")
    if not whole:
        return  # one line without an end is no torn journal: the check names it
    aside = path.with_name(f"{path.name}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
    aside.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(len(content) - len(torn))
        os.fsync(file.fileno())


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the study while the block runs; False where another living process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.running")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
