"""`ui`: MLflow's pages over this store, until Ctrl-C."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.errors import StoreError, UserError
from dlcamp.tracking import server


def run(given: Given, root: Path) -> int:
    """Serve; print the links when the server answers; end cleanly on Ctrl-C or SIGTERM."""
    text = given.get("PORT") or "5000"
    if not text.isdecimal():
        raise UserError(f"PORT={text!r}: a port is a number from 1 to 65535")
    remote = os.environ.get("MLFLOW_TRACKING_URI", "")
    if remote.startswith("http"):
        say(f"the store is a server already: open {remote}")
        return 0
    server.check_port(int(text))
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    say("starting MLflow's server (about ten seconds) ...")
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    try:
        with server.serve(store.uri, store.folder / "artifacts", int(text)) as (address, child):
            say(f"MLflow     {address}   over {store.folder}")
            for row in store.reader.runs(limit=5):
                say(f"  {row.name:<28} {row.status:<9} {address}/#/runs/{row.id}")
            say("Ctrl-C ends it")
            code = child.wait()
    except KeyboardInterrupt:
        say("\nthe server has ended")
        return 0
    raise StoreError(f"mlflow server ended by itself (exit {code})")


def _as_ctrl_c(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
