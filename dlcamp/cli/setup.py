"""Build .venv from the lock. Standard library only: this runs before anything is installed.

    python3.11 dlcamp/cli/setup.py

A finished environment carries the digest of the lock it was built from; an equal lock is left alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# measured on Linux x86-64 with the present lock; `du -sh .venv` and pip's download sizes
DOWNLOAD_GB = 1.0
INSTALLED_GB = 3.0


def main(root: Path) -> int:
    """Build the environment when the lock changed; 0 when it is ready."""
    venv, lock = root / ".venv", root / "requirements.lock"
    with lock.open("rb") as held:
        # a second make that starts meanwhile waits here, then finds the environment ready
        fcntl.flock(held, fcntl.LOCK_EX)
        return build(venv, lock)


def build(venv: Path, lock: Path) -> int:
    """Build `venv` unless it was built from this very lock."""
    ready, digest = venv / ".ready", hashlib.sha256(lock.read_bytes()).hexdigest()
    if ready.exists() and ready.read_text() == digest:
        os.utime(ready)
        return 0
    count = sum(1 for line in lock.read_text().splitlines() if "==" in line and "win32'" not in line)
    if not enough_room(venv.parent):
        return 2
    print(
        f"building .venv: {count} packages from requirements.lock, about {DOWNLOAD_GB:g} GB to download and "
        f"{INSTALLED_GB:g} GB on disk; one to five minutes, only this once",
        flush=True,
    )
    ready.unlink(missing_ok=True)
    if not has_pip(venv):
        shutil.rmtree(venv, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False)
        if made.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            print(
                "error: no virtual environment could be made (see above); on Debian and Ubuntu it needs a package: "
                "apt install python3.11-venv",
                file=sys.stderr,
            )
            return 2
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    done = subprocess.run([str(venv / "bin" / "python"), *install, "-r", str(lock)], check=False)
    if done.returncode != 0:
        print("error: the packages could not be installed (see above); mend it and run make again", file=sys.stderr)
        return 2
    ready.write_text(digest)
    print(".venv is ready", flush=True)
    return 0


def has_pip(venv: Path) -> bool:
    """Whether the environment is whole enough to install into; an interrupted one is not."""
    python = venv / "bin" / "python"
    return python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def enough_room(root: Path) -> bool:
    """Whether the disk has room for the environment; says so when it has not."""
    free = shutil.disk_usage(root).free / 1e9
    if free < INSTALLED_GB + DOWNLOAD_GB:
        print(
            f"error: .venv needs about {INSTALLED_GB + DOWNLOAD_GB:g} GB while it is built, {root} has {free:.1f} GB "
            "free; make room or put the checkout on another disk",
            file=sys.stderr,
        )
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2]))
