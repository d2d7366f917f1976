"""The dashboard as a process of its own, which ends with its parent's `with` block.

with process.serve(5001, mlflow="http://127.0.0.1:5000") as (address, child):
    child.wait()
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlcamp.paths import REPOSITORY
from dlcamp.tracking import server


@contextmanager
def serve(port: int, mlflow: str = "", root: Path = REPOSITORY) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `python -m dlcamp.web` over the store; gives its address once it answers, and the process.

    Args:
        mlflow: address of MLflow's pages over the same store; "" where they are not served.
        root: the folder that holds `experiments/`.

    Raises:
        UserError: the port is taken; names who holds it where that can be told.
        StoreError: the process ended, or did not answer in time; its last lines are shown.
    """
    arguments = ["dlcamp.web", "--port", str(port), "--mlflow", mlflow, "--root", str(root)]
    with server.running("the dashboard", arguments, port, {"PYTHONPATH": _paths()}) as started:
        yield started


def _paths() -> str:
    """The package is found from every working directory."""
    return os.pathsep.join(path for path in (str(REPOSITORY), os.environ.get("PYTHONPATH", "")) if path)
