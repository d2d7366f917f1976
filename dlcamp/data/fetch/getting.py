"""Where the files of a data set come from: the published URLs, a copy on this system, or what the user names.

    FROM=folder|file     archives are read where they lie, files are copied
    FROM=URL             of a folder that holds the published files, or of one archive
    nothing              a copy that the system has installed, else the published URLs

A download from where it is published must be the published file. What the user names is taken as it is, and it is
said what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from dlcamp.data.fetch.download import Patience, Unavailable, download
from dlcamp.data.fetch.place import Workplace
from dlcamp.data.fetch.remote import Digests, Remote, digests
from dlcamp.data.fetch.report import Report
from dlcamp.data.fetch.sources import Supply, find, lacking, supply_of
from dlcamp.data.fetch.space import Free, NoRoom, require
from dlcamp.data.fetch.verify import check_download, verdict
from dlcamp.errors import DataError

_FILES = re.compile(r"\.(zip|tar|tgz|gz|bz2|xz|npz|csv|txt)$", re.I)


class Wanted(Protocol):
    """What is asked of a catalogue entry."""

    @property
    def name(self) -> str: ...
    @property
    def files(self) -> tuple[Remote, ...]: ...
    @property
    def examine(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...
    @property
    def installed(self) -> tuple[str, ...]: ...


@dataclass
class Getting:
    """One data set's files being got; after `get`, the fields say what was found.

    Args:
        entry: the catalogue's.
        place: where downloads are kept; its lock is held.
        supplies: what holds the files.
        source: what the manifest says of each.
        lines: what a person is told of each.
        record: sha256 of downloads of which no published one is known.
        unsure: downloads that may be anything until they are unpacked and examined.
    """

    entry: Wanted
    place: Workplace
    report: Report
    patience: Patience
    free: Free
    supplies: list[Supply] = field(default_factory=list)
    source: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    record: dict[str, str] = field(default_factory=dict)
    unsure: list[Path] = field(default_factory=list)

    def get(self, origin: str | None) -> str:
        """Find or download what holds the files; returns where they are from, for messages.

        Raises:
            DataError: there is nothing, or a download is not what was published.
        """
        if origin is None:
            installed = next((Path(folder) for folder in self.entry.installed if Path(folder).is_dir()), None)
            if installed is None:
                return self._published()
            self.report.say(f"{self.entry.name}: taken from {installed}, which is installed on this system")
            return self._local(installed)
        return self._web(origin) if "://" in origin else self._local(Path(origin).expanduser())

    def drop(self) -> None:
        """Remove the downloads that are not known to be right, so that they are not met again."""
        for path in self.unsure:
            _remove(path)

    def _local(self, given: Path) -> str:
        supplies = find(self.entry.files, given, self.entry.name)
        if not supplies:
            raise lacking(self.entry.name, self.entry.files, [], str(given))
        for supply in supplies:
            self._take_as_given(supply, str((supply.file or given).absolute()))
        return str(given)

    def _published(self) -> str:
        name = self.entry.name
        if not all(file.urls for file in self.entry.files):
            raise DataError(f"{name} is your own; say where it is: make data DATA={name} FROM=/path/to/folder")
        there = sum(path.stat().st_size for path in self.place.downloads.iterdir())
        needed = sum(file.size or 0 for file in self.entry.files) - there + (self.entry.size or 0)
        require(max(0, needed), self.place.downloads, self.free, f"{name} (download and unpacked)")
        for file in self.entry.files:
            self._from_mirrors(file)
        return "the download"

    def _web(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme.lower() not in {"http", "https"} or not parts.netloc or re.search(r"\s", url):
            raise DataError(f"FROM={url}: a URL begins with http:// or https:// and has no blanks")
        last = Path(unquote(parts.path)).name
        one = next((file for file in self.entry.files if last in file.names), None)
        if one is not None and len(self.entry.files) > 1:
            raise lacking(self.entry.name, [file for file in self.entry.files if file is not one], [], url)
        if one is not None or _FILES.search(last):
            path = self.place.downloads / (one.name if one else last)
            self._download(url, path, one)
            self._take_as_given(supply_of(self.entry.files, path), url)
            return url
        # the small ones first: what is missing shows early
        for file in sorted(self.entry.files, key=lambda file: file.size or 0):
            self._under(url.rstrip("/"), file)
        if not self.supplies:
            raise lacking(self.entry.name, self.entry.files, [], url)
        return url

    def _under(self, base: str, file: Remote) -> None:
        """Take a file from a folder on the web, under any of its names; it may lack if others hold its content."""
        for name in file.names:
            url, path = f"{base}/{quote(name, safe='+')}", self.place.downloads / file.name
            try:
                self._download(url, path, file)
            except Unavailable as error:
                if not error.status:
                    raise
                continue
            self._take_as_given(supply_of([file], path), url)
            return

    def _from_mirrors(self, file: Remote) -> None:
        failed: list[str] = []
        for url in file.urls:
            try:
                self._take_published(url, self.place.downloads / file.name, file)
                return
            except NoRoom:
                raise
            except DataError as error:
                failed.append(str(error))
                if url != file.urls[-1]:
                    self.report.say(f"{error}\ntrying the next address")
        names = ", ".join(file.name for file in self.entry.files)
        raise Unavailable(
            "\n".join([f"{self.entry.name} cannot be downloaded", *failed])
            + f"\nwhat has arrived is kept for the next try; or get {names} elsewhere and say where: "
            f"make data DATA={self.entry.name} FROM=folder, file or URL"
        )

    def _take_published(self, url: str, path: Path, file: Remote) -> None:
        """Download a published file and take it if it is that; one put together wrongly is fetched once more whole."""
        resumed = self._download(url, path, file)
        seen = self._digests(path)
        if file.is_published(seen) is False and resumed:
            _remove(path)
            self.report.say(f"{file.name}: the pieces do not fit together; downloading it again")
            self._download(url, path, file)
            seen = self._digests(path)
        if file.is_published(seen):
            self.unsure.remove(path)
        try:
            words = check_download(self.entry.name, file, url, seen)
            supply = supply_of([file], path)
        except DataError:
            if path in self.unsure:
                _remove(path)
            raise
        if not file.certain:
            self.record[file.name] = seen.sha256
        self._take(supply, url, seen, words, file.is_published(seen))

    def _take_as_given(self, supply: Supply, origin: str) -> None:
        """What the user gave is taken as it is, and it is said whether it is the published file."""
        if supply.file is None:
            self._take(supply, origin, None, "files as they lie; nothing is published to compare them with", None)
            return
        seen = self._digests(supply.file)
        judged = verdict(self.entry.name, supply.remote, seen)
        self._take(supply, origin, seen, judged.words, judged.published)

    def _take(self, supply: Supply, origin: str, seen: Digests | None, words: str, published: bool | None) -> None:
        self.supplies.append(supply)
        self.lines.append(f"{supply.label}: {words}")
        sha256 = seen.sha256 if seen else None
        self.source.append({"file": supply.label, "from": origin, "sha256": sha256, "published": published})

    def _download(self, url: str, path: Path, file: Remote | None) -> bool:
        """Download, unless an earlier try at the same address left it here; whether in more than one piece."""
        if path not in self.unsure:
            self.unsure.append(path)
        came = _came(path)
        if path.exists() and came.exists() and came.read_text("utf-8") == url:
            return False
        whole = _whole(file) if file is not None and file.certain else (lambda path: False)
        resumed = download(url, path, self.report, patience=self.patience, free=self.free, whole=whole)
        came.write_text(url, "utf-8")
        return resumed

    def _digests(self, path: Path) -> Digests:
        with self.report.progress(path.stat().st_size, f"checking {path.name}") as bar:
            return digests(path, bar.advance)


def _whole(file: Remote) -> Callable[[Path], bool]:
    def check(path: Path) -> bool:
        return file.size in (None, path.stat().st_size) and bool(file.is_published(digests(path)))

    return check


def _came(path: Path) -> Path:
    """The note beside a whole download that says where it came from."""
    return path.with_name(f"{path.name}.from")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _came(path).unlink(missing_ok=True)
