"""What holds the files of a data set: archives, or files as they lie, in what the user gave or what was downloaded.

A folder is searched for the published archives by name, then for the files that would come out of them. A file is one
of those files, or an archive. What comes out of all together is planned before anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dlcamp.data.fetch.remote import CHUNK, Remote, amount, holds, patterns, place_of
from dlcamp.data.fetch.unpack import Archive, Member, open_archive
from dlcamp.errors import DataError

_DEEPEST = 4  # folders below the one given in which files of the user's own are looked for


class Loose:
    """Files as they lie, under the names of their places in the official layout."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files
        self.members = tuple(Member(place, path.stat().st_size) for place, path in files.items())

    def read(self, wanted: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The wanted files in chunks.

        Raises:
            DataError: one cannot be read.
        """
        for place in wanted:
            yield place, _chunks(self.files[place])


class Supply(NamedTuple):
    """Something that holds files: `file` is the one file it is, `remote` the published file that this should be."""

    label: str
    content: Archive | Loose
    file: Path | None = None
    remote: Remote | None = None


@dataclass
class Plan:
    """Which members of which supplies become which files; `missing` are published files of which something lacks."""

    chosen: list[tuple[Supply, dict[str, str]]] = field(default_factory=list)
    missing: list[Remote] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """The size of every file to be written, in bytes."""
        return [
            member.size for supply, places in self.chosen for member in supply.content.members if member.path in places
        ]


def find(files: Sequence[Remote], given: Path, name: str) -> list[Supply]:
    """What a folder or a file of the user holds of a data set.

    Raises:
        DataError: there is no such path, or a file is neither an archive nor a file of the data set.
    """
    if given.is_dir():
        found = [supply for file in files for supply in _archive_in(given, file)]
        covered = {pattern for supply in found for pattern in (supply.remote.gives if supply.remote else ())}
        loose = _loose(given, [file for file in files if not covered.issuperset(file.gives)])
        return found + ([Supply(str(given), Loose(loose))] if loose else [])
    if given.is_file():
        return [supply_of(files, given)]
    raise DataError(f"{name}: there is no {given}\nFROM= takes a folder, a file or a URL")


def supply_of(files: Sequence[Remote], path: Path, label: str = "") -> Supply:
    """What one file is: a file of the data set by its name, or an archive by its content."""
    remote = next((file for file in files if path.name in file.names), files[0] if len(files) == 1 else None)
    place = place_of(path.name, patterns(files))
    content = Loose({place: path}) if place else open_archive(path)
    return Supply(label or path.name, content, path, remote)


def plan(files: Sequence[Remote], supplies: Sequence[Supply]) -> Plan:
    """What is to be written, from where.

    Raises:
        DataError: an archive holds nothing of the data set, or two files for one place.
    """
    made = Plan()
    taken: set[str] = set()
    for supply in supplies:
        places = _places(supply, patterns(files))
        made.chosen.append((supply, {path: place for path, place in places.items() if place not in taken}))
        taken.update(places.values())
    made.missing = [file for file in files if not all(holds(taken, pattern) for pattern in file.gives)]
    return made


class Lacking(DataError):
    """Something else is needed too; what was found is not to blame."""


def lacking(name: str, missing: Sequence[Remote], supplies: Sequence[Supply], given: str) -> Lacking:
    """The error that says what else is needed, and what was found."""
    lines = [f"{name}: {given} does not hold everything; missing:"]
    for file in missing:
        size = f", {amount(file.size)}" if file.size else ""
        lines.append(
            f"  {file.name}{size}, or unpacked: {_words(file.gives)}" if file.name else f"  {_words(file.gives)}"
        )
    seen = ", ".join(supply.label for supply in supplies)
    lines.append(f"found: {seen or 'nothing of it'}")
    lines.append("FROM= takes a folder that holds all of them" + (_download(name) if missing[0].urls else ""))
    return Lacking("\n".join(lines))


def _download(name: str) -> str:
    return f"; without FROM= they are downloaded: make data DATA={name}"


def _words(wanted: Iterable[str]) -> str:
    return ", ".join(pattern.replace("|", " or ").replace("**/", "") for pattern in wanted)


def _archive_in(folder: Path, file: Remote) -> Iterator[Supply]:
    path = next((folder / name for name in file.names if (folder / name).is_file()), None)
    if path is not None:
        yield supply_of([file], path)


def _places(supply: Supply, wanted: Sequence[str]) -> dict[str, str]:
    into = supply.remote.into if supply.remote else ""
    places: dict[str, str] = {}
    taken: dict[str, str] = {}
    paths = [member.path for member in supply.content.members]
    top = "" if isinstance(supply.content, Loose) else _top(paths)
    for path in sorted(paths, key=lambda path: path.count("/")):
        place = place_of(path, wanted, into, top)
        if place is None or (place in taken and path.count("/") > taken[place].count("/")):
            continue
        if place in taken:
            raise DataError(f"{supply.label} holds {place} twice: {taken[place]} and {path}")
        taken[place], places[path] = path, place
    if not places:
        held = [member.path for member in supply.content.members]
        shown = ", ".join(held[:3]) + (f" and {len(held) - 3:,} more" if len(held) > 3 else "")
        raise DataError(
            f"{supply.label} holds nothing of this data set\nit holds {shown or 'nothing'}\nwanted: {_words(wanted)}"
        )
    return places


def _top(paths: Sequence[str]) -> str:
    """The folder around everything in an archive; empty where there is none."""
    tops = {path.removeprefix("./").split("/")[0] for path in paths if not path.startswith("__MACOSX/")}
    return tops.pop() if len(tops) == 1 and len(paths) > 1 else ""


def _loose(folder: Path, files: Sequence[Remote]) -> dict[str, Path]:
    """Files that lie unpacked in a folder, or one or two folders deeper, by their places in the layout."""
    found: dict[str, Path] = {}
    for file in files:
        for pattern in (*file.gives, *file.also):
            if pattern.startswith("**/"):
                found |= _anywhere(folder, pattern)
            else:
                found |= next(filter(None, (_in_layout(folder, one, file.into) for one in pattern.split("|"))), {})
    return found


def _in_layout(folder: Path, pattern: str, into: str) -> dict[str, Path]:
    parts = pattern.split("/")
    # the folder given may be one inside the layout, or the file may lie without the folder it is unpacked into
    dropped = next((n for n in range(1, len(parts)) if folder.absolute().parts[-n:] == tuple(parts[:n])), 0)
    starts = [pattern, "/".join(parts[dropped:]), pattern.removeprefix(f"{into}/")]
    for start in dict.fromkeys(starts):
        outside = parts[: len(parts) - start.count("/") - 1]
        for above in ("", "*/", "*/*/"):
            paths = [path for path in sorted(folder.glob(above + start)) if path.is_file() and path.name[:2] != "._"]
            found: dict[str, Path] = {}
            for path in paths:
                place = "/".join((*outside, *path.parts[len(outside) - len(parts) :]))
                if place in found:
                    raise DataError(f"{folder} holds {place} twice: {found[place]} and {path}\ngive one of the folders")
                found[place] = path
            if found:
                return found
    return {}


def _anywhere(folder: Path, pattern: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for above, folders, names in os.walk(folder):
        here = Path(above)
        deep = len(here.relative_to(folder).parts) >= _DEEPEST
        folders[:] = [] if deep else sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
        for one in sorted(names):
            path = here / one
            if place_of(one, [pattern]) and not one.startswith(".") and path.is_file():
                found[path.relative_to(folder).as_posix()] = path
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
