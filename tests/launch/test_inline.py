"""The launcher in this process keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dlcamp.launch.inline import Inline
from dlcamp.tracking import MemoryTracker
from tests.contracts.launching import LauncherContract


class TestInline(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Iterator[Inline]:
        with Inline(MemoryTracker()) as launcher:
            yield launcher
