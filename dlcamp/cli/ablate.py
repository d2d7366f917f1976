"""`exp` for an experiment with variants, axes or seeds: forecast, live table, verdicts and where the report lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import duration, place
from dlcamp.cli.exp import layers, request_of, say
from dlcamp.cli.processes import count, make_command, threads_of, workers_of
from dlcamp.discovery import find
from dlcamp.errors import UserError
from dlcamp.settings import pick, seeds_of, settings

if TYPE_CHECKING:
    from dlcamp.ablation.engine import Ablation, AblationOutcome
    from dlcamp.ablation.forecast import Forecast
    from dlcamp.tracking.protocol import Store


def run_design(given: Given, root: Path) -> int:
    """Check every config of the design, say what it will take, run it, and say what was found."""
    if given.flag("EXPLAIN"):
        raise UserError("EXPLAIN looks at one run: add SEED=0, and VARIANT= for another than the defaults")
    ablation = ablation_of(given, root)
    from dlcamp.tracking import open_existing_store, open_store

    if given.flag("DRY"):
        say("\n".join(design_lines(ablation)))
        from dlcamp.tracking import MemoryTracker

        say("\n".join(_forecast_lines(ablation, open_existing_store() or MemoryTracker())))
        say("nothing was run (DRY=1)")
        return 0
    from dlcamp.ablation.engine import run_ablation
    from dlcamp.cli.live import View
    from dlcamp.launch.workers import WorkerPool
    from dlcamp.paths import runs_folder

    store = open_store(say=say)
    say("\n".join([*design_lines(ablation), *_forecast_lines(ablation, store)]))
    log = runs_folder() / "workers.log"
    with WorkerPool(ablation.workers, ablation.threads, log) as pool, View(ablation) as view:
        outcome = run_ablation(ablation, store, pool, view.say, view.watch)
    say("\n".join(ending_lines(outcome, ablation, store)))
    return 0


def ablation_of(given: Given, root: Path) -> Ablation:
    """What NAME, DATA, PRESET, SET, VARIANT, SEEDS and WORKERS ask for; every config of it is checked."""
    from dlcamp import runner
    from dlcamp.ablation.design import Design
    from dlcamp.ablation.engine import Ablation
    from dlcamp.launch.workers import cores

    written = settings(root, find(root, str(given.get("NAME"))))
    experiment, data, before, after = layers(given, root)
    grid = written.grid(given.get("PRESET"))
    seeds = seeds_of(given.get("SEEDS"), "SEEDS") if given.get("SEEDS") else grid.seeds or (0,)
    whole = Design(experiment, before, after, replace(grid, seeds=seeds), given.get("PRESET") or "")
    named = pick(whole.grid.variants, given.words("VARIANT"), "variant", written.path)
    design = whole.limited_to(list(named)) if named else whole
    if named and design.comparison.baseline not in ("", *named):
        say(f"the baseline {design.comparison.baseline} belongs to every comparison and is run too")
    whole.check()
    base = runner.prepare(request_of(given, experiment, data, (*before, *after), {}), root)
    workers = workers_of(given, len(design.places()) * len(seeds), cores())
    return Ablation(design, whole, base, _command(given), workers, threads_of(workers, cores()))


def _command(given: Given) -> Callable[..., str]:
    """Variants and seeds -> the command that makes them; what was asked when none are given."""

    def command(variants: Sequence[str] | None = None, seeds: Sequence[int] | None = None) -> str:
        values = {name: value for name, value in given.values.items() if name not in ("FORCE", "DRY", "EXPLAIN")}
        if variants is not None and "VARIANT" in values:
            values["VARIANT"] = ",".join(variants)
        if seeds is not None and ("SEEDS" in values or variants is None):
            counted = list(seeds) == list(range(len(seeds)))
            values["SEEDS"] = str(len(seeds)) if counted else ",".join(map(str, seeds)) + "," * (len(seeds) == 1)
        return make_command("exp", values)

    return command


def design_lines(ablation: Ablation) -> list[str]:
    """The design in a few lines."""
    design, request = ablation.design, ablation.base.request
    grid, comparison = design.grid, design.comparison
    lines = [f"{request.experiment.name}  {request.data}" + (f"  preset {request.preset}" if request.preset else "")]
    if grid.variants:
        lines.append(
            f"variants  {', '.join(grid.variants)}" + (f"; baseline {comparison.baseline}" * bool(comparison.baseline))
        )
    lines += [f"axis      {axis}: {', '.join(values)}" for axis, values in grid.axes.items()]
    lines.append(f"seeds     {', '.join(map(str, grid.seeds))}")
    tuned = [name for name in grid.variants if any(design.tuned(p) for p in design.places() if p.variant == name)]
    if tuned:
        lines.append(
            f"tuned     {', '.join(tuned)}: {grid.tuning.trials} trials each, by {request.experiment.objective}"
        )
    return lines


def _forecast_lines(ablation: Ablation, store: Store) -> list[str]:
    from dlcamp.ablation.forecast import forecast

    told = forecast(ablation.design, ablation.base, store.reader, ablation.workers)
    trials = f" + {told.trials} tuning trials" if told.trials else ""
    workers = f"{count(ablation.workers, 'worker')} of {count(ablation.threads, 'thread')}"
    time = "time unknown until the first run ends"
    if told.total is not None:
        time = f"about {duration(told.total)} without the cache"
    return [f"runs      {told.runs}{trials} on {workers}; {time}", f"power     {_power(told, ablation)}"]


def _power(told: Forecast, ablation: Ablation) -> str:
    seeds, metric = len(ablation.design.grid.seeds), ablation.design.comparison.metric
    if told.detectable is None:
        return "one seed: no test will be made, the numbers say nothing about other seeds (SEEDS=5 does)"
    size = f"{told.detectable:.2g} in {metric}" if told.in_units else f"{told.detectable:.1f} standard deviations"
    return f"{seeds} seeds find a true difference of {size} in 80 of 100 ablations ({told.source})"


def ending_lines(outcome: AblationOutcome, ablation: Ablation, store: Store) -> list[str]:
    """What was found, what it rests on, where to look, and the next useful command."""
    from dlcamp.analysis.scorings import SCORINGS_TAG
    from dlcamp.analysis.text import table_lines

    row, experiment = outcome.row, ablation.base.request.experiment
    children = outcome.state.children.values()
    trials, cached = len(outcome.state.of("trial")), sum(child.cached for child in children)
    took = duration((row.ended or row.started) - outcome.state.started)
    tuning = f" and {trials} tuning trials" if trials else ""
    cache = f", {cached} of them from the cache" if cached else ""
    lines = ["", f"{experiment.name}  {took}  {count(len(children) - trials, 'run')}{tuning}{cache}", ""]
    lines += table_lines(outcome.findings)
    if told := row.tags.get(SCORINGS_TAG):
        lines.append(f"test     {told}")
    if row.tags.get("dlcamp.proof"):
        best = row.tags["dlcamp.best_name"]
        lines.append(
            f"model    of the best run, {best}, reloaded in a new process: {row.tags['dlcamp.proof']} identical"
        )
    lines.append(f"report   {place(store, row, 'report.html')}")
    lines.append(f"run      {row.name}       (open the page: make report NAME={experiment.name}; all runs: make ui)")
    if len(ablation.design.grid.seeds) < 2:
        lines.append(f"next     other seeds: {ablation.command(None, range(5))}")
    elif experiment.next:
        lines.append(f"next     {experiment.next}")
    return lines
