"""`python -m dlcamp.web --port 5001 --mlflow http://127.0.0.1:5000`: the dashboard until it is told to end."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

import uvicorn

from dlcamp.paths import REPOSITORY
from dlcamp.tracking import open_store
from dlcamp.tracking.server import HOST
from dlcamp.web.app import create_app


def main() -> None:
    """Open the store, serve on this machine only."""
    parser = argparse.ArgumentParser(prog="python -m dlcamp.web", description=__doc__)
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--mlflow", default="", help="address of MLflow's pages over the same store")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the folder that holds experiments/")
    given = parser.parse_args()
    app = create_app(open_store(), given.root, mlflow=given.mlflow)
    # the first page need not wait for a large store to be read
    threading.Thread(target=app.state.site.reader.recent, daemon=True).start()
    uvicorn.run(app, host=HOST, port=given.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
