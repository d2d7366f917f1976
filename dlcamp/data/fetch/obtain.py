"""Get one data set, whole and examined, or leave everything as it was; nothing half-unpacked is ever in its place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlcamp.data.fetch.download import Patience, Unavailable
from dlcamp.data.fetch.getting import Getting, Wanted
from dlcamp.data.fetch.place import Workplace, workplace, yard
from dlcamp.data.fetch.remote import amount
from dlcamp.data.fetch.report import Report
from dlcamp.data.fetch.sources import Lacking, Plan, lacking, plan
from dlcamp.data.fetch.space import Free, NoRoom, free_space, on_disk, require
from dlcamp.data.fetch.verify import record
from dlcamp.data.fetched import Manifest, fetched, manifest_of
from dlcamp.errors import DataError
from dlcamp.references import follow


@dataclass(frozen=True)
class Obtained:
    """A data set that is in place: whether it came just now, and what is to be said of it."""

    manifest: Manifest
    fresh: bool
    lines: tuple[str, ...] = ()


def obtain(
    entry: Wanted,
    origin: str | None = None,
    *,
    report: Report,
    force: bool = False,
    patience: Patience = Patience(),  # noqa: B008 - it is frozen
    free: Free = free_space,
) -> Obtained:
    """Fetch a data set, unless it is here.

    Args:
        entry: the catalogue's.
        origin: FROM=: a folder, a file or a URL; None: where it is published.
        force: replace the one that is here, once the new one is complete and examined.
        patience: how long to wait for servers.
        free: how many bytes can be written on the disk of a folder.

    Raises:
        DataError: it cannot be had as asked; what was in place before still is.
    """
    asked = time.time()
    here = None if force else manifest_of(entry.name)
    if here is not None:
        _look(entry.name, report)
        if not yard(entry.name).exists():
            return Obtained(here, False)
    with workplace(entry.name, report) as place:
        here = _in_place(entry.name)
        if here is not None and (not force or here.when > asked):
            place.clear()
            return Obtained(here, False)
        return _fetch(entry, origin, place, Getting(entry, place, report, patience, free))


def told(entry: Wanted, got: Obtained, folder: Path) -> list[str]:
    """What is said of a data set in place: how much it is, where, and which."""
    count = len(got.manifest.files)
    here = f"{count:,} file{'s' if count != 1 else ''}, {amount(got.manifest.size)}, in {folder}"
    return [f"{entry.name}: {here} (digest {got.manifest.digest[:12]})", *(f"  {line}" for line in got.lines)]


def _look(name: str, report: Report) -> None:
    """Say which files are not what they were; DataError where some are gone."""
    changed = fetched(name).changed
    if changed:
        report.say(f"{name}: {len(changed):,} files have changed since, for instance {changed[0]}; the digest follows")


def _in_place(name: str) -> Manifest | None:
    """The manifest in place; a damaged one counts as none, for it is about to be replaced."""
    try:
        return manifest_of(name)
    except DataError:
        return None


def _fetch(entry: Wanted, origin: str | None, place: Workplace, getting: Getting) -> Obtained:
    try:
        given = getting.get(origin)
        made = plan(entry.files, getting.supplies)
        if made.missing:
            raise lacking(entry.name, made.missing, getting.supplies, given)
        require(sum(map(on_disk, made.sizes)), place.new, getting.free, entry.name)
        manifest = _unpack(entry, made, place, getting)
        seen = follow(entry.examine)(place.new) if entry.examine else []
    except (NoRoom, Lacking, Unavailable):
        raise
    except DataError:
        getting.drop()
        raise
    place.accept(manifest)
    if getting.record:
        record(entry.name, getting.record)
    return Obtained(manifest, True, (*getting.lines, *seen))


def _unpack(entry: Wanted, made: Plan, place: Workplace, getting: Getting) -> Manifest:
    files = []
    with getting.report.progress(sum(made.sizes), f"writing {entry.name}") as bar:

        def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk
                bar.advance(len(chunk))

        for supply, places in made.chosen:
            for path, chunks in supply.content.read(places):
                files.append(place.write(places[path], counted(chunks)))
    if len(files) != len(made.sizes):
        raise DataError(f"{entry.name}: {len(files):,} of {len(made.sizes):,} files came out of the archives")
    return Manifest(time.time(), tuple(getting.source), tuple(sorted(files, key=lambda file: file.path)))
