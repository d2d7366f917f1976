"""Removal: everything that can go goes, what cannot is named, what is used or needed by now stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from dlcamp.errors import StoreError
from dlcamp.room.leftover import IN_USE, Leftover, remove, remove_tree
from dlcamp.room.sizes import size_of, touched

_NOBODY = 65534


def folder(path: Path, size: int = 50_000) -> Path:
    (path / "inner").mkdir(parents=True)
    (path / "inner/weights.bin").write_bytes(os.urandom(size))
    return path


@contextmanager
def without_rights() -> Iterator[None]:
    """Not as root, who may remove everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_size_is_what_the_disk_gives_and_links_are_not_followed(tmp_path: Path) -> None:
    big = folder(tmp_path / "big", 1_000_000)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/to").symlink_to(big)
    assert 1_000_000 <= size_of(big) < 1_100_000
    assert size_of(tmp_path / "linked") < 50_000
    assert size_of(tmp_path / "nowhere") == 0


def test_the_newest_file_says_when_a_folder_was_touched(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    for path in (one, one / "inner"):
        os.utime(path, (1e9, 1e9))
    os.utime(one / "inner/weights.bin", (1.5e9, 1.5e9))
    assert touched(one) == 1.5e9
    assert touched(tmp_path / "nowhere") == 0


def test_a_leftover_goes_and_what_it_took_is_counted(tmp_path: Path) -> None:
    one = Leftover("kind", "one", folder(tmp_path / "one"), "why")
    assert one.size >= 50_000
    assert remove(one).freed == one.size
    assert not one.path.exists()
    assert remove(one).problems == ()  # somebody else was quicker


def test_what_is_needed_by_now_stays(tmp_path: Path) -> None:
    told: list[str] = []
    one = Leftover(
        "kind", "one", folder(tmp_path / "one"), "why", lambda: "it is the champion", lambda: told.append("x")
    )
    assert remove(one).stayed == "it is the champion"
    assert one.path.exists()
    assert not told


def test_what_another_process_has_locked_stays_and_goes_later_with_its_lock(tmp_path: Path) -> None:
    path = folder(tmp_path / "one")
    one = Leftover("kind", "one", path, "why", lock=path / "lock")
    with FileLock(path / "lock"):
        assert remove(one).stayed == IN_USE
    remove(one)
    assert not path.exists()


def test_a_lock_that_was_not_there_is_not_left_behind(tmp_path: Path) -> None:
    remove(Leftover("kind", "one", folder(tmp_path / "one"), "why", lock=tmp_path / "run.lock"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_does_not_answer_is_a_problem_of_that_leftover_alone(tmp_path: Path) -> None:
    def away() -> str:
        raise StoreError("no answer")

    one = Leftover("kind", "one", folder(tmp_path / "one"), "why", away)
    assert "no answer" in remove(one).problems[0]
    assert one.path.exists()


def test_a_link_goes_and_what_it_names_stays(tmp_path: Path) -> None:
    target = folder(tmp_path / "target")
    (tmp_path / "link").symlink_to(target)
    assert remove_tree(tmp_path / "link") == []
    assert (target / "inner/weights.bin").exists()
    assert not (tmp_path / "link").is_symlink()


def test_a_file_that_may_not_be_removed_is_named_once_and_the_others_go() -> None:
    with tempfile.TemporaryDirectory() as made:
        root = Path(made, "tree")
        for name in ("kept", "free"):
            folder(root / name)
        for path in (Path(made), root, *root.rglob("*")):
            if not os.geteuid():
                os.chown(path, _NOBODY, -1)
            path.chmod(0o755)
        (root / "kept/inner").chmod(0o555)
        with without_rights():
            problems = remove_tree(root)
        assert problems == [f"{root}/kept/inner/weights.bin: Permission denied"]
        assert not (root / "free").exists()
        (root / "kept/inner").chmod(0o755)
