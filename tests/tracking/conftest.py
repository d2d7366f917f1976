"""A server for the tests of this folder; homes and stores come from the root's conftest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mlflow_server import MlflowServer


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[MlflowServer]:
    """One server a session, over HTTP with proxied artifacts."""
    server = MlflowServer(tmp_path_factory.mktemp("server"), store_template)
    server.start()
    yield server
    server.stop()
