"""What a model must show once it is loaded in a new process: it takes its example, and gives the logged values again.

The process is `rescore.rescore`'s; the files it loads are the registry's own.
"""

from __future__ import annotations

from dlcamp.experiment import Experiment
from dlcamp.registry.gate import Checks, Files
from dlcamp.registry.rescore import Rescored
from dlcamp.tracking.protocol import RunRow

TOLERANCE = 1e-6
"""How far a total may be from the logged one: absolute, and for totals above 1 in shares of it."""


def check_example(checks: Checks, files: Files, found: Rescored, what_now: str) -> None:
    """What the model says to the example that was stored with it has the columns of the signature."""
    if files.example is None:
        checks.put("example", True, "none was stored with it")
        return
    if found.trouble:
        checks.put("example", False, f"the model does not take it: {found.trouble}", what_now)
        return
    names = tuple(found.answer) if isinstance(found.answer, dict) else files.outputs[:1]
    said = f"“{found.answer}”" if isinstance(found.answer, str) else str(found.answer)
    said = said if len(said) <= 80 else f"{said[:79]}…"
    if names != files.outputs:
        answer = f"gives {', '.join(names)}, the signature promises {', '.join(files.outputs)}"
        checks.put("example", False, answer, what_now)
        return
    checks.put("example", True, f"taken; it says {said}")


def check_totals(checks: Checks, row: RunRow, experiment: Experiment, found: Rescored, what_now: str) -> None:
    """Every total that the run logged must come out again, the objective among them."""
    metric, totals = experiment.objective.metric, found.totals
    common = sorted(name for name in totals if name in row.metrics and name.startswith("val/"))
    if not common or (metric.startswith("val/") and metric not in common):
        answer = f"the scorer {experiment.scorer} gives no {metric}, only {', '.join(sorted(totals)) or 'nothing'}"
        checks.put("re-scored", False, answer, "a scorer must give the objective under the name that the run logs")
        return
    other = [name for name in common if not _same(totals[name], row.metrics[name])]
    if other:
        name = metric if metric in other else other[0]
        more = f" (and {len(other) - 1} more differ)" if len(other) > 1 else ""
        answer = f"{name} is {totals[name]:.9g} in a new process, the run logged {row.metrics[name]:.9g}{more}"
        checks.put("re-scored", False, answer, f"the code or the environment has changed since; {what_now}")
        return
    shown = metric if metric in common else common[0]
    more = f", and {len(common) - 1} more" if len(common) > 1 else ""
    took = f"{len(found.rows):,} items in a new process, {found.seconds:.0f} s"
    checks.put("re-scored", True, f"{shown} {totals[shown]:.6g} as logged{more} ({took})")


def _same(now: float, logged: float) -> bool:
    return abs(now - logged) <= TOLERANCE * max(1.0, abs(logged))
