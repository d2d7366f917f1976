"""A run on plain files, as small as a run can be: what a training loop tells is appended and survives a kill.

It keeps a tracker's promise that a (name, step) stored already is dropped, and its rule that what was not flushed
may be lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Recorder:
    """`folder` holds `metrics.jsonl` and what the loop puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.shown: list[dict[str, Any]] = []
        self.units = 0
        self._waiting: list[tuple[str, int, float]] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / "metrics.jsonl"

    def history(self) -> dict[tuple[str, int], float]:
        """(name, step) -> value, stored and waiting."""
        stored = self._file.read_text().splitlines() if self._file.exists() else []
        found: dict[tuple[str, int], float] = {}
        for line in stored:
            name, step, value = json.loads(line)
            assert (name, step) not in found, "a step was logged twice"
            found[name, step] = value
        return found | {(name, step): value for name, step, value in self._waiting}

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        known = self.history()
        self._waiting += [(name, step or 0, value) for name, value in values.items() if (name, step or 0) not in known]

    def flush(self) -> None:
        with self._file.open("a") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in self._waiting)
            file.flush()
            os.fsync(file.fileno())
        self._waiting = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def progress(self, total: int, what: str, unit: str) -> Iterator[Recorder]:
        self.total, self.what, self.unit = total, what, unit
        yield self

    def advance(self, n: int = 1, **shown: Any) -> None:
        self.units += n
        self.shown.append(shown)
