"""A data set from a URL, a folder or a file: in place whole and examined, or everything as it was before."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlcamp.data.catalog import Entry
from dlcamp.data.fetch.obtain import Obtained, obtain
from dlcamp.data.fetched import fetched
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY
from tests.data.fetch.server import Answer, Server
from tests.data.fetch.small import (
    IMAGES,
    NAME,
    PHOTOS_ZIP,
    QUICK,
    WORDS,
    WORDS_ZIP,
    Heard,
    contents,
    entry,
    left_over,
    zipped,
)

WHOLE = {**WORDS, **IMAGES}
PHOTOS_MD5 = hashlib.md5(PHOTOS_ZIP).hexdigest()
PHOTOS_SHA = hashlib.sha256(PHOTOS_ZIP).hexdigest()
OTHER_IMAGES = {path: content[:1] + b"!" for path, content in IMAGES.items()}
WRONG_IMAGES = dict.fromkeys(IMAGES, b"?")


@pytest.fixture
def published(server: Server) -> Server:
    server.serve("/words.zip", WORDS_ZIP)
    server.serve("/photos.zip", PHOTOS_ZIP)
    return server


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "archives"
    folder.mkdir()
    (folder / "words.zip").write_bytes(WORDS_ZIP)
    (folder / "photos.zip").write_bytes(PHOTOS_ZIP)
    return folder


def get(one: Entry, origin: object = None, force: bool = False, heard: Heard | None = None) -> Obtained:
    given = None if origin is None else str(origin)
    return obtain(one, given, report=heard or Heard(), force=force, patience=QUICK)


def in_place(home: Path) -> dict[str, bytes]:
    return contents(home / "data" / NAME)


def test_downloads_are_unpacked_examined_and_in_place(published: Server, fresh_home: Path) -> None:
    heard = Heard()
    got = get(entry(published.url("")), heard=heard)
    assert got.fresh
    assert in_place(fresh_home) == WHOLE
    assert not left_over(fresh_home)
    assert got.lines[-1] == "20 photos"
    assert fetched(NAME).digest == got.manifest.digest
    assert heard.bars["writing tiny"] == [sum(map(len, WHOLE.values()))] * 2


def test_what_is_here_is_not_fetched_again_unless_forced(published: Server, fresh_home: Path) -> None:
    one = entry(published.url(""))
    first = get(one)
    asked = len(published.asked)
    again = get(one)
    assert not again.fresh
    assert again.manifest == first.manifest
    assert len(published.asked) == asked
    published.serve("/photos.zip", zipped(OTHER_IMAGES))
    (fresh_home / "data" / "checksums" / f"{NAME}.json").unlink()
    assert get(one, force=True).fresh
    assert in_place(fresh_home) == {**WORDS, **OTHER_IMAGES}
    assert fetched(NAME).digest != first.manifest.digest
    assert not left_over(fresh_home)


def test_files_that_changed_or_went_since_are_said(published: Server, fresh_home: Path) -> None:
    one = entry(published.url(""))
    get(one)
    folder = fresh_home / "data" / one.name
    first, second = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")[:2]
    first.write_bytes(b"edited by hand")
    heard = Heard()
    assert not get(one, heard=heard).fresh
    assert "1 files have changed since" in heard.text
    second.unlink()
    with pytest.raises(DataError, match=r"are missing(?s:.*)FORCE=1"):
        get(one)
    assert get(one, force=True).fresh


@pytest.mark.parametrize(
    "broken",
    [zipped(WRONG_IMAGES), PHOTOS_ZIP[:-500], zipped({"cats/1.gif": b""}), b"<html>Sign in</html>", b""],
    ids=["another data set", "truncated", "another archive", "a login page", "empty"],
)
def test_a_new_one_that_is_not_accepted_leaves_the_old_in_place(
    published: Server, fresh_home: Path, broken: bytes
) -> None:
    one = entry(published.url(""))
    before = get(one)
    (fresh_home / "data" / "checksums" / f"{NAME}.json").unlink()
    published.serve("/photos.zip", broken)
    with pytest.raises(DataError):
        get(one, force=True)
    assert in_place(fresh_home) == WHOLE
    assert fetched(NAME).digest == before.manifest.digest
    assert "photos.zip" not in {Path(path).name for path in left_over(fresh_home)}


@pytest.mark.parametrize("known", [{"md5": PHOTOS_MD5}, {"sha256": PHOTOS_SHA}, {"sha256": PHOTOS_SHA, "size": 7}])
def test_a_download_with_the_known_checksum_is_said_to_be_the_published_file(
    published: Server, fresh_home: Path, known: dict[str, Any]
) -> None:
    got = get(entry(published.url(""), **known))
    assert f"photos.zip: the published file (sha256 {PHOTOS_SHA[:12]}...)" in got.lines
    assert got.manifest.source[1]["published"] is True
    assert "photos.zip" not in json.loads((fresh_home / "data/checksums" / f"{NAME}.json").read_text())


@pytest.mark.parametrize("known", [{"md5": "0" * 32}, {"sha256": "0" * 64}])
def test_a_download_with_another_checksum_is_refused_and_removed(
    published: Server, fresh_home: Path, known: dict[str, Any]
) -> None:
    with pytest.raises(
        DataError, match=r"another file than the published one, and it was removed\nexpected (md5|sha256) 0"
    ):
        get(entry(published.url(""), **known))
    assert not (fresh_home / "data" / NAME).exists()
    assert "downloads/photos.zip" not in {Path(path).relative_to(NAME).as_posix() for path in left_over(fresh_home)}


def test_pieces_that_do_not_fit_together_are_fetched_once_more_as_a_whole(published: Server, fresh_home: Path) -> None:
    heard = Heard()
    published.serve("/photos.zip", PHOTOS_ZIP, Answer(drop_after=50_000), Answer(garbled=True))
    get(entry(published.url(""), md5=PHOTOS_MD5), heard=heard)
    assert in_place(fresh_home) == WHOLE
    assert "the pieces do not fit together" in heard.text


def test_a_first_download_without_known_checksum_is_recorded_and_later_ones_compared(
    published: Server, fresh_home: Path
) -> None:
    one = entry(published.url(""))
    assert any("no published checksum is known; its sha256 is recorded" in line for line in get(one).lines)
    assert any("the same as what was downloaded first" in line for line in get(one, force=True).lines)
    published.serve("/photos.zip", zipped(OTHER_IMAGES))
    with pytest.raises(DataError, match=r"(?s)another file than on .*checksums.tiny\.json and fetch again"):
        get(one, force=True)
    assert in_place(fresh_home) == WHOLE


def test_what_was_never_accepted_is_not_recorded(published: Server, fresh_home: Path) -> None:
    published.serve("/photos.zip", b"<html>Sign in</html>")
    with pytest.raises(DataError, match="a web page"):
        get(entry(published.url("")))
    assert not (fresh_home / "data" / "checksums").exists()
    assert "photos.zip" not in {Path(path).name for path in left_over(fresh_home)}
    published.serve("/photos.zip", PHOTOS_ZIP)
    assert get(entry(published.url(""))).fresh


def test_a_second_address_is_tried_when_the_first_fails(published: Server, fresh_home: Path) -> None:
    one = entry(published.url(""))
    words, photos = one.files
    mirrors = replace(photos, urls=(published.url("/gone.zip"), *photos.urls))
    heard = Heard()
    assert get(replace(one, files=(words, mirrors)), heard=heard).fresh
    assert "404" in heard.text


def test_when_no_address_gives_the_file_the_way_out_is_said_and_what_came_is_kept(
    published: Server, fresh_home: Path
) -> None:
    published.files.pop("/photos.zip")
    with pytest.raises(DataError, match=r"(?s)cannot be downloaded.*404.*FROM=folder, file or URL"):
        get(entry(published.url("")))
    published.serve("/photos.zip", PHOTOS_ZIP)
    assert get(entry(published.url(""))).fresh
    assert [asked.path for asked in published.asked].count("/words.zip") == 1


def test_an_interrupted_download_keeps_its_part_and_nothing_else(published: Server, fresh_home: Path) -> None:
    class Interrupted(Heard):
        def say(self, line: str) -> None:
            raise KeyboardInterrupt

    published.serve("/photos.zip", PHOTOS_ZIP, Answer(drop_after=60_000))
    with pytest.raises(KeyboardInterrupt):
        get(entry(published.url("")), heard=Interrupted())
    assert not (fresh_home / "data" / NAME).exists()
    kept = {Path(path).name for path in left_over(fresh_home)}
    assert kept == {NAME, "downloads", "words.zip", "words.zip.from", "photos.zip.part", "photos.zip.part.json"}
    assert get(entry(published.url(""))).fresh
    assert published.ranges()[-1] == "bytes=60000-"
    assert not left_over(fresh_home)


@pytest.mark.parametrize("where", ["/", "/mirror", "/mirror/"])
def test_another_address_may_hold_the_same_files_under_any_of_their_names(
    server: Server, fresh_home: Path, where: str
) -> None:
    server.serve(f"{where.rstrip('/')}/text.zip", WORDS_ZIP)
    server.serve(f"{where.rstrip('/')}/photos.zip", zipped(OTHER_IMAGES))
    got = get(entry(md5=PHOTOS_MD5), server.url(where))
    assert in_place(fresh_home) == {**WORDS, **OTHER_IMAGES}
    assert any("not the published file" in line for line in got.lines)
    assert not (fresh_home / "data/checksums").exists()


def test_the_address_of_one_archive_of_several_says_what_is_missing_before_it_is_loaded(
    published: Server, fresh_home: Path
) -> None:
    with pytest.raises(DataError, match=r"missing:\n  words\.zip"):
        get(entry(), published.url("/photos.zip"))
    assert not published.asked


def test_the_address_of_an_archive_with_everything_will_do(server: Server, fresh_home: Path) -> None:
    assert get(entry(), server.serve("/all.zip", zipped(WHOLE))).fresh
    assert in_place(fresh_home) == WHOLE


def test_an_address_that_lacks_a_file_says_which(published: Server, fresh_home: Path) -> None:
    published.files.pop("/photos.zip")
    with pytest.raises(DataError, match=r"(?s)missing:\n  photos\.zip.*found: words\.zip"):
        get(entry(), published.url("/"))
    assert not (fresh_home / "data" / NAME).exists()


@pytest.mark.parametrize("address", ["ftp://host/x", "http:///x", "https://host/with blank", "file:///etc"])
def test_addresses_that_are_not_of_the_web_are_refused(fresh_home: Path, address: str) -> None:
    with pytest.raises(DataError, match="begins with http"):
        get(entry(), address)


def test_archives_of_the_user_are_taken_as_they_are_and_left_where_they_are(archives: Path, fresh_home: Path) -> None:
    got = get(entry(md5="0" * 32), archives)
    assert in_place(fresh_home) == WHOLE
    assert any(line.startswith("photos.zip: not the published file") for line in got.lines)
    assert sorted(path.name for path in archives.iterdir()) == ["photos.zip", "words.zip"]
    assert got.manifest.source[1] == {
        "file": "photos.zip", "from": str(archives / "photos.zip"), "sha256": PHOTOS_SHA, "published": False,
    }  # fmt: skip


def test_a_damaged_archive_of_the_user_is_named_and_left_where_it_is(archives: Path, fresh_home: Path) -> None:
    (archives / "photos.zip").write_bytes(PHOTOS_ZIP[: len(PHOTOS_ZIP) // 2])
    with pytest.raises(DataError, match=r"photos\.zip is cut off or damaged"):
        get(entry(), archives)
    assert (archives / "photos.zip").exists()
    assert not left_over(fresh_home)


def test_damage_that_shows_only_while_unpacking_leaves_nothing(archives: Path, fresh_home: Path) -> None:
    place = PHOTOS_ZIP.index(bytes([17]) * 5000)
    (archives / "photos.zip").write_bytes(PHOTOS_ZIP[:place] + b"?" + PHOTOS_ZIP[place + 1 :])
    with pytest.raises(DataError, match=r"photos\.zip is cut off or damaged .Bad CRC-32"):
        get(entry(), archives)
    assert not (fresh_home / "data" / NAME).exists()
    assert not left_over(fresh_home)


def test_unpacked_files_give_the_same_digest_as_the_archives(archives: Path, tmp_path: Path, fresh_home: Path) -> None:
    packed = get(entry(), archives)
    for path, content in WHOLE.items():
        (tmp_path / "loose" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "loose" / path).write_bytes(content)
    assert get(entry(), tmp_path / "loose", force=True).manifest.digest == packed.manifest.digest


def test_a_copy_that_the_system_has_installed_is_taken_without_being_named(archives: Path, fresh_home: Path) -> None:
    heard = Heard()
    got = get(replace(entry(), installed=("/nowhere", str(archives))), heard=heard)
    assert got.fresh
    assert "installed on this system" in heard.text


def test_too_small_a_disk_is_said_before_anything_is_downloaded_or_written(
    published: Server, archives: Path, fresh_home: Path
) -> None:
    one = replace(entry(published.url(""), size=3_000_000_000), size=2_000_000_000)
    with pytest.raises(DataError, match=r"tiny \(download and unpacked\) needs 5 GB .* has 1 GB free"):
        obtain(one, report=Heard(), free=lambda folder: 10**9)
    assert not published.asked
    with pytest.raises(DataError, match=r"needs .* has 50 kB free"):
        obtain(one, str(archives), report=Heard(), free=lambda folder: 50_000)
    assert not left_over(fresh_home)


def test_a_disk_that_fills_up_while_unpacking_leaves_nothing(archives: Path, fresh_home: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(DataError, match=r"(?s)cannot write .*DLCAMP_HOME"):
            get(entry(), archives)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (fresh_home / "data" / NAME).exists()
    assert not left_over(fresh_home)


def test_a_home_that_cannot_be_written_is_said_before_anything_starts(published: Server, fresh_home: Path) -> None:
    (fresh_home / "data").write_text("in the way")
    with pytest.raises(DataError, match=r"(?s)cannot write .*data.*DLCAMP_HOME=/path"):
        get(entry(published.url("")))
    assert not published.asked


def test_a_folder_that_was_not_fetched_is_never_replaced(archives: Path, fresh_home: Path) -> None:
    own = fresh_home / "data" / NAME
    own.mkdir(parents=True)
    (own / "precious.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(DataError, match="was not fetched"):
            get(entry(), archives, force=force)
    assert contents(own) == {"precious.txt": b"mine"}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, PermissionError(13, "Permission denied")])
def test_an_old_data_set_goes_back_when_the_swap_is_interrupted(
    archives: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    before = get(entry(), archives)
    rename, calls = os.rename, []

    def fails_at_the_second(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise failure
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails_at_the_second)
    with pytest.raises((KeyboardInterrupt, DataError)):
        get(entry(), archives, force=True)
    assert in_place(fresh_home) == WHOLE
    assert fetched(NAME).digest == before.manifest.digest
    assert not left_over(fresh_home)


def test_a_damaged_manifest_is_mended_by_fetching_again(archives: Path, fresh_home: Path) -> None:
    get(entry(), archives)
    (fresh_home / "data" / NAME / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"make data DATA=tiny FORCE=1"):
        get(entry(), archives)
    assert get(entry(), archives, force=True).fresh
    assert in_place(fresh_home) == WHOLE


def test_the_users_own_data_set_needs_to_be_named(fresh_home: Path) -> None:
    one = entry()
    own = replace(one, files=tuple(replace(file, urls=()) for file in one.files))
    with pytest.raises(DataError, match=r"your own.*FROM=/path/to/folder"):
        get(own)


def test_two_threads_and_two_processes_that_fetch_at_once_fetch_once(published: Server, fresh_home: Path) -> None:
    published.serve("/photos.zip", PHOTOS_ZIP, Answer(stall_after=40_000))
    command = [sys.executable, "-m", "tests.data.fetch.fetching", published.url("")]
    running = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    heard = [Heard(), Heard()]
    got: list[Obtained] = []

    def fetch(heard: Heard) -> None:
        got.append(obtain(entry(published.url("")), report=heard, patience=replace(QUICK, stall=1.0)))

    threads = [threading.Thread(target=fetch, args=[one]) for one in heard]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    fresh = [one.fresh for one in got] + ["fresh" in text for text in said]
    assert sorted(fresh) == [False, False, False, True]
    assert [asked.path for asked in published.asked].count("/words.zip") == 1
    assert in_place(fresh_home) == WHOLE
    assert not left_over(fresh_home)
