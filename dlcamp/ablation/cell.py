"""One cell of an ablation as a job for a launcher: built from plain values, executed or resumed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dlcamp.config import Layer, Resolved, flatten, resolve
from dlcamp.discovery import find, load
from dlcamp.errors import RunFailed
from dlcamp.paths import runs_folder
from dlcamp.runner import Plan, Request, execute, prepare, resume, with_models
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import RunRow, Store


@dataclass(frozen=True)
class CellSpec:
    """What a worker needs to run one child: plain values only."""

    root: str
    experiment: str
    data: str
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    parent: str
    preset: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    model: str = "drop"
    force: bool = False
    pinned: Mapping[str, str] = field(default_factory=dict)


def request_of(spec: CellSpec) -> Request:
    """The request that a spec describes; imports the experiment."""
    experiment = load_once(spec.root, spec.experiment)
    layers = [Layer(spec.origins.get(key, "default"), {key: value}) for key, value in spec.values.items()]
    resolved = resolve(experiment.config_type, layers)
    return Request(
        experiment=experiment,
        resolved=Resolved(resolved.config, dict(spec.origins)),
        data=spec.data,
        preset=spec.preset or None,
        labels=tuple(spec.labels),
        force=spec.force,
        parent=spec.parent,
        tags=dict(spec.tags),
        model="hold" if spec.model == "hold" else "drop",
        pinned=dict(spec.pinned),
    )


@cache
def load_once(root: str, name: str) -> Any:
    """An experiment's module, imported once a process."""
    return load(find(Path(root), name))


_PLANS: dict[tuple[str, str, str], Plan] = {}


def plan_of(spec: CellSpec) -> Plan:
    """The plan of a spec; data and code are read once a process, as the process holds them."""
    request, key = request_of(spec), (spec.root, spec.experiment, spec.data)
    if key not in _PLANS:
        _PLANS[key] = prepare(request, Path(spec.root))
    return _PLANS[key].other(request)


def run_cell(payload: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """A job: execute the cell, or go on with it where an earlier attempt was interrupted.

    Returns:
        run, name, status, error, metrics, seconds, cached.
    """
    spec = CellSpec(**payload)
    plan = with_models(plan_of(spec), store)
    warm(plan)
    begun = None if spec.force else interrupted(plan, store)
    try:
        if begun is not None:
            outcome = resume(begun.id, store, plan.root, _silent, model=plan.request.model)
        else:
            outcome = execute(plan, store, _silent)
    except RunFailed as error:
        return failed(plan, store, str(error))
    return ended(outcome.row, outcome.cached)


def warm(plan: Plan) -> None:
    """Import what the body will import, so that the first run of a worker takes no longer than its others."""
    for module in sorted(plan.fingerprint.code):
        if module.startswith("dlcamp."):
            importlib.import_module(module)


def ended(row: RunRow, cached: bool) -> dict[str, Any]:
    """The result of a finished child."""
    return {
        "run": row.id,
        "name": row.name,
        "status": row.status,
        "error": "",
        "metrics": dict(row.metrics),
        "seconds": row.metrics.get("cost/seconds", (row.ended or row.started) - row.started),
        "cached": cached,
    }


def failed(plan: Plan, store: Store, error: str) -> dict[str, Any]:
    """The result of a child that failed: its run keeps the traceback."""
    rows = store.reader.runs(plan.request.experiment.name, status="FAILED", tags=_own_tags(plan), limit=1)
    row = rows[0] if rows else None
    message = row.tags.get("dlcamp.error", error) if row else error
    return {
        "run": row.id if row else "",
        "name": row.name if row else "",
        "status": "FAILED",
        "error": message,
        "metrics": {},
        "seconds": (row.ended - row.started) if row and row.ended else 0.0,
        "cached": False,
    }


def interrupted(plan: Plan, store: Store) -> RunRow | None:
    """An earlier attempt at this very cell that was stopped or whose process died, with its checkpoints."""
    from dlcamp.tracking.lease import LEASE_TAG, is_alive

    for row in store.reader.runs(plan.request.experiment.name, tags=_own_tags(plan)):
        stopped = row.status == "KILLED" or (row.status == "RUNNING" and not is_alive(row.tags.get(LEASE_TAG, "")))
        if stopped and (runs_folder() / "checkpoints" / row.id).exists():
            return row
    return None


def _own_tags(plan: Plan) -> dict[str, str]:
    return {"dlcamp.fingerprint": plan.fingerprint.digest, PARENT_TAG: str(plan.request.parent)}


def spec_of(request: Request, root: Path, parent: str) -> CellSpec:
    """The spec of a request, for another process."""
    return CellSpec(
        root=str(root),
        experiment=request.experiment.name,
        data=request.data,
        values=flatten(request.resolved.config.model_dump(mode="json")),
        origins=dict(request.resolved.origins),
        parent=parent,
        preset=request.preset or "",
        tags=dict(request.tags),
        labels=request.labels,
        model=request.model,
        force=request.force,
        pinned=dict(request.pinned),
    )


def _silent(_line: str) -> None:
    """A worker has no person at its terminal."""
