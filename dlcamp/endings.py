"""How a run ends: with what it promised, or closed unfinished: pruned, stopped, or failed."""

from __future__ import annotations

import math
import shutil
import signal
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from dlcamp.errors import BrokenPromise, RunFailed, RunInterrupted, RunPruned, UserError
from dlcamp.experiment import Experiment
from dlcamp.guards import Pruned, Terminated

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun

STATE_TAG = "dlcamp.state"
"""Set to PRUNED where a run was given up by a search; MLflow's own status has no word for it."""


def promised(experiment: Experiment, metrics: Mapping[str, float]) -> dict[str, float]:
    """The final metrics as floats, the objective among them and finite."""
    wanted = experiment.objective.metric
    if not isinstance(metrics, Mapping):
        raise BrokenPromise(f"{experiment.name} returned {type(metrics).__name__}; it must return its final metrics")
    if wanted not in metrics and not wanted.startswith("cost/seconds"):
        raise BrokenPromise(
            f"{experiment.name} promised {wanted} and returned {', '.join(sorted(metrics)) or 'nothing'}"
        )
    final = {name: float(value) for name, value in metrics.items()}
    if wanted in final and not math.isfinite(final[wanted]):
        raise BrokenPromise(f"{experiment.name}: {wanted} is {final[wanted]}, which is not finite")
    return final


def pruned(run: ActiveRun, error: Pruned) -> RunPruned:
    """Close the run as KILLED, with its own status tag; it will not go on, so its checkpoints go."""
    try:
        run.tags({STATE_TAG: "PRUNED", "dlcamp.ended": f"pruned: {error}"})
    finally:
        run.end("KILLED")
    shutil.rmtree(run.folder, ignore_errors=True)
    return RunPruned(f"{run.name} was pruned: {error}")


def ended_badly(run: ActiveRun, error: BaseException) -> BaseException:
    """Close the run as KILLED or FAILED and give the error to raise."""
    if isinstance(error, (KeyboardInterrupt, Terminated)):
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        with suppress(UserError, OSError):
            run.tags({"dlcamp.ended": signal.Signals(number).name})
        run.end("KILLED")
        return RunInterrupted(
            f"{run.name} was stopped ({signal.Signals(number).name}); what was logged is kept.\n"
            f"go on with it: make exp RESUME={run.id[:8]}",
            number,
        )
    text = "".join(traceback.format_exception(error))
    try:
        with suppress(UserError, OSError):  # on a full disk the traceback cannot be kept, the end of the run still can
            run.tags({"dlcamp.error": f"{type(error).__name__}: {error}"[:2000]})
            run.text(text, "traceback.txt")
    finally:
        run.end("FAILED")
    if isinstance(error, (UserError, RunFailed)):
        error.args = (f"{error}\nrun {run.name} is FAILED; its traceback: make show RUN={run.id[:8]}",)
        return error
    last = traceback.extract_tb(error.__traceback__)[-1]
    return RunFailed(
        f"{run.name} FAILED: {type(error).__name__}: {error}\n  at {last.filename}:{last.lineno} in {last.name}\n"
        f"the whole traceback: make show RUN={run.id[:8]}"
    )
