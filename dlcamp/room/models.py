"""Models and files of runs that nothing refers to: LoggedModels, what lies in MLflow's trash, folders without a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dlcamp.room.leftover import Kept, Leftover
from dlcamp.room.limits import Limits
from dlcamp.room.needed import Needed
from dlcamp.room.sizes import written
from dlcamp.tracking.lease import LEASE_TAG, is_alive
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.stored import (
    Stored,
    StoredModel,
    StoredRun,
    delete_model,
    model_is_known,
    registered_from,
    stored_run,
)

_UNOWNED = "files that no run or model owns"
MODELS, DELETED, UNKNOWN = "models", "deleted runs", "unknown files"
_FEW, _SHARE = 3, 0.1
"""Not to know so many folders, and more than this share of them, makes a database doubtful: kills leave one or two."""
_RUN, _MODEL = re.compile(r"[0-9a-f]{32}"), re.compile(r"m-[0-9a-f]{32}")


def folders(artifacts: Path) -> list[Path]:
    """Folders of runs and of models under `mlruns/artifacts`, known or not.

    List them before the store is read: a run and a model are in the store before their folders are made.
    """
    if not artifacts.is_dir():
        return []
    return [path for experiment in sorted(artifacts.iterdir()) if experiment.is_dir() for path in _of(experiment)]


def _of(experiment: Path) -> Iterator[Path]:
    yield from (path for path in sorted(experiment.iterdir()) if path.is_dir() and _RUN.fullmatch(path.name))
    if (experiment / "models").is_dir():
        models = sorted((experiment / "models").iterdir())
        yield from (path for path in models if path.is_dir() and _MODEL.fullmatch(path.name))


def why_unneeded(model: StoredModel, run: StoredRun | None, limits: Limits) -> str:
    """Why a model that nothing refers to may go; "" where it stays."""
    if not model.ours or not model.run:
        return ""
    if run is not None and run.row.status == "RUNNING" and is_alive(run.row.tags.get(LEASE_TAG, "")):
        return ""
    if run is None or run.deleted:
        return "its run is gone" if run is None else "its run was deleted"
    if not limits.over(model.changed):
        return ""
    if model.status != "READY":
        return f"it is {model.status}: it was never stored whole"
    if run.row.status == "FAILED":
        return "its run FAILED"
    if run.row.status != "RUNNING" and run.row.tags.get(MODEL_TAG, "") not in ("", model.id):
        return "its run has stored another one since"
    return ""


def find(
    paths: list[Path], store: Store, known: Stored, need: Needed, limits: Limits
) -> tuple[list[Leftover], list[Kept]]:
    """What may go of the store's models and of the folders.

    Args:
        paths: of `folders`, listed before `known` was read.
    """
    found: list[Leftover] = []
    for model in known.models.values():
        why = why_unneeded(model, known.runs.get(model.run), limits) if model.id not in need.models else ""
        if why and model.folder is not None:
            found.append(_model(model, store, why, limits))
    trash = [path for path in paths if path.name in known.runs and known.runs[path.name].deleted]
    found += [_deleted(path, store, known) for path in trash if path.name not in need.runs]
    held = [path for path in trash if path.name in need.runs]
    gone = [path for path in paths if path.name not in known.runs and path.name not in known.models]
    gone = [path for path in gone if path.name not in need.models and path.name not in need.runs]
    kept = [_held(held, need)] if held else []
    if why := _doubt(gone, len(paths), known):
        return found, [*kept, _doubted(gone, why)]
    old = [path for path in gone if limits.left_alone(path)]
    young = [path for path in gone if path not in old]
    kept += [Kept.of(_UNOWNED, young, f"written to in the last {limits.said}")] if young else []
    return found + [_unknown(path, store) for path in old], kept


def _doubt(gone: list[Path], all_of_them: int, known: Stored) -> str:
    """Why the database, rather than the folders that it does not know, looks wrong; "" where it does not.

    A backup of the database that was put back knows all but the newest runs, whose files are then the only copy.
    """
    if (len(gone) >= _FEW and len(gone) > _SHARE * all_of_them) or len(gone) > len(known.runs) + len(known.models):
        return f"the database does not know {len(gone)} of the {all_of_them} folders in mlruns/artifacts"
    newest = max((one.row.ended or one.row.started for one in known.runs.values()), default=0.0)
    later = [path for path in gone if written(path) > newest]
    return f"{later[0].name} was written after the newest run that the database knows" if later else ""


def _model(model: StoredModel, store: Store, why: str, limits: Limits) -> Leftover:
    assert model.folder is not None
    # MLflow calls the folder inside the model's own one the model's location
    path = model.folder.parent if model.folder.parent.name == model.id else model.folder

    def stays() -> str:
        run = stored_run(store, model.run) if model.run else None
        if not why_unneeded(model, run, limits):
            return f"its run is {run.row.status} by now" if run else "it is needed by now"
        names = registered_from(store, model.run) if model.run else []
        return f"it is registered by now: {names[0]}" if names else ""

    return Leftover(MODELS, model.id, path, why, stays, lambda: delete_model(store, model.id))


def _deleted(path: Path, store: Store, known: Stored) -> Leftover:
    def stays() -> str:
        run = stored_run(store, path.name)
        if run is not None and not run.deleted:
            return "its run was restored"
        names = registered_from(store, path.name)
        return f"it is registered by now: {names[0]}" if names else ""

    return Leftover(DELETED, known.runs[path.name].row.name, path, "files of a run in MLflow's trash", stays)


def _unknown(path: Path, store: Store) -> Leftover:
    is_model = path.name.startswith("m-")

    def stays() -> str:
        here = model_is_known(store, path.name) if is_model else stored_run(store, path.name) is not None
        return "the store knows it by now" if here else ""

    what = "no model of the store has this id" if is_model else "no run of the store has this id"
    return Leftover(UNKNOWN, "/".join(path.parts[-3 if is_model else -2 :]), path, what, stays)


def _held(paths: list[Path], need: Needed) -> Kept:
    who = need.runs[paths[0].name]
    return Kept.of("files of deleted runs", paths, f"they are referred to: by {who}")


def _doubted(paths: list[Path], why: str) -> Kept:
    advice = (
        f"{why}: was the database replaced? Put the right one back, or move what it does not know away yourself "
        f"({paths[0]})"
    )
    return Kept.of(_UNOWNED, paths, advice)
