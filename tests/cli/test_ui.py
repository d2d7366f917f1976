"""`ui` starts MLflow and the dashboard, one port higher, and both end with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from dlcamp.paths import REPOSITORY


def free_pair() -> int:
    """A port whose successor is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_both_pages_answer_and_sigterm_ends_both(store_home: Path) -> None:
    port = free_pair()
    process = subprocess.Popen(
        [sys.executable, "-m", "dlcamp", "ui", f"PORT={port}"], cwd=REPOSITORY, env=os.environ, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    addresses = [f"http://127.0.0.1:{port}/health", f"http://127.0.0.1:{port + 1}/"]
    try:
        deadline = time.monotonic() + 120
        while not all(answers(address) for address in addresses) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.5)
        assert all(answers(address) for address in addresses)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"dashboard  http://127.0.0.1:{port + 1}" in output
    assert not any(answers(address) for address in addresses)
