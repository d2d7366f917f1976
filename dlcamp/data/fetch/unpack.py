"""Archives, read with suspicion: zip, tar (plain, gz, bz2, xz) and single gz files.

Every name is checked before anything is written. Paths that leave the folder, links, devices and encrypted members
are refused, and so is what would grow to a size no real data set has. What is cut off or damaged is an error that
says so, in whichever of the libraries below it shows.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from dlcamp.data.fetch.remote import CHUNK, amount
from dlcamp.errors import DataError

GROWTH = 200  # text packs to a tenth at best, photographs hardly at all; bombs grow a thousandfold and more
FLOOR = 64 << 20
MOST_MEMBERS = 2_000_000


class Member(NamedTuple):
    """One file in an archive: its path, and its size in bytes as the archive declares it."""

    path: str
    size: int


class Archive(Protocol):
    """An archive whose members are known to be safe to write under a folder."""

    path: Path
    members: tuple[Member, ...]

    def read(self, wanted: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The wanted members in the archive's own order, in chunks, each to be read before the next.

        Raises:
            DataError: the archive is damaged, or a member is not as long as the archive declares.
        """


def open_archive(path: Path) -> Archive:
    """The archive in a file, by its content, not by its name.

    Raises:
        DataError: it is none, is cut off, is damaged, or holds what has no place in a data set.
    """
    with _readable(path):
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or zipfile.is_zipfile(path):
            return _Zip(path)
        if _is_tar(path):
            return _Tar(path)
        if head.startswith(b"\x1f\x8b") and not re.search(r"\.(tar\.gz|tgz)$", path.name):
            return _Gzip(path)
    raise DataError(f"{path} is no archive: {_what(head)}\nknown are zip, tar, tar.gz, tar.bz2, tar.xz and gz")


class _Zip:
    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            self.members = _checked(path, map(self._member, archive.infolist()))

    def _member(self, info: zipfile.ZipInfo) -> Member | None:
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _special(self.path, info.filename, "a link" if stat.S_ISLNK(mode) else "a device")
        if info.flag_bits & 1:
            raise DataError(f"{self.path}: {info.filename!r} is encrypted; unpack it yourself and give the folder")
        safe_path(info.filename, self.path)
        return None if info.is_dir() else Member(info.filename, info.file_size)

    def read(self, wanted: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        names = set(wanted)
        with _readable(self.path), zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                if info.filename in names and not info.is_dir():
                    with archive.open(info) as stream:
                        yield info.filename, _chunks(self.path, stream, info.file_size)


class _Tar:
    def __init__(self, path: Path) -> None:
        self.path = path
        with tarfile.open(path) as archive:
            self.members = _checked(path, map(self._member, archive))
            _check_end(path, archive.fileobj)

    def _member(self, info: tarfile.TarInfo) -> Member | None:
        if not (info.isreg() or info.isdir()):
            raise _special(self.path, info.name, "a link" if info.issym() or info.islnk() else "a device")
        safe_path(info.name, self.path)
        return None if info.isdir() else Member(info.name, info.size)

    def read(self, wanted: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        names = set(wanted)
        with _readable(self.path), tarfile.open(self.path) as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.name in names and info.isreg() else None
                if stream is not None:
                    yield info.name, _chunks(self.path, stream, info.size)


class _Gzip:
    """A single file; it declares its size modulo 4 GiB only, which is enough for the check of the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.stat().st_size < 18:
            raise EOFError("shorter than an empty one")
        with path.open("rb") as file:
            file.seek(-4, 2)
            size = struct.unpack("<I", file.read(4))[0]
        self.members = _checked(path, [Member(path.name.removesuffix(".gz"), size)])

    def read(self, wanted: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        if self.members[0].path in set(wanted):
            with _readable(self.path), gzip.open(self.path) as stream:
                yield self.members[0].path, _chunks(self.path, stream, None)


def safe_path(path: str, archive: Path) -> str:
    """The path as it is, if it stays below the folder it is unpacked into.

    Raises:
        DataError: it is absolute, has `..`, or is written for a system on which it would leave the folder.
    """
    if path.startswith("/") or ".." in path.split("/") or re.search(r"[\\\0]|^[A-Za-z]:", path):
        raise DataError(f"{archive}: refused, because the path {path!r} in it leads out of the folder")
    return path


def _checked(archive: Path, members: Iterable[Member | None]) -> tuple[Member, ...]:
    """The members that are files; stops at the first thing that is wrong, before the rest is read."""
    limit = FLOOR + GROWTH * archive.stat().st_size
    found: dict[str, Member] = {}
    total = 0
    for member in filter(None, members):
        if member.path in found:
            raise DataError(f"{archive}: refused, because it holds {member.path!r} twice")
        found[member.path] = member
        total += member.size
        if total > limit or len(found) > MOST_MEMBERS:
            raise DataError(
                f"{archive}: refused, because {amount(archive.stat().st_size)} would grow to more than {amount(limit)}"
            )
    return tuple(found.values())


def _chunks(archive: Path, stream: IO[bytes] | gzip.GzipFile, size: int | None) -> Iterator[bytes]:
    """The content of a member of a declared size; where none is declared, as far as `GROWTH` allows."""
    most = FLOOR + GROWTH * archive.stat().st_size if size is None else size
    read = 0
    with _readable(archive):
        while chunk := stream.read(CHUNK):
            read += len(chunk)
            if read > most:
                break
            yield chunk
    if read > most or size not in (None, read):
        raise _cut(archive, f"{amount(read)} come out where {amount(most)} were declared")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the libraries raise on a damaged file into an error that names the file."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, struct.error) as error:
        known = "the directory at its end is missing" if "not a zip file" in str(error) else error
        raise _cut(path, known) from None
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} cannot be unpacked here: {error}\nunpack it yourself and give the folder") from None
    except OSError as error:
        # gzip and bz2 say so when the content is wrong; an error of the system has a number
        if error.errno is None:
            raise _cut(path, error) from None
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error, lzma.LZMAError, OSError):
        return False


def _check_end(path: Path, opened: object) -> None:
    """Read to the end what tarfile leaves unread: a cut between two members shows there, or a wrong checksum."""
    if isinstance(opened, io.BufferedReader):  # a plain tar, which ends in zeros
        opened.seek(-min(512, path.stat().st_size), 2)
        if opened.read().strip(b"\0"):
            raise _cut(path, "its end mark is missing")
        return
    left = FLOOR
    while isinstance(opened, io.BufferedIOBase) and (chunk := opened.read(CHUNK)):
        left -= len(chunk)
        if left < 0:
            raise _cut(path, f"more than {amount(FLOOR)} follow its end")


def _cut(path: Path, error: object) -> DataError:
    return DataError(
        f"{path} is cut off or damaged ({error}); it has {amount(path.stat().st_size)}\n"
        "get it again, or give another copy: FROM=folder, file or URL"
    )


def _special(path: Path, name: str, what: str) -> DataError:
    return DataError(f"{path}: refused, because {name!r} in it is {what}; a data set holds files only")


def _what(head: bytes) -> str:
    if not head:
        return "it is empty"
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.I):
        return "it is a web page, as a login or an error page is"
    return f"it begins with {head[:16]!r}"
