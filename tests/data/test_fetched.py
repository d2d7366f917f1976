"""What is in place is what its digest says, also after files were changed, touched or removed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from dlcamp.data.fetched import FileRecord, Manifest, fetched, manifest_of
from dlcamp.data.unpacked import folder_digest
from dlcamp.errors import DataError

FILES = {"b.txt": b"b", "a/c.jpg": b"c" * 100, "a.x": b"", "a/b/ü.png": b"2"}


@pytest.fixture
def folder(fresh_home: Path) -> Path:
    """A data set `tiny` in place."""
    folder = fresh_home / "data" / "tiny"
    records = []
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        seen = (folder / path).stat()
        records.append(FileRecord(path, seen.st_size, seen.st_mtime_ns, hashlib.sha256(content).hexdigest()))
    Manifest(1.5e9, ({"file": "x.zip", "from": "here"},), tuple(records)).write(folder)
    return folder


def test_the_digest_is_that_of_paths_and_contents_in_their_order(folder: Path) -> None:
    found = fetched("tiny")
    (folder / "manifest.json").rename(folder.parent / "manifest.json")
    assert found.folder == folder
    assert found.digest == folder_digest(folder)
    assert not found.changed


def test_a_manifest_says_when_and_from_where_and_how_much(folder: Path) -> None:
    manifest = manifest_of("tiny")
    assert manifest is not None
    assert manifest.when == 1.5e9
    assert manifest.size == sum(map(len, FILES.values()))
    assert manifest.source == ({"file": "x.zip", "from": "here"},)
    assert [path.name for path in folder.glob("manifest*")] == ["manifest.json"]


def test_a_changed_file_changes_the_digest_and_is_named_each_time(folder: Path) -> None:
    before = fetched("tiny").digest
    (folder / "b.txt").write_bytes(b"B")
    os.utime(folder / "b.txt", ns=(1, 1))
    for _ in range(2):
        now = fetched("tiny")
        assert now.digest != before
        assert now.changed == ("b.txt",)
    (folder / "b.txt").write_bytes(b"b")
    assert fetched("tiny").digest == before


def test_a_file_of_the_same_size_and_time_is_not_read_again(folder: Path) -> None:
    before = fetched("tiny")
    seen = (folder / "b.txt").stat()
    (folder / "b.txt").write_bytes(b"X")
    os.utime(folder / "b.txt", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert fetched("tiny") == before


def test_a_touched_file_is_read_once_and_its_new_time_kept(folder: Path) -> None:
    before = fetched("tiny").digest
    os.utime(folder / "b.txt", ns=(5, 5))
    assert fetched("tiny").digest == before
    manifest = manifest_of("tiny")
    assert manifest is not None
    assert {file.path: file.mtime for file in manifest.files}["b.txt"] == 5


def test_missing_files_are_counted_and_named(folder: Path) -> None:
    for path in FILES:
        (folder / path).unlink()
    with pytest.raises(DataError, match=r"4 of 4 files of tiny are missing.*b\.txt.* and 1 more\n.*FORCE=1"):
        fetched("tiny")
    (folder / "a" / "b").rmdir()
    (folder / "a" / "b").write_bytes(b"a file where a folder was")
    with pytest.raises(DataError, match="4 of 4"):
        fetched("tiny")


def test_what_was_not_fetched_says_how_to_fetch_it(fresh_home: Path) -> None:
    with pytest.raises(DataError, match="nothing_here is not here; fetch it: make data DATA=nothing_here"):
        fetched("nothing_here")
    assert manifest_of("nothing_here") is None
    assert not list(fresh_home.iterdir())


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"when": 1, "source": [], "files": [{"path": "a"}]}'])
def test_a_damaged_manifest_says_how_to_mend_it(folder: Path, damage: str) -> None:
    (folder / "manifest.json").write_text(damage)
    with pytest.raises(DataError, match=r"manifest\.json cannot be read.*\n.*make data DATA=tiny FORCE=1"):
        fetched("tiny")


def test_names_that_are_no_text_survive_the_manifest(fresh_home: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    folder = fresh_home / "data" / "tiny"
    folder.mkdir(parents=True)
    (folder / odd).write_bytes(b"1")
    seen = (folder / odd).stat()
    record = FileRecord(odd, seen.st_size, seen.st_mtime_ns, hashlib.sha256(b"1").hexdigest())
    Manifest(0.0, (), (record,)).write(folder)
    assert json.loads((folder / "manifest.json").read_text())
    assert len(fetched("tiny").digest) == 64
