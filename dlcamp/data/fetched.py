"""A fetched data set on disk: its folder, and a digest that follows what the files hold now.

`manifest.json` beside the files says of each its path, size, mtime and sha256, and where all came from. At opening
every file is looked at, and one whose size or mtime differs is read again; nothing else is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dlcamp.errors import DataError
from dlcamp.paths import data_folder

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FileRecord:
    """One file: its path under the folder, size in bytes, mtime in nanoseconds, sha256."""

    path: str
    size: int
    mtime: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What was fetched, when (seconds since the epoch), and what each source file was."""

    when: float
    source: tuple[Mapping[str, Any], ...]
    files: tuple[FileRecord, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """sha256 over the sorted (relative path, sha256)."""
        return digest_of((file.path, file.sha256) for file in self.files)

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all."""
        part = folder / f"{MANIFEST}.{os.getpid()}.part"
        content = {"when": self.when, "source": list(self.source), "files": [asdict(file) for file in self.files]}
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=0)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, folder / MANIFEST)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """The manifest of a folder; None where there is none.

        Raises:
            DataError: it is damaged.
        """
        path = folder / MANIFEST
        try:
            content = json.loads(path.read_text("utf-8"))
            files = tuple(
                FileRecord(str(one["path"]), int(one["size"]), int(one["mtime"]), str(one["sha256"]))
                for one in content["files"]
            )
            return cls(float(content["when"]), tuple(content["source"]), files)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path} cannot be read: {error!r}\nfetch again: {_how(folder.name)} FORCE=1") from None


@dataclass(frozen=True)
class Fetched:
    """A data set that is here; `changed` are the files that are not what they were when it was fetched."""

    name: str
    folder: Path
    digest: str
    changed: tuple[str, ...] = ()


def fetched(name: str) -> Fetched:
    """The data set of this name under `data_folder()`.

    Raises:
        DataError: it is not here, its manifest is damaged, or files of it are missing.
    """
    folder = data_folder() / name
    manifest = Manifest.read(folder)
    if manifest is None:
        raise DataError(f"{name} is not here; fetch it: {_how(name)}")
    now = _as_they_are(name, folder, manifest.files)
    changed = {new.path for old, new in zip(manifest.files, now, strict=True) if old.sha256 != new.sha256}
    touched = tuple(old if new.path in changed else new for old, new in zip(manifest.files, now, strict=True))
    if touched != manifest.files:
        # only so that the next opening need not read them again: a folder that cannot be written is no error
        with contextlib.suppress(OSError):
            replace(manifest, files=touched).write(folder)
    return Fetched(name, folder, replace(manifest, files=now).digest, tuple(sorted(changed)))


def manifest_of(name: str) -> Manifest | None:
    """What was fetched under this name, without looking at the files; None where nothing was.

    Raises:
        DataError: the manifest is damaged.
    """
    return Manifest.read(data_folder() / name)


def digest_of(files: Iterable[tuple[str, str]]) -> str:
    """sha256 over the sorted (relative path, sha256) of some files."""
    total = hashlib.sha256()
    for path, sha256 in sorted(files, key=lambda file: file[0].split("/")):
        total.update(f"{path}\0{sha256}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _as_they_are(name: str, folder: Path, files: tuple[FileRecord, ...]) -> tuple[FileRecord, ...]:
    missing: list[str] = []
    now: list[FileRecord] = []
    for file in files:
        path = folder / file.path
        try:
            seen = path.stat()
            if (seen.st_size, seen.st_mtime_ns) == (file.size, file.mtime):
                now.append(file)
            else:
                now.append(FileRecord(file.path, seen.st_size, seen.st_mtime_ns, sha256_of(path)))
        except (FileNotFoundError, NotADirectoryError):
            missing.append(file.path)
        except OSError as error:
            raise DataError(f"{name}: cannot read {path}: {error.strerror or error}") from None
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3:,} more" if len(missing) > 3 else "")
        raise DataError(
            f"{len(missing):,} of {len(files):,} files of {name} are missing from {folder}: {shown}\n"
            f"fetch again: {_how(name)} FORCE=1"
        )
    return tuple(now)


def sha256_of(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _how(name: str) -> str:
    return f"make data DATA={name}"
