"""Small data sets for the tests of fetching: an entry, its archives, a report that remembers, impatient waiting."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dlcamp.data.catalog import Entry
from dlcamp.data.fetch.download import Patience
from dlcamp.data.fetch.remote import Remote
from dlcamp.data.fetch.report import Advance
from dlcamp.errors import DataError

QUICK = Patience(stall=10, tries=3, pause=0.001, longest=0.01)
IMPATIENT = replace(QUICK, stall=0.3)
IMAGES = {f"Photos/{number}.jpg": bytes([number]) * 5000 for number in range(20)}
WORDS = {"words.txt": b"a dog\na cat\n", "splits.txt": b"1\n2\n"}
NAME = "tiny"


def zipped(files: Mapping[str, bytes], mode: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", mode) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), content, mode)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], packing: str = "") -> bytes:
    """A tar of these files; `packing` is gz, bz2 or nothing."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


PHOTOS_ZIP, WORDS_ZIP = zipped(IMAGES, zipfile.ZIP_STORED), zipped({**WORDS, "readme": b"cite us"})


def entry(base: str = "http://127.0.0.1:1", examine: str | None = None, **known: Any) -> Entry:
    """A data set of two archives; `known` goes to that of the photos."""
    return Entry(
        name=NAME,
        title="for tests",
        source="tests.data.fetch.small:opened",
        licence="none",
        citation="none",
        embedded=False,
        examine=examine or "tests.data.fetch.small:examine",
        files=(
            Remote("words.zip", (f"{base}/words.zip",), ("words.txt", "splits.txt"), aliases=("text.zip",)),
            Remote("photos.zip", (f"{base}/photos.zip",), ("Photos/*.jpg",), **known),
        ),
    )


def examine(folder: Path) -> list[str]:
    """Accepts a folder in which every image begins with its own number."""
    for path in (folder / "Photos").iterdir():
        if path.read_bytes()[:1] != bytes([int(path.stem)]):
            raise DataError(f"{path.name} is another image")
    return [f"{len(list((folder / 'Photos').iterdir()))} photos"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the manifest."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop("manifest.json", None)
    return found


def left_over(home: Path) -> set[str]:
    """What lies in the data folder beside data sets in place: everything but the locks, which stay."""
    yard = home / "data" / ".fetch"
    return {path.relative_to(yard).as_posix() for path in yard.rglob("*") if path.suffix != ".lock"}


@dataclass
class Heard:
    """A report that remembers what it was told."""

    lines: list[str] = field(default_factory=list)
    bars: dict[str, list[int]] = field(default_factory=dict)

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Advance]:
        self.bars[what] = [total, 0]
        yield _Counted(self.bars[what])

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class _Counted:
    def __init__(self, bar: list[int]) -> None:
        self._bar = bar

    def advance(self, count: int) -> None:
        self._bar[1] += count
