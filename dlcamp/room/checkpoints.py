"""Scratch folders of runs under `mlruns/checkpoints`, which `RESUME=` goes on from: which of them nobody will need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from dlcamp.endings import STATE_TAG
from dlcamp.paths import runs_folder
from dlcamp.room.leftover import Kept, Leftover
from dlcamp.room.limits import Limits
from dlcamp.room.sizes import size_of, touched
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.lease import LEASE_TAG, is_alive
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.stored import Stored, StoredRun, stored_run

KIND = "checkpoints"
_PARENTS = {"ablation", "search", "replication"}
_OPEN = {"RUNNING", "KILLED"}
_FINGERPRINT = "dlcamp.fingerprint"

Verdict = tuple[Literal["goes", "resumable", "parent", "dead", "alive", "unknown"], str]
"""Whether it goes or why it stays, and the reason it goes for."""


def folders() -> list[Path]:
    """Every scratch folder; its name is the id of its run.

    A run is in the store before its folder is made: who lists folders first and reads the store then takes no run
    that begins meanwhile for an unknown one.
    """
    root = runs_folder() / "checkpoints"
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def judge(one: StoredRun, parent: StoredRun | None, limits: Limits) -> Verdict:
    """What becomes of the folder of a run.

    Args:
        parent: of a child of an ablation or a search.
    """
    row = one.row
    if one.deleted:
        return "goes", "its run was deleted"
    if row.status == "FINISHED":
        return "goes", "its run is FINISHED"
    if row.tags.get(STATE_TAG) == "PRUNED":
        return "goes", "its run was pruned"
    if row.status == "RUNNING":
        return ("alive" if is_alive(row.tags.get(LEASE_TAG, "")) else "dead"), ""
    whole = parent if parent is not None else one if row.tags.get("dlcamp.kind") in _PARENTS else None
    if row.status == "KILLED" and whole is not None and not whole.deleted and whole.row.status in _OPEN:
        return "parent", ""
    if limits.over(row.ended or row.started):
        return "goes", f"its run is {row.status}, for {limits.said} or more"
    return "resumable", ""


def find(
    paths: Iterable[Path], store: Store, known: Stored, limits: Limits, local: bool
) -> tuple[list[Leftover], list[Kept]]:
    """What may go of the folders, and what stays that takes room.

    Args:
        paths: of `folders`, listed before `known` was read.
        local: whether the store is the one of this `mlruns`; of another one's runs nothing is known here.
    """
    found: list[Leftover] = []
    staying: dict[str, list[Path]] = {}
    for path in paths:
        one = known.runs.get(path.name)
        if one is None:
            alone = local and limits.left_alone(path)
            what, why = ("goes", "no run of this store has its id") if alone else ("unknown", "")
        else:
            what, why = judge(one, known.runs.get(one.row.tags.get(PARENT_TAG, "")), limits)
        if what == "goes":
            found.append(_leftover(path, one, why, _still(store, path, limits)))
        else:
            staying.setdefault(what, []).append(path)
    return found, [_kept(what, some, known, limits) for what, some in staying.items()]


def could_go(rows: Iterable[RunRow], limits: Limits) -> int:
    """Bytes that would be freed of the folders of these runs; of others nothing is asked."""
    runs: Mapping[str, StoredRun] = {row.id: StoredRun(row) for row in rows}
    here = [path for path in folders() if path.name in runs]
    judged = {path: judge(one := runs[path.name], runs.get(one.row.tags.get(PARENT_TAG, "")), limits) for path in here}
    return sum(size_of(path) for path, (what, _) in judged.items() if what == "goes")


def _leftover(path: Path, one: StoredRun | None, why: str, stays: Callable[[], str]) -> Leftover:
    print_ = one.row.tags.get(_FINGERPRINT, "") if one else ""
    # who runs or resumes a run holds this lock
    lock = runs_folder() / "locks" / f"{print_[:32]}.lock" if print_ and ":" not in print_ else None
    return Leftover(KIND, one.row.name if one else path.name, path, why, stays, lock=lock)


def _still(store: Store, path: Path, limits: Limits) -> Callable[[], str]:
    def stays() -> str:
        one = stored_run(store, path.name)
        if one is None:
            return "" if limits.left_alone(path) else "it was written to meanwhile"
        parent = one.row.tags.get(PARENT_TAG, "")
        what, _ = judge(one, stored_run(store, parent) if parent else None, limits)
        return "" if what == "goes" else f"its run is {one.row.status} by now"

    return stays


def _kept(what: str, paths: list[Path], known: Stored, limits: Limits) -> Kept:
    newest = max(paths, key=touched).name
    one = known.runs.get(newest)
    whole = known.runs.get(one.row.tags.get(PARENT_TAG, ""), one) if one else None
    command = whole.row.tags.get("dlcamp.command", "the command that began it") if whole else ""
    advice = {
        "resumable": f"younger than {limits.said}; go on: make exp RESUME={newest[:8]}; or drop them: make gc OLDER=0",
        "parent": f"go on: {command}; or delete the parent run in MLflow's pages (make ui), and they can go",
        "dead": "left RUNNING by a dead process: make doctor FIX=1",
        "alive": "in use",
        "unknown": "of runs that this store does not know, perhaps another one's",
    }
    words = {
        "resumable": "checkpoints of interrupted runs",
        "parent": "checkpoints of stopped ablations and searches",
        "dead": "checkpoints of runs nobody works on",
        "alive": "checkpoints of runs under way",
        "unknown": "checkpoints of unknown runs",
    }
    return Kept.of(words[what], paths, advice[what])
