"""Where things lie: the repository, and the home of what runs produce.

`DLCAMP_HOME` (default: the repository's root) holds `mlruns/` and `data/`. Paths are absolute, never
relative to the working directory.
"""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder that holds `mlruns/` and `data/`."""
    return Path(os.environ.get("DLCAMP_HOME") or REPOSITORY).expanduser().absolute()


def runs_folder() -> Path:
    """Store, artifacts, checkpoints and locks."""
    return home() / "mlruns"


def data_folder() -> Path:
    """Fetched data sets and feature caches."""
    return home() / "data"
