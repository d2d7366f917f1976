"""Servers as child processes that end with their parent's `with` block; MLflow's own over a local store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlcamp.errors import StoreError, UserError

HOST = "127.0.0.1"
_PATIENCE = 90.0  # seconds until /health must answer; about 11 s on two idle cores


@contextmanager
def serve(uri: str, artifacts: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `mlflow server` on 127.0.0.1:port over a store; gives its address once it is healthy, and the process.

    Raises:
        UserError: the port is taken; names who holds it where that can be told.
        StoreError: the server ended, or did not answer in time; its last lines are shown.
    """
    arguments = [
        "mlflow", "server", "--backend-store-uri", uri, "--default-artifact-root", str(artifacts),
        "--host", HOST, "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    # without the job runners (eight processes for features this store does not use) it starts in half the time
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with running("mlflow server", arguments, port, environment) as started:
        yield started


@contextmanager
def running(
    name: str, arguments: Sequence[str], port: int, environment: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `python -m ARGUMENTS` as a server on 127.0.0.1:port that answers /health; ended with its group.

    Args:
        name: what errors call it.
        environment: what is added to this process's own.

    Raises:
        UserError: the port is taken; names who holds it where that can be told.
        StoreError: the server ended, or did not answer in time; its last lines are shown.
    """
    check_port(port)
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
        address = f"http://{HOST}:{port}"
        try:
            _wait_until_healthy(name, address, child, log)
            yield address, child
        finally:
            _end(child)


def check_port(port: int) -> None:
    """UserError when something listens on the port already, or the port is none."""
    if not 0 < port < 65536:
        raise UserError(f"PORT={port}: a port is a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise UserError(f"PORT={port} needs administrator rights; choose one above 1023") from None
        except OSError:
            raise UserError(
                f"port {port} on {HOST} is taken{holder(port)}; stop that, or choose another: make ui PORT={port + 1}"
            ) from None


def holder(port: int) -> str:
    """` by NAME (pid N)` of the process that listens on a port; empty where the system does not tell."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    return ""
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""


def _wait_until_healthy(name: str, address: str, child: subprocess.Popen[bytes], log: object) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise StoreError(f"{name} ended at once (exit {child.returncode}):\n{_last_lines(log)}")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise StoreError(f"{name} did not answer on {address} within {_PATIENCE:g} s:\n{_last_lines(log)}")


def _last_lines(log: object) -> str:
    log.seek(0)  # type: ignore[attr-defined]
    text: str = log.read().decode("utf-8", "replace")  # type: ignore[attr-defined]
    return "\n".join(f"  {line}" for line in text.splitlines()[-8:])


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: politely, then not."""
    for number, patience in ((signal.SIGTERM, 8), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        # the leader is gone; its workers share the group and get the next signal if any is left
