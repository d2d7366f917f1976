"""The code of a run as it was recorded: a commit and its uncommitted changes, in a git worktree outside the repository.

The worktree is locked with a text that names the process that made it, so that git's own pruning leaves it alone while
the process lives, and `mend` removes those of processes that were killed. Worktrees of the user are never touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlcamp.errors import UserError
from dlcamp.guards import uninterrupted
from dlcamp.tracking.lease import Lease, why_dead
from dlcamp.tracking.provenance import is_whole

PREFIX = "dlcamp-reproduce-"
_TREE = "tree"
_SECONDS = 600
# set where git runs us as a hook; they would send every command to another repository
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")


def check_commit(root: Path, commit: str) -> None:
    """UserError unless the repository at `root` holds the commit; says what to fetch."""
    if _ask(root, "rev-parse", "--git-dir") is None:
        raise UserError(f"{root} is no git checkout, so that the code of commit {commit[:12]} cannot be had from it")
    if _ask(root, "cat-file", "-e", f"{commit}^{{commit}}") is not None:
        return
    shallow = (_ask(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    what = (
        "this clone is shallow and leaves older commits out: git fetch --unshallow"
        if shallow
        else "fetch the branch that holds it (git fetch --all), or reproduce it in the clone where it was made"
    )
    raise UserError(f"commit {commit[:12]} is not in the repository {root}\n{what}")


@contextmanager
def code_state(root: Path, commit: str, patch: Path | None) -> Iterator[Path]:
    """A folder with the code of a commit and a patch on it, of the same place in the repository as `root`.

    It lies in the system's folder for temporary files and is removed with the block, however that ends.

    Args:
        patch: what `uncommitted.patch` of a run holds; None for a clean tree.

    Raises:
        UserError: git cannot make it, or the patch does not apply (it was cut, or holds text that is not UTF-8).
    """
    mend(root)
    within = _git(root, "rev-parse", "--show-prefix").strip()
    around = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    tree = around / _TREE
    try:
        # without hooks: what a user's post-checkout hook does is meant for his own working tree
        held = ("--lock", "--reason", Lease.of_this_process().text())
        _git(root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", *held, str(tree), commit)
        if patch is not None:
            _apply(tree, patch)
        yield tree / within
    finally:
        with uninterrupted():
            _remove(root, tree)


def mend(root: Path) -> list[Path]:
    """Remove the worktrees that killed processes of this machine left; those that were."""
    gone = []
    for tree, reason in _worktrees(root):
        lease = _lease(reason)
        ours = tree.name == _TREE and tree.parent.name.startswith(PREFIX)
        # of another machine that shares the repository nothing is known here
        if ours and lease is not None and lease.host == socket.gethostname() and why_dead(lease):
            _remove(root, tree)
            gone.append(tree)
    return gone


def _apply(tree: Path, patch: Path) -> None:
    if not is_whole(patch.read_text("utf-8", "replace")):
        raise UserError(
            "only a part of the uncommitted changes was recorded (they were over 2 MB, or git did not tell them all), "
            "so that the code of the run is not known; commit code before runs that matter, and keep data out of the "
            "repository"
        )
    try:
        _git(tree, "apply", "--whitespace=nowarn", str(patch))
    except UserError as error:
        raise UserError(f"the recorded changes do not apply to their own commit ({patch}):\n{error}") from None


def _remove(root: Path, tree: Path) -> None:
    """Twice --force: it is locked, and a run may have written into it. One whose folder is gone is forgotten too."""
    if any(path == tree for path, _ in _worktrees(root)):
        _ask(root, "worktree", "remove", "--force", "--force", str(tree))
    shutil.rmtree(tree.parent, ignore_errors=True)


def _worktrees(root: Path) -> list[tuple[Path, str]]:
    """Folder of each worktree of the repository, and why it is locked ("": it is not)."""
    text = _ask(root, "worktree", "list", "--porcelain") or ""
    found = []
    for block in text.split("\n\n"):
        tree = re.search(r"^worktree (.+)$", block, re.M)
        locked = re.search(r"^locked (.+)$", block, re.M)
        if tree:
            found.append((Path(tree[1]), locked[1] if locked else ""))
    return found


def _lease(reason: str) -> Lease | None:
    """Who holds a worktree; git quotes a text that holds quotation marks, as JSON does."""
    try:
        return Lease.parse(json.loads(reason)) if reason.startswith('"') else Lease.parse(reason)
    except ValueError:
        return None


def _ask(root: Path, *arguments: str) -> str | None:
    """What git answers; None where it fails."""
    try:
        return _git(root, *arguments)
    except UserError:
        return None


def _git(root: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK} | {"LC_ALL": "C"}
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS
        )
    except FileNotFoundError:
        raise UserError("git is needed to bring back the code of a run, and is not installed") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"{' '.join(command[:3])} ... did not end within {_SECONDS} s in {root}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"{' '.join(command)} failed in {root}:\n" + "\n".join(f"  {line}" for line in said[-8:]))
    return done.stdout.decode("utf-8", "replace")
