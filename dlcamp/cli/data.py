"""`data`: every data set with its state, licence and citation; with DATA=name, fetch it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.data.catalog import Entry, entries, entry
from dlcamp.data.fetch.remote import amount
from dlcamp.data.fetch.report import Advance
from dlcamp.data.fetched import Manifest, manifest_of
from dlcamp.errors import DataError, UserError
from dlcamp.paths import data_folder

if TYPE_CHECKING:
    from dlcamp.tracking.progress import Progress, Terminal

_SMALL = 1_000_000  # bytes below which there is nothing to wait for


def run(given: Given, root: Path) -> int:
    """Print the table, or fetch what DATA names; each data set of several for itself."""
    names = given.words("DATA")
    if not names:
        if given.get("FROM") or given.flag("FORCE"):
            raise UserError("FROM and FORCE need DATA=...\nexample: make data DATA=flickr8k FROM=/path/to/archives")
        print("\n".join(overview()))
        return 0
    wanted = [entry(name) for name in names]
    failed = 0
    for one in wanted:
        try:
            _fetch(one, given, root)
        except DataError as error:
            if len(wanted) == 1:
                raise
            failed += 1
            print(f"error: {error}", file=sys.stderr, flush=True)
    return 2 if failed else 0


def overview() -> list[str]:
    """One line a data set, then what to cite, then what to type."""
    every = list(entries().values())
    rows = [("name", "state", "download", "licence", "what it is")]
    rows += [(one.name, _state(one), _download(one), one.licence, one.title.partition(";")[0]) for one in every]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join((*map(str.ljust, row, widths), row[4])).rstrip() for row in rows]
    lines += ["", "to be cited as"]
    lines += [
        f"{one.name:<{widths[0]}}  {one.citation}" for one in every if not one.embedded and one.citation != "yours"
    ]
    return [*lines, "", *_next(every)]


def _state(one: Entry) -> str:
    if one.embedded:
        return "embedded"
    try:
        manifest = manifest_of(one.name)
    except DataError:
        return "damaged: fetch with FORCE=1"
    if manifest is None:
        installed = next((folder for folder in one.installed if Path(folder).is_dir()), None)
        return "installed, not taken" if installed else "available"
    return f"fetched {age(manifest)}: {_count(manifest)}, {amount(manifest.size)}"


def _count(manifest: Manifest) -> str:
    return "1 file" if len(manifest.files) == 1 else f"{len(manifest.files):,} files"


def _download(one: Entry) -> str:
    return amount(one.download) if one.download else "-"


def _next(every: list[Entry]) -> list[str]:
    absent = [one.name for one in every if one.download and not _state(one).startswith("fetched")]
    name = absent[0] if absent else "flickr8k"
    typed = [
        (f"make data DATA={name}" + ("" if absent else " FORCE=1"), "download and check it"),
        (f"make data DATA={name} FROM=folder, file or URL", "what you have already, or another address"),
        ("make data DATA=mine FROM=folder", "your own photographs"),
    ]
    return [f"{'next' if not row else '':<8} {command:<52} {what}" for row, (command, what) in enumerate(typed)]


def age(manifest: Manifest, now: float | None = None) -> str:
    """How long ago a data set was fetched, in words."""
    seconds = (time.time() if now is None else now) - manifest.when
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _fetch(one: Entry, given: Given, root: Path) -> None:
    from dlcamp.data.fetch.obtain import obtain, told
    from dlcamp.data.fetch.place import yard
    from dlcamp.tracking.progress import Terminal

    if one.embedded:
        if given.get("FROM"):
            raise UserError(f"{one.name} comes with dlcamp and is taken from nowhere else: leave out FROM")
        print(f"{one.name} comes with dlcamp: there is nothing to fetch")
        return
    try:
        got = obtain(one, given.get("FROM"), report=_Screen(Terminal.standard()), force=given.flag("FORCE"))
    except KeyboardInterrupt:
        if yard(one.name).exists():
            print("what has arrived is kept: the same command goes on from there", file=sys.stderr)
        raise
    lines = told(one, got, data_folder() / one.name)
    if not got.fresh:
        lines[0] += f", fetched {age(got.manifest)}; FORCE=1 fetches again"
        if given.get("FROM"):
            lines.append(f"  FROM={given.get('FROM')} was not looked at")
    print("\n".join([*lines, *_use(one, root)]), flush=True)


def _use(one: Entry, root: Path) -> list[str]:
    """What to type to use a data set."""
    from dlcamp.discovery import listing, load

    for found in listing(root, {}).values():
        with contextlib.suppress(UserError):
            if one.name in load(found).data:
                return [f"next     make exp NAME={found.name} DATA={one.name}"]
    return [f"next     in an experiment: data=[..., {one.name!r}]"]


class _Screen:
    """The person's terminal, with bars that count megabytes or kilobytes."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def say(self, line: str) -> None:
        self._terminal.say(line)

    @contextlib.contextmanager
    def progress(self, total: int, what: str) -> Iterator[Advance]:
        if 0 < total < _SMALL:
            yield _Units(None, 1)
            return
        size, unit = (1_000_000, "MB") if not total or total >= 10_000_000 else (1_000, "kB")
        with self._terminal.progress(-(-total // size), what, unit) as bar:
            yield _Units(bar, size, total)


class _Units:
    """Bytes handed on in whole units; the last one is full when all bytes are there."""

    def __init__(self, bar: Progress | None, size: int, total: int = 0) -> None:
        self._bar, self._size, self._total = bar, size, total
        self._bytes = self._shown = 0

    def advance(self, count: int) -> None:
        self._bytes += count
        whole = self._bytes // self._size
        if self._bytes >= self._total > 0:
            whole = -(-self._total // self._size)
        if self._bar is not None and whole != self._shown:
            self._bar.advance(whole - self._shown)
            self._shown = whole
