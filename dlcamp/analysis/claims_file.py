"""The verdicts of an experiment's claims, kept beside the store, so that `list` shows them without opening it.

    mlruns/claims/<experiment>.json
        {data set: {preset: {"run": ..., "at": ..., "claims": [[statement, verdict], ...]}}}

A cache of what the parent runs say: a file that is lost or cannot be read costs a line in `list`, nothing else.
Importing this loads nothing heavy.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.paths import runs_folder


@dataclass(frozen=True)
class Remembered:
    """How the claims were judged last on one data set under one preset ("" is none); `at` in seconds since 1970."""

    data: str
    preset: str
    run: str
    at: float
    claims: tuple[tuple[str, str], ...]

    def counts(self) -> dict[str, int]:
        """Verdict -> how many claims have it; the verdicts that none has are left out."""
        said = [verdict for _, verdict in self.claims]
        known = ("supported", "refuted", "undecided")
        return {verdict: said.count(verdict) for verdict in known if verdict in said}


def remember(
    experiment: str, data: str, preset: str, run: str, claims: Iterable[Sequence[str]], folder: Path | None = None
) -> None:
    """Keep the verdicts of one parent run; those under the same data set and preset are replaced.

    Args:
        claims: (statement, verdict) pairs; none at all forgets what was kept there.
        folder: where `claims/` lies; default `mlruns`.
    """
    from filelock import FileLock

    path = _path(experiment, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        content = _read(path)
        pairs = [[str(statement), str(verdict)] for statement, verdict in claims]
        content.setdefault(data, {})[preset] = {"run": run, "at": time.time(), "claims": pairs}
        if not pairs:
            del content[data][preset]
        draft = path.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True), "utf-8")
        os.replace(draft, path)


def remembered(experiment: str, folder: Path | None = None) -> list[Remembered]:
    """What is kept of an experiment, the newest first; empty where nothing is, or nothing that can be read."""
    found = []
    for data, presets in _read(_path(experiment, folder)).items():
        for preset, kept in presets.items():
            try:
                pairs = tuple((str(statement), str(verdict)) for statement, verdict in kept["claims"])
                found.append(Remembered(data, preset, str(kept["run"]), float(kept["at"]), pairs))
            except (KeyError, TypeError, ValueError):
                continue  # written by hand or by another version
    return sorted(found, key=lambda one: -one.at)


def _path(experiment: str, folder: Path | None) -> Path:
    return (folder or runs_folder()) / "claims" / f"{experiment}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {data: presets for data, presets in content.items() if isinstance(presets, dict)}
