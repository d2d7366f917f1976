"""Every test gets a home of its own: nothing is written to the user's store or caches."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.launch.workers import THREAD_VARIABLES, cores
from tests.store_template import fresh_home, store_home, store_template

__all__ = ["fresh_home", "store_home", "store_template"]


def pytest_configure(config: pytest.Config) -> None:
    """Equal shares of the cores, as workers have them, before anything imports NumPy or TensorFlow.

    With more threads than cores, test processes side by side spend a third of their time waiting for one another.
    """
    side_by_side = getattr(config, "workerinput", {}).get("workercount", 1)
    if side_by_side > 1 or not config.getoption("numprocesses", None):  # else this process only hands out the tests
        for name in THREAD_VARIABLES:
            os.environ.setdefault(name, str(max(1, cores() // side_by_side)))


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


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing answers where VGG16 is published, and Keras has not fetched it before."""
    from dlcamp.vision.vgg_weights import PUBLISHED

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setitem(PUBLISHED, "vgg16", replace(PUBLISHED["vgg16"], url=f"http://127.0.0.1:{port}/vgg16.h5"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
