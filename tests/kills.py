"""Processes of their own that tests kill: an ablation's or a search's parent with its workers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from dlcamp.paths import REPOSITORY


def begin(script: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a script that runs a parent, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def strike(process: subprocess.Popen[bytes], whom: str, seconds: float, rng: random.Random) -> None:
    """After so many seconds kill "worker" (one), "parent" or "both", and wait until what is left has ended."""
    try:
        process.wait(seconds)
        return
    except subprocess.TimeoutExpired:
        workers = [one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())]
    victims = [psutil.Process(process.pid)] if whom != "worker" else []
    victims += rng.sample(workers, 1) if whom == "worker" and workers else workers if whom == "both" else []
    for victim in victims:
        victim.send_signal(signal.SIGKILL)
    if whom == "worker":
        process.wait(120)
        return
    process.wait(30)
    deadline = time.monotonic() + 40
    while any(one.is_running() for one in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
