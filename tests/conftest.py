"""Every test gets a home of its own: nothing is written to the user's store or caches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store_template import fresh_home, store_home, store_template

__all__ = ["fresh_home", "store_home", "store_template"]


@pytest.fixture(scope="session", autouse=True)
def _session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """DLCAMP_HOME of the whole session, for what no test sets itself."""
    before = {name: os.environ.get(name) for name in ("DLCAMP_HOME", "MLFLOW_TRACKING_URI")}
    home = tmp_path_factory.mktemp("session-home")
    os.environ["DLCAMP_HOME"] = str(home)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield home
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
