"""The contract suite on every backend: memory, SQLite, a server over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.protocol import Store
from tests.contracts.tracking import TrackingContract, TrackingCore
from tests.mlflow_server import MlflowServer


class TestMemory(TrackingContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryTracker()


class TestSqlite(TrackingContract):
    @pytest.fixture
    def store(self, store_home: Path) -> Store:
        return open_store()


class OnServer:
    @pytest.fixture
    def store(self, fresh_home: Path, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Store:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
        return open_store()


class TestServerCore(OnServer, TrackingCore):
    """Over HTTP, what no run can do without."""


@pytest.mark.slow
class TestServer(OnServer, TrackingContract):
    """Over HTTP, the whole contract."""
