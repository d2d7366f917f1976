"""The recorded code comes back whole, elsewhere, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.errors import UserError
from dlcamp.reproduce.worktree import PREFIX, check_commit, code_state, mend
from dlcamp.tracking.lease import Lease
from dlcamp.tracking.provenance import CUT, PATCH, git_diff, git_state
from tests.reproduce.repository import commit, edit, git, repository


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = repository(tmp_path_factory.mktemp("template") / "repository")
    commit(folder)
    return folder


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with one commit, beside an empty folder for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    folder = shutil.copytree(template, tmp_path / "repository")
    yield folder
    assert not list((tmp_path / "temporary").iterdir())
    assert git(folder, "worktree", "list").count("\n") == 0


def recorded_diff(root: Path, path: Path) -> Path:
    """The uncommitted changes as a run records them."""
    path.write_text(git_diff(root), encoding="utf-8")
    return path


def test_changed_new_binary_and_deleted_files_come_back_as_they_were(root: Path, tmp_path: Path) -> None:
    module = root / "experiments/basics/steady.py"
    (root / "gone.txt").write_text("x")
    first = commit(root)
    edit(root, "SCALE = 1.0", "SCALE = 2.0")
    (root / "experiments/basics/new one.py").write_text('"""Grüße"""\r\n', "utf-8", newline="")
    (root / "table.bin").write_bytes(bytes(range(256)))
    (root / "gone.txt").unlink()
    patch = recorded_diff(root, tmp_path / PATCH)
    wanted = module.read_text("utf-8")
    git(root, "checkout", "--quiet", ".")
    git(root, "clean", "--quiet", "-fd")
    edit(root, "SCALE = 1.0", "SCALE = 3.0")  # what happens in the repository now does not matter
    commit(root)
    with code_state(root, first, patch) as tree:
        assert (tree / "experiments/basics/steady.py").read_text("utf-8") == wanted
        assert (tree / "experiments/basics/new one.py").read_bytes() == '"""Grüße"""\r\n'.encode()
        assert (tree / "table.bin").read_bytes() == bytes(range(256))
        assert not (tree / "gone.txt").exists()
        assert not tree.is_relative_to(root)
        assert git_state(tree) == {"commit": first, "branch": "HEAD", "dirty": True}
        assert git_diff(tree).encode() == patch.read_bytes()
    assert "3.0" in module.read_text("utf-8")
    assert not git(root, "status", "--porcelain")


def test_the_users_hooks_do_not_run(root: Path, tmp_path: Path) -> None:
    hook = root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with code_state(root, git(root, "rev-parse", "HEAD"), None):
        assert not (tmp_path / "ran").exists()


def test_it_works_where_git_runs_us_as_a_hook(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = git(root, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    with code_state(root, head, None) as tree:
        assert (tree / "experiments/basics/steady.py").exists()
    monkeypatch.delenv("GIT_DIR")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_it_is_removed_however_the_block_ends(root: Path, error: type[BaseException]) -> None:
    head = git(root, "rev-parse", "HEAD")
    with pytest.raises(error):
        _end_with(error, root, head)


def _end_with(error: type[BaseException], root: Path, head: str) -> None:
    with code_state(root, head, None) as tree:
        (tree / "left").write_text("by a run")
        raise error


def test_a_diff_that_was_cut_or_does_not_apply_is_refused_and_says_why(root: Path, tmp_path: Path) -> None:
    head, patch = git(root, "rev-parse", "HEAD"), tmp_path / PATCH
    edit(root, "SCALE = 1.0", "SCALE = 2.0")
    whole = recorded_diff(root, patch).read_text("utf-8")
    patch.write_text(f"{whole}{CUT}3000000 characters\n", "utf-8")
    with pytest.raises(UserError, match="only a part of the uncommitted changes"), code_state(root, head, patch):
        pass
    patch.write_text(whole.replace("-SCALE = 1.0", "-SCALE = 9.0"), "utf-8")
    with pytest.raises(UserError, match="do not apply"), code_state(root, head, patch):
        pass


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not(root: Path, tmp_path: Path) -> None:
    own, boot = Lease.of_this_process(), "another boot"
    holders = {
        "dead": replace(own, boot=boot),
        "cleared": replace(own, boot=boot),
        "alive": own,
        "elsewhere": replace(own, boot=boot, host=f"not-{socket.gethostname()}"),
    }
    trees = {name: (tmp_path / f"{PREFIX}{name}" / "tree").resolve() for name in holders}
    for name, lease in holders.items():
        git(root, "worktree", "add", "--detach", "--lock", "--reason", lease.text(), str(trees[name]), "HEAD")
    mine = tmp_path / "mine"
    git(root, "worktree", "add", "--detach", str(mine), "HEAD")
    os.rename(trees["cleared"], tmp_path / "as after a restart")
    assert sorted(mend(root)) == sorted([trees["dead"], trees["cleared"]])
    listed = git(root, "worktree", "list")
    assert [name for name in holders if str(trees[name]) in listed] == ["alive", "elsewhere"]
    assert not trees["dead"].parent.exists()
    assert mine.exists()
    for tree in (trees["alive"], trees["elsewhere"], mine):
        git(root, "worktree", "remove", "--force", "--force", str(tree))


def test_a_lease_survives_the_quotes_that_git_puts_around_it(root: Path) -> None:
    with code_state(root, git(root, "rev-parse", "HEAD"), None) as tree:
        (reason,) = (root / ".git/worktrees").glob("*/locked")
        assert json.loads(reason.read_text("utf-8"))["pid"] == os.getpid()
        assert mend(root) == []
        assert tree.exists()


def test_a_commit_that_is_not_there_says_what_to_fetch(root: Path, tmp_path: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    check_commit(root, head)
    with pytest.raises(UserError, match="git fetch --all"):
        check_commit(root, "0" * 40)
    edit(root, "SCALE = 1.0", "SCALE = 2.0")
    commit(root)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), str(shallow))
    with pytest.raises(UserError, match="git fetch --unshallow"):
        check_commit(shallow, head)
    with pytest.raises(UserError, match="no git checkout"):
        check_commit(tmp_path, head)
