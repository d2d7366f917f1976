"""The server of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.data.fetch.server import Server, running


@pytest.fixture(scope="session")
def _one_server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture
def server(_one_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on loopback that does as it is told; no proxy stands before it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield _one_server
    _one_server.forget()
