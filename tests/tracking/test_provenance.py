"""What git does not tell is never taken for a clean tree or a whole diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.tracking.provenance import CUT, git_diff, git_state
from tests.reproduce.repository import SCALE, commit, edit, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "repository")
    commit(folder)
    return folder


def test_a_clean_tree_is_clean_and_outside_of_a_checkout_there_is_nothing(root: Path, tmp_path: Path) -> None:
    state = git_state(root)
    assert state is not None
    assert (state["dirty"], git_diff(root)) == (False, "")
    assert (git_state(tmp_path), git_diff(tmp_path)) == (None, "")


def test_a_tree_that_git_cannot_tell_of_counts_as_dirty_and_its_diff_as_cut(root: Path) -> None:
    (root / ".git/index").write_bytes(b"damaged")
    state = git_state(root)
    assert state is not None
    assert state["dirty"] is True
    assert git_diff(root) == f"{CUT}0 characters, parts that git did not tell: 2\n"


def test_a_diff_that_lacks_a_new_file_keeps_the_rest_and_ends_with_what_it_lacks(root: Path) -> None:
    edit(root, SCALE, "SCALE = 2.0")
    repository(root / "inner")  # git lists another repository's folder as a new file, and has no patch for it
    commit(root / "inner")
    diff = git_diff(root)
    assert "+SCALE = 2.0" in diff
    assert diff.endswith("characters, parts that git did not tell: 1\n")


def test_a_large_diff_is_cut_and_says_so(root: Path) -> None:
    (root / "table.txt").write_text("1234567\n" * 300_000, "utf-8")
    diff = git_diff(root)
    assert len(diff) < 2_000_100
    assert diff[2_000_000:].startswith(CUT)
