"""`search`: the declared space searched, one run a trial; the best replicated and written as the preset `best`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import duration, place
from dlcamp.cli.exp import layers, request_of, say
from dlcamp.cli.processes import count, make_command, threads_of, workers_of
from dlcamp.config import Layer, flatten
from dlcamp.discovery import find
from dlcamp.errors import UnknownName, UserError
from dlcamp.settings import Settings, pick, seeds_of, settings

if TYPE_CHECKING:
    from dlcamp.analysis.searched import Replication, Searched
    from dlcamp.search.asked import Search
    from dlcamp.search.engine import SearchOutcome
    from dlcamp.search.space import SearchSpace
    from dlcamp.tracking.protocol import Store

TRIALS, SEEDS = "20", "5"
Engine = Literal["optuna", "keras_tuner"]
MOST = 100_000


def run(given: Given, root: Path) -> int:
    """Check what was asked, run what is missing to TRIALS, replicate, and say what was found."""
    written = settings(root, find(root, str(given.get("NAME"))))
    asked = asked_of(given, written)
    search = search_of(given, asked, root, written)
    top, seeds = _whole("REPLICATE", asked.get("REPLICATE") or "0", 0), seeds_of(asked.get("SEEDS") or SEEDS, "SEEDS")
    known = _known_trials(search)
    say("\n".join([*asked_lines(search), _plan_line(search, known)]))
    if search.total < known:
        say(f"the study has {known} trials and TRIALS={search.total} asks for fewer: nothing is done")
        return 0
    if given.flag("DRY"):
        if top:
            say(f"replicate  the best {top} and the defaults on {len(seeds)} new seeds")
        say("nothing was run (DRY=1)")
        return 0
    from dlcamp.cli.live import SearchView, View
    from dlcamp.launch.workers import WorkerPool
    from dlcamp.paths import runs_folder
    from dlcamp.runner import with_models
    from dlcamp.search.engine import replicated, run_search
    from dlcamp.search.replicate import ablation, contest, replicate
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    # found once: the replication must build on the models that the search built on
    search = replace(search, base=with_models(search.base, store))
    with WorkerPool(search.workers, search.threads, runs_folder() / "workers.log") as pool:
        with SearchView(search) as view:
            outcome = run_search(search, store, pool, view.say, view.watch)
        replication = None
        if top:
            one = contest(search, outcome.found, top, search.fresh_seeds(len(seeds)) if _counted(asked) else seeds)
            say(f"replicating {len(one.top)} configs and the defaults on {len(one.seeds)} new seeds")
            with View(ablation(one)) as cells:
                replication = replicate(one, store, pool, cells.say, cells.watch)
            replication = _with_preset(search, written, replication, root, given)
            outcome = replicated(search, store, outcome, replication)
    say("\n".join(ending_lines(given, search, outcome, store, replication)))
    return 0


def asked_of(given: Given, written: Settings) -> Given:
    """The variables, over what the yaml's `search` says."""
    usual = {key.upper(): value for key, value in written.search(given.get("PRESET")).items()}
    return Given(usual | {name: value for name, value in given.values.items() if value})


def search_of(given: Given, asked: Given, root: Path, written: Settings) -> Search:
    """What is asked for, by variables, else by the yaml's `search`; every part of it is checked."""
    from dlcamp import runner
    from dlcamp.launch.workers import cores
    from dlcamp.search.asked import Search
    from dlcamp.search.objectives import objectives_of
    from dlcamp.search.space import search_space

    experiment, data, before, after = layers(given, root)
    named = pick(written.grid(given.get("PRESET")).variants, given.words("VARIANT"), "variant", written.path)
    if len(named) > 1:
        raise UserError(f"a search is of one variant, got {', '.join(named)}: give one, or search over its field")
    inner = tuple(Layer(f"variant {name}", variant.values) for name, variant in named.items())
    tags = {"dlcamp.variant": next(iter(named))} if named else {}
    request = request_of(given, experiment, data, (*before, *inner, *after), tags)
    fixed = [key for layer in after for key in flatten(dict(layer.values))]
    space = search_space(experiment, request.resolved, asked.words("SPACE"), fixed)
    objectives = objectives_of(experiment, asked.words("OBJECTIVES"))
    engine, sampler, pruner = _proposer(given, asked, space, len(objectives))
    total = _whole("TRIALS", asked.get("TRIALS") or _usual_trials(sampler, space), 1)
    workers = workers_of(given, total, cores())
    return Search(
        space=space,
        base=runner.prepare(request, root),
        objectives=objectives,
        total=total,
        command=_command(given),
        seed=_whole("SEED", given.get("SEED") or "0", 0, 1000),
        engine=engine,
        sampler=sampler,
        pruner=pruner,
        workers=workers,
        threads=threads_of(workers, cores()),
        carry_on=given.flag("CONTINUE"),
    )


def _command(given: Given, **changes: str) -> str:
    """The command as it was typed, with these variables changed; "" leaves one out."""
    values = {**given.values, "DRY": "", **changes}
    return make_command("search", {name: value for name, value in values.items() if value})


def _proposer(given: Given, asked: Given, space: SearchSpace, objectives: int) -> tuple[Engine, str, str]:
    """Engine, sampler (or tuner) and pruner; whatever cannot be said together is an error."""
    engine = asked.get("ENGINE") or "optuna"
    if engine == "optuna":
        from dlcamp.search.optuna_engine import check_pruner, check_sampler

        if given.get("TUNER"):
            raise UserError(f"TUNER={given.get('TUNER')} belongs to ENGINE=keras_tuner; Optuna has SAMPLER and PRUNER")
        sampler = asked.get("SAMPLER") or "tpe"
        check_sampler(sampler, space)
        return "optuna", sampler, check_pruner(asked.get("PRUNER") or "", objectives)
    if engine != "keras_tuner":
        raise UnknownName("engine", engine, ("optuna", "keras_tuner"))
    from dlcamp.search.keras_tuner_engine import check_tuner

    for name in ("SAMPLER", "PRUNER"):
        if given.get(name):
            raise UserError(f"{name}={given.get(name)} belongs to ENGINE=optuna; Keras Tuner has TUNER")
    tuner = asked.get("TUNER") or "bayesian"
    total = asked.get("TRIALS")
    check_tuner(tuner, space, objectives, _whole("TRIALS", total, 1) if total else None)
    return "keras_tuner", tuner, "none"


def _usual_trials(sampler: str, space: SearchSpace) -> str:
    """A grid's points, the defaults and one bracket of Hyperband, else twenty."""
    if sampler == "grid":
        return str(space.size)
    if sampler == "hyperband":
        from dlcamp.search.keras_tuner_engine import first_bracket

        return str(1 + sum(count for count, _ in first_bracket(space.fixed["epochs"])))
    return TRIALS


def _whole(name: str, text: str, least: int, most: int = MOST) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise UserError(f"{name}={text!r}: give a whole number from {least} to {most:,}")
    return int(text)


def _counted(asked: Given) -> bool:
    """Whether SEEDS is a number of seeds and not a list of them."""
    return "," not in (asked.get("SEEDS") or SEEDS)


def _known_trials(search: Search) -> int:
    """Trials that the study has; the journal is checked on the way."""
    return len(search.journal(create=False).trials()) if search.path.exists() else 0


def asked_lines(search: Search) -> list[str]:
    """What is searched, in a few lines."""
    from dlcamp.analysis.search_words import value_text

    request = search.base.request
    head = f"{request.experiment.name}  {request.data}" + (f"  preset {request.preset}" if request.preset else "")
    lines = [f"{head}  search by {search.engine} {search.sampler}, pruner {search.pruner}"]
    width = max(map(len, search.space.spaces))
    lines += [
        f"  {name:<{width}}  {space}   default {value_text(search.space.defaults[name])}"
        for name, space in search.space.spaces.items()
    ]
    origins, fixed = search.space.base.origins, search.space.fixed
    if told := "  ".join(f"{name}={value_text(fixed[name])}" for name in fixed if origins[name] == "SET"):
        lines.append(f"fixed      {told}")
    usual = flatten(search.space.base.config.model_dump(mode="python"))
    for name, value in search.space.in_trials.items():
        lines.append(f"in trials  {name}={value_text(value)}; other runs, those of REPLICATE too: {usual[name]}")
    lines.append("objective" + "s" * (len(search.objectives) > 1) + f"  {', '.join(map(str, search.objectives))}")
    return lines


def _plan_line(search: Search, known: int) -> str:
    workers = f"{count(search.workers, 'worker')} of {count(search.threads, 'thread')}"
    there = f", {known} of them there already" if known else "; trial 0 is the defaults"
    return f"trials     {search.total}{there}, on {workers}; study {search.path.name}"


def _with_preset(search: Search, written: Settings, replication: Replication, root: Path, given: Given) -> Replication:
    """Write the preset `best`, unless the defaults came first; what was done stands in the result."""
    from dlcamp.search.best_preset import preset_of, provenance
    from dlcamp.search.preset import write_preset

    winner = replication.rows[0]
    if winner.trial is None:
        return replace(replication, preset="not written: no config found has a better mean than the defaults")
    experiment, data, before, _ = layers(Given({"NAME": given.values["NAME"], "DATA": search.base.request.data}), root)
    values = preset_of(search, winner, before, bool(written.grid()), data != experiment.data[0])
    try:
        write_preset(written.path, "best", values, provenance(search, replication))
    except UserError as error:
        say(str(error))
        return replace(replication, preset=f"not written: {str(error).splitlines()[0]}")
    return replace(replication, preset=f"best, in {written.path.relative_to(root)}")


def ending_lines(
    given: Given, search: Search, outcome: SearchOutcome, store: Store, replication: Replication | None
) -> list[str]:
    """What was found, what it rests on, where to look, and the next useful command."""
    from dlcamp.analysis.search_text import table_lines

    row, found = outcome.row, outcome.found
    name = search.base.request.experiment.name
    lines = ["", f"{name}  {duration(outcome.seconds)}  {count(outcome.ended, 'trial')} in this session", ""]
    lines += table_lines(found)
    if row.tags.get("dlcamp.proof"):
        best = row.tags["dlcamp.best_name"]
        lines.append(
            f"model    of the best trial, {best}, reloaded in a new process: {row.tags['dlcamp.proof']} identical"
        )
    if replication is not None and replication.preset:
        lines.append(f"preset   {replication.preset}")
    lines.append(f"report   {place(store, row, 'report.html')}")
    lines.append(f"study    {search.path}       (browse: .venv/bin/optuna-dashboard {search.path})")
    lines.append(f"run      {row.name}       (open the page: make report RUN={row.id[:8]}; all runs: make ui)")
    lines.append(f"next     {_next(given, search, found, replication)}")
    return lines


def _next(given: Given, search: Search, found: Searched, replication: Replication | None) -> str:
    name = search.base.request.experiment.name
    if replication is not None and replication.preset.startswith("best"):
        return f"make exp NAME={name} PRESET=best"
    if not found.finished():
        return f"see what failed: make show RUN={found.run[:8]}"
    if replication is None and len(search.objectives) == 1:
        return f"the best of noisy trials is not the best config: {_command(given, REPLICATE='3')}"
    return f"more trials: {_command(given, TRIALS=str(2 * search.total), REPLICATE='', SEEDS='')}"
