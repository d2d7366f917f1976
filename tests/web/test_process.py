"""The dashboard as a process over a real store: it answers, and it ends with the block."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dlcamp.errors import StoreError, UserError
from dlcamp.tracking import open_store
from dlcamp.web.process import serve
from tests.web.conftest import MLFLOW, add


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_it_serves_the_store_until_the_block_ends(store_home: Path, root: Path, port: int) -> None:
    store = open_store()
    add(store.tracker, claims='[["dropout beats none", "supported"]]')
    with serve(port, MLFLOW, root) as (address, child):
        with urllib.request.urlopen(address, timeout=20) as answer:
            page = answer.read().decode()
        assert "1 supported" in page
        assert MLFLOW in page
        add(store.tracker, "another")
        give_up = time.monotonic() + 20
        while "another" not in page and time.monotonic() < give_up:
            with urllib.request.urlopen(address, timeout=20) as answer:
                page = answer.read().decode()
            time.sleep(0.2)
        assert "another" in page
        assert child.poll() is None
    assert child.poll() is not None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/health", timeout=2)


def test_a_port_that_is_taken_is_named(port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(UserError, match=f"port {port}"), serve(port):
            pass


@pytest.mark.slow
def test_a_process_that_cannot_serve_shows_why(store_home: Path, port: int) -> None:
    (store_home / "mlruns/mlflow.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match=r"(?s)the dashboard ended at once.*not a database"), serve(port):
        pass
