"""What the files of a data set are: where they are published, how they are known again, what comes out of them.

A pattern is a path in the official layout, its parts with `*`; `|` separates layouts that do as well. A path fits
when its last parts do, so that an extra folder around the layout does no harm. `**/` keeps the path as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from posixpath import normpath

CHUNK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """One published file.

    Args:
        name: of the file, as published; empty for what only the user has.
        urls: where it is, the first to be tried first.
        gives: patterns; each must come out of this file, or out of another one of the data set.
        also: patterns of what is taken too where it is there.
        sha256: of the published file; None where it is not known for certain.
        md5: the same, where its publisher or users of it give only that.
        size: of the download, in bytes.
        aliases: other names the file goes by.
        into: the folder of the layout in which its content belongs.
        editions: (sha256, what it is) of other packings that are known.
    """

    name: str
    urls: tuple[str, ...]
    gives: tuple[str, ...]
    also: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    aliases: tuple[str, ...] = ()
    into: str = ""
    editions: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it goes by."""
        return (self.name, *self.aliases) if self.name else ()

    @property
    def certain(self) -> bool:
        """Whether the published file can be told from every other."""
        return bool(self.sha256 or self.md5)

    def is_published(self, found: Digests) -> bool | None:
        """Whether these are the digests of the published file; None where they are not known."""
        if not self.certain:
            return None
        return found.sha256 == self.sha256 if self.sha256 else found.md5 == self.md5


@dataclass(frozen=True)
class Digests:
    """sha256 and md5 of a file, and its size in bytes."""

    sha256: str
    md5: str
    size: int


def digests(path: Path, seen: Callable[[int], None] = lambda n: None) -> Digests:
    """Read a file once; `seen` is told of each chunk's bytes."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
            seen(len(chunk))
    return Digests(sha256.hexdigest(), md5.hexdigest(), size)


def patterns(files: Iterable[Remote]) -> tuple[str, ...]:
    """Every pattern of these files, once."""
    return tuple(dict.fromkeys(pattern for file in files for pattern in (*file.gives, *file.also)))


def place_of(path: str, wanted: Iterable[str], into: str = "", top: str = "") -> str | None:
    """Where a path belongs in the official layout; None when it belongs nowhere.

    Args:
        into: a folder that may have to be put before it.
        top: a folder around everything, which what is kept as it is does without.
    """
    path = normpath(path)
    for full in (path, f"{into}/{path}") if into else (path,):
        for pattern in wanted:
            for one in pattern.split("|"):
                place = _fit(full.removeprefix(f"{top}/") if top and one.startswith("**/") else full, one)
                if place is not None:
                    return place
    return None


def holds(paths: Iterable[str], pattern: str) -> bool:
    """Whether one of these paths is what a pattern asks for."""
    return any(_fit(path, one) == path for path in paths for one in pattern.split("|"))


def _fit(path: str, pattern: str) -> str | None:
    parts = path.split("/")
    if any(part in {"__MACOSX", ".DS_Store"} or part.startswith("._") for part in parts):
        return None  # what a Mac adds to every archive
    if pattern.startswith("**/"):
        return path if fnmatchcase(parts[-1].lower(), pattern[3:]) else None
    wanted = pattern.split("/")
    last = parts[-len(wanted) :]
    return "/".join(last) if len(last) == len(wanted) and all(map(fnmatchcase, last, wanted)) else None


def amount(count: int) -> str:
    """Bytes as a person reads them: `1.12 GB`, `340 kB`."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:.3g} {unit}" if value < 99.5 else f"{value:.0f} {unit}"
    return f"{count} bytes"
