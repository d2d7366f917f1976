"""Homes, stores and a server for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mlflow_server import MlflowServer
from tests.store_template import fresh_home, store_home, store_template

__all__ = ["fresh_home", "mlflow_server", "store_home", "store_template"]


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[MlflowServer]:
    """One server a session, over HTTP with proxied artifacts."""
    server = MlflowServer(tmp_path_factory.mktemp("server"), store_template)
    server.start()
    yield server
    server.stop()
