"""Fixtures that give a test its own home, with a ready store in it: no test writes to the user's.

A new SQLite store costs seconds, a copy of one milliseconds. The root's conftest takes them by importing them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def store_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty `mlflow.db`, kept in pytest's cache for the next session."""
    from dlcamp.tracking import open_store

    cached = request.config.cache.mkdir("store_template") / f"mlflow-{version('mlflow')}.db"
    if not cached.exists():
        home = tmp_path_factory.mktemp("template")
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            open_store(home)
        draft = cached.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(home / "mlruns/mlflow.db")) as made, closing(sqlite3.connect(draft)) as copy:
            made.backup(copy)
        draft.replace(cached)
    return cached


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing in it, and `DLCAMP_HOME` set to it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DLCAMP_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return home


@pytest.fixture
def store_home(fresh_home: Path, store_template: Path) -> Path:
    """A home with a ready, empty store, and `DLCAMP_HOME` set to it."""
    return furnished(fresh_home, store_template)


def furnished(home: Path, template: Path) -> Path:
    """The home, with a copy of the template for its store: for a home that several tests share."""
    (home / "mlruns").mkdir()
    shutil.copy(template, home / "mlruns/mlflow.db")
    return home
