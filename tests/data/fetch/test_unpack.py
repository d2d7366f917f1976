"""Archives that are whole, and those that are cut, damaged, hostile or no archives at all."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from dlcamp.data.fetch import unpack
from dlcamp.data.fetch.unpack import open_archive
from dlcamp.errors import DataError
from tests.data.fetch.small import tarred, zipped

FILES = {"a/one.txt": b"one" * 1000, "a/b/two.bin": bytes(range(256)) * 40, "empty": b""}
KINDS = {
    "zip": zipped(FILES),
    "stored.zip": zipped(FILES, zipfile.ZIP_STORED),
    "tar": tarred(FILES),
    "tar.gz": tarred(FILES, "gz"),
    "tar.bz2": tarred(FILES, "bz2"),
    "tar.xz": tarred(FILES, "xz"),
}


def written(folder: Path, content: bytes, name: str = "archive") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def content_of(path: Path) -> dict[str, bytes]:
    archive = open_archive(path)
    return {name: b"".join(chunks) for name, chunks in archive.read([member.path for member in archive.members])}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_read_by_its_content_whatever_its_name(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, KINDS[kind])
    assert content_of(path) == FILES
    assert {member.path: member.size for member in open_archive(path).members} == {
        name: len(content) for name, content in FILES.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted_is_read(tmp_path: Path, kind: str) -> None:
    archive = open_archive(written(tmp_path, KINDS[kind]))
    assert [name for name, _ in archive.read(["a/b/two.bin"])] == ["a/b/two.bin"]


def test_a_single_gz_file_is_the_file_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"label\ttext\n" * 100), "sms.txt.gz")
    assert content_of(path) == {"sms.txt": b"label\ttext\n" * 100}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_an_archive_that_is_cut_off_anywhere_is_an_error_that_says_so(tmp_path: Path, kind: str, share: float) -> None:
    whole = KINDS[kind].rstrip(b"\0")  # the end of a plain tar is padding
    path = written(tmp_path, whole[: int(len(whole) * share)], f"cut.{kind}")
    with pytest.raises(DataError, match=r"cut off or damaged|is no archive"):
        content_of(path)


def test_a_tar_cut_exactly_between_two_members_is_noticed(tmp_path: Path) -> None:
    whole = KINDS["tar"]
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        second = archive.getmembers()[1].offset
    with pytest.raises(DataError, match="end mark is missing"):
        open_archive(written(tmp_path, whole[:second]))


@pytest.mark.parametrize("kind", KINDS)
def test_changed_bytes_never_come_out_as_if_nothing_was(tmp_path: Path, kind: str) -> None:
    """A plain tar has no checksum of its contents, only of its headers."""
    whole = KINDS[kind]
    for place in range(10, len(whole) - 10, max(1, len(whole) // 40)):
        changed = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        path = written(tmp_path, changed)
        try:
            came = content_of(path)
        except DataError:
            continue
        if kind != "tar":
            assert all(came[name] == FILES[name] for name in came.keys() & FILES.keys()), place


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up.txt", "a/../../up.txt", "C:/up.txt", "c:up.txt", "a\\..\\..\\up.txt", ".."]
)
def test_paths_that_leave_the_folder_are_refused_before_anything_is_read(tmp_path: Path, path: str) -> None:
    for number, packed in enumerate((zipped({"good": b"1", path: b"2"}), tarred({"good": b"1", path: b"2"}))):
        with pytest.raises(DataError, match="leads out of the folder"):
            open_archive(written(tmp_path, packed, f"evil{number}"))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, what: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("dog.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DataError, match=f"'dog.jpg' in it is {what}"):
        open_archive(written(tmp_path, packed.getvalue()))


@pytest.mark.parametrize(("mode", "what"), [(0o120777, "a link"), (0o020666, "a device"), (0o010666, "a device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int, what: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("dog.jpg")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match=f"is {what}"):
        open_archive(written(tmp_path, packed.getvalue()))


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", "second")
    with pytest.raises(DataError, match="twice"):
        open_archive(written(tmp_path, packed.getvalue()))


def test_an_encrypted_zip_says_what_to_do(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.txt": b"secret"}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match=r"encrypted; unpack it yourself"):
        open_archive(written(tmp_path, bytes(packed)))


@pytest.mark.parametrize("pack", [zipped, lambda files: tarred(files, "gz"), lambda files: tarred(files, "bz2")])
def test_an_archive_that_would_grow_without_bounds_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack
) -> None:
    monkeypatch.setattr(unpack, "FLOOR", 1 << 20)
    path = written(tmp_path, pack({f"{n}.bin": bytes(1 << 20) for n in range(8)}))
    with pytest.raises(DataError, match="would grow to more than"):
        open_archive(path)


def test_a_gz_that_lies_about_its_size_is_stopped_while_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "FLOOR", 1 << 20)
    packed = gzip.compress(b"x" * (8 << 20))
    path = written(tmp_path, packed[:-4] + struct.pack("<I", 5), "small.gz")
    reading = open_archive(path).read(["small"])
    _, chunks = next(reading)
    read: list[int] = []
    with pytest.raises(DataError, match="come out where"):
        read.extend(map(len, chunks))
    assert sum(read) <= unpack.FLOOR + unpack.GROWTH * len(packed)


def test_a_zip_whose_members_are_longer_than_declared_gives_no_more_than_declared(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.txt": b"x" * 5000}, zipfile.ZIP_STORED))
    central = packed.index(b"PK\x01\x02")
    packed[central + 24 : central + 28] = struct.pack("<I", 100)
    with pytest.raises(DataError, match="cut off or damaged"):
        content_of(written(tmp_path, bytes(packed)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"\n<html>404", "a web page"),
        (b"v1,v2\nham,hello", "begins with b'v1,v2"),
        (b"\x1f\x8b", "cut off or damaged"),
        (b"PK\x03\x04", "directory at its end is missing"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        open_archive(written(tmp_path, content))


def test_an_archive_that_is_not_there_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.zip: No such file"):
        open_archive(tmp_path / "nowhere.zip")
