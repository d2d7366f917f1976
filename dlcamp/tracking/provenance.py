"""Where a run comes from: commit, uncommitted changes, packages, machine, command line."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_MOST_DIFF = 2_000_000  # bytes; a larger diff is data that slipped in, not code
_DIFF = ("-c", "diff.noprefix=false", "diff", "--binary", "--no-ext-diff", "--no-color")
"""A patch that `git apply` takes, whatever the user's git is told to do."""
PATCH = "uncommitted.patch"
"""The artifact that keeps a run's uncommitted changes."""
CUT = "\n# cut: the diff has "
"""Begins the last line of a diff that is not whole."""


def provenance(root: Path, held: bool = False) -> dict[str, Any]:
    """What `provenance.json` holds; `git` is None outside a git checkout.

    Args:
        held: the checkout as this process first saw it, which is the code that a worker with many runs has loaded.
    """
    return {
        "git": held_git(root).state if held else git_state(root),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": {name: os.environ[name] for name in sorted(os.environ) if "NUM_" in name and "THREADS" in name},
        "memory_gib": memory_gib(),
        "packages": packages(),
    }


@dataclass(frozen=True)
class Git:
    """State (None outside a git checkout) and uncommitted changes of a checkout."""

    state: dict[str, Any] | None
    diff: str


def git_of(root: Path) -> Git:
    """The checkout as it is now."""
    return Git(git_state(root), git_diff(root))


@cache
def held_git(root: Path) -> Git:
    """The checkout as it was when this process first asked."""
    return git_of(root)


def git_state(root: Path) -> dict[str, Any] | None:
    """Commit, branch and whether the tree is dirty; None outside a git checkout or before the first commit.

    A tree of which git could not tell in time counts as dirty.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(root, "status", "--porcelain")
    branch = (_git(root, "rev-parse", "--abbrev-ref", "HEAD") or "").strip()
    return {"commit": commit.strip(), "branch": branch, "dirty": status is None or bool(status.strip())}


def git_diff(root: Path) -> str:
    """The uncommitted changes against HEAD as a patch, untracked files that git does not ignore included.

    Cut, saying so, past 2 MB, and where git failed on a part of it or did not tell in time. Empty when the tree is
    clean or there is no commit to compare with.
    """
    if _git(root, "rev-parse", "HEAD") is None:
        return ""
    parts = [_git(root, *_DIFF, "HEAD")]
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    parts += [None] if new is None else [_new_file(root, name) for name in new.split("\0") if name]
    text, lacking = "".join(part or "" for part in parts), parts.count(None)
    if len(text) <= _MOST_DIFF and not lacking:
        return text
    without = f", parts that git did not tell: {lacking}" if lacking else ""
    return f"{text[:_MOST_DIFF]}{CUT}{len(text)} characters{without}\n"


def is_whole(diff: str) -> bool:
    """Whether a diff of `git_diff` was not cut."""
    return CUT not in diff[-200:]


def _new_file(root: Path, name: str) -> str | None:
    """The patch that makes an untracked file; None where git does not give it."""
    # exit status 1 means "they differ", which is what is asked for
    patch = _git(root, *_DIFF, "--no-index", "--", "/dev/null", name, ok=(0, 1))
    # nothing for another repository's folder; a scratch file that is gone by now lacks nowhere
    return patch or (None if os.path.lexists(root / name) else "")


def _git(root: Path, *arguments: str, ok: tuple[int, ...] = (0,)) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode in ok else None


def cpu_model() -> str:
    """The processor's name, or the machine's kind where it is not told."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Physical memory in GiB, one decimal."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None


@cache
def packages() -> dict[str, str]:
    """Every installed distribution and its version, as this process found them first."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))
