"""One world a module: its tests go on from what the tests before them left in the registry, in the file's order."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.registering import World, world_in


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, store_template: Path) -> Iterator[World]:
    home = tmp_path_factory.mktemp("registry")
    (home / "mlruns").mkdir()
    shutil.copy(store_template, home / "mlruns/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCAMP_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield world_in(home)
