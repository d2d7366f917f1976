"""One trial as a job for a launcher: an ordinary run of `execute` that is watched and may be pruned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dlcamp.ablation.cell import CellSpec, plan_of, warm
from dlcamp.errors import RunFailed, RunPruned, UnknownName
from dlcamp.runner import Outcome, Plan, execute, resume, with_models
from dlcamp.search.reporter import Reporter
from dlcamp.tracking.protocol import RunRow, Store

TARGET = "dlcamp.search.trial:run_trial"


@dataclass(frozen=True)
class TrialSpec:
    """What a worker needs to run one trial: plain values only.

    Args:
        cell: the run, as `ablation.cell.CellSpec` has it.
        metrics: of the objectives, in their order.
        run: of an earlier attempt, which goes on as the same run; "" for the first.
        changed: whether the user goes on though code, data or environment has changed (CONTINUE=1).
    """

    cell: Mapping[str, Any]
    number: int
    journal: str
    study: str
    pruner: str
    metrics: Sequence[str]
    run: str = ""
    changed: bool = False

    def payload(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def run_trial(payload: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Execute the trial, or go on with it where an earlier attempt was interrupted.

    Returns:
        status (FINISHED, PRUNED or FAILED), run, error, objectives, seconds, and where an objective is not among
        what the run returned, `returned`: what was.
    """
    spec = TrialSpec(**payload)
    reporter = Reporter(spec.journal, spec.study, spec.number, spec.metrics[0], spec.pruner)
    plan = with_models(plan_of(CellSpec(**spec.cell)), store)
    plan = replace(plan, request=replace(plan.request, watch=reporter))
    warm(plan)
    try:
        outcome = _begun(spec, plan, store) or execute(plan, store, _silent)
    except RunPruned as pruned:
        return {"status": "PRUNED", "error": str(pruned), "objectives": []}
    except RunFailed as error:
        return {"status": "FAILED", "error": str(error), "objectives": []}
    return result_of(outcome.row, spec.metrics)


def _begun(spec: TrialSpec, plan: Plan, store: Store) -> Outcome | None:
    """Go on with the run of an earlier attempt; None where there is none, or it was deleted from the store."""
    try:
        row = store.reader.run(spec.run) if spec.run else None
    except UnknownName:
        row = None
    if row is None:
        return None
    if row.status == "FINISHED":  # somebody resumed it by hand
        return Outcome(row, True, 0.0)
    if row.tags.get("dlcamp.fingerprint") != plan.fingerprint.digest and not spec.changed:
        return None  # its code has changed and no result rests on it yet: the trial begins anew
    request = plan.request
    return resume(spec.run, store, plan.root, _silent, force=spec.changed, model=request.model, watch=request.watch)


def result_of(row: RunRow, metrics: Sequence[str]) -> dict[str, Any]:
    """The result of a finished run: its objectives, or why it has none."""
    found: dict[str, Any] = {"run": row.id, "seconds": row.metrics.get("cost/seconds"), "objectives": []}
    missing = [name for name in metrics if name not in row.metrics]
    if missing:
        returned = sorted(name for name in row.metrics if name.startswith(("val/", "cost/")))
        error = f"the run returned no {missing[0]}, only {', '.join(returned)}"
        return found | {"status": "FAILED", "error": error, "missing": missing[0], "returned": returned}
    values = [row.metrics[name] for name in metrics]
    wrong = [f"{name} is {value}" for name, value in zip(metrics, values, strict=True) if not math.isfinite(value)]
    if wrong:
        return found | {"status": "FAILED", "error": wrong[0]}
    return found | {"status": "FINISHED", "error": "", "objectives": values}


def _silent(_line: str) -> None:
    """A worker has no person at its terminal."""
