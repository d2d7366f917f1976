"""What killed ablations leave on the disk: live states of parents that ended, models held back that nobody waits for.

A stopped ablation that may go on keeps the model of its best child; one that has ended needs it no more.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from dlcamp.paths import runs_folder
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import Reader


def leftovers(reader: Reader) -> list[Path]:
    """Files of `mlruns/live` and folders of `mlruns/held` that nothing needs."""
    rows = {row.id: row for row in reader.runs()}
    found = []
    for path in sorted((runs_folder() / "live").glob("*.json")):
        parent = rows.get(path.stem)
        found += [path] if parent is None or parent.status != "RUNNING" else []
    for path in sorted((runs_folder() / "held").glob("*")):
        child = rows.get(path.name)
        parent = rows.get(child.tags.get(PARENT_TAG, "")) if child else None
        found += [path] if parent is None or parent.status in ("FINISHED", "FAILED") else []
    return found


def remove(paths: Sequence[Path]) -> None:
    """Delete leftovers."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
