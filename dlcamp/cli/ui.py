"""`ui`: MLflow's pages over this store and, one port higher, the dashboard; until Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.errors import StoreError, UserError
from dlcamp.tracking import server
from dlcamp.web import process

if TYPE_CHECKING:
    from dlcamp.tracking.mlflow_store import MlflowStore


def run(given: Given, root: Path) -> int:
    """Serve; print the links when the server answers; end cleanly on Ctrl-C or SIGTERM."""
    text = given.get("PORT") or "5000"
    if not text.isdecimal():
        raise UserError(f"PORT={text!r}: a port is a number from 1 to 65535")
    port = int(text)
    remote = os.environ.get("MLFLOW_TRACKING_URI", "")
    for one in (port + 1,) if remote.startswith("http") else (port, port + 1):
        server.check_port(one)
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    try:
        with _mlflow(store, port, remote) as (address, pages), process.serve(port + 1, address, root) as (here, board):
            say(f"dashboard  {here}   experiments, ablations, champions")
            say(f"MLflow     {address}   over {store.uri if remote else store.folder}")
            for row in store.reader.runs(limit=5):
                say(f"  {row.name:<34} {row.status:<9} {address}/#/runs/{row.id}")
            say("Ctrl-C ends them")
            ended = _first_to_end({"mlflow server": pages, "the dashboard": board})
    except KeyboardInterrupt:
        say("\nthe servers have ended")
        return 0
    raise StoreError(f"{ended} ended by itself")


@contextmanager
def _mlflow(store: MlflowStore, port: int, remote: str) -> Iterator[tuple[str, Popen[bytes] | None]]:
    """MLflow's pages: of the server that holds the store, or a server of our own over it."""
    if remote.startswith("http"):
        yield remote.rstrip("/"), None
        return
    say("starting MLflow's server and the dashboard (about ten seconds) ...")
    with server.serve(store.uri, store.folder / "artifacts", port) as (address, child):
        yield address, child


def _first_to_end(children: Mapping[str, Popen[bytes] | None]) -> str:
    """Wait until one of the processes has ended; its name."""
    while True:
        for name, child in children.items():
            if child is not None and child.poll() is not None:
                return f"{name} (exit {child.returncode})"
        time.sleep(0.5)


def _as_ctrl_c(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
