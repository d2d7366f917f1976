"""The best of many noisy trials is not the best config: the top ones and the defaults again, on seeds of their own.

Each trial is one seed, and the best of thirty is the luckiest of them. The replication is an ablation over the top
configs with the defaults as baseline, so that its runs, its paired tests and its page are those of any ablation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dlcamp.ablation.design import Design
from dlcamp.ablation.engine import Ablation, AblationOutcome, Watch, run_ablation
from dlcamp.analysis.cells import KIND_TAG
from dlcamp.analysis.findings import Findings, find
from dlcamp.analysis.searched import Replicated, Replication, Searched, SearchTrial
from dlcamp.analysis.study_files import cells_of
from dlcamp.comparison import Comparison
from dlcamp.config import Layer, flatten
from dlcamp.errors import RunFailed, UserError
from dlcamp.experiment import Experiment, Objective
from dlcamp.launch.protocol import Launcher
from dlcamp.runner import Say
from dlcamp.search.asked import Search
from dlcamp.search.parent import STUDY_TAG
from dlcamp.settings import Grid, Variant
from dlcamp.tracking.protocol import Store

DEFAULTS = "defaults"


@dataclass(frozen=True)
class Contest:
    """Which configs run again, and on which seeds."""

    search: Search
    top: tuple[SearchTrial, ...]
    seeds: tuple[int, ...]

    def variants(self) -> dict[str, Variant]:
        """The defaults and the top configs, as an ablation's variants."""
        found = {DEFAULTS: Variant(dict(self.search.space.defaults))}
        return found | {label(trial): Variant(self.values(trial)) for trial in self.top}

    def values(self, trial: SearchTrial) -> dict[str, Any]:
        """What is searched; not the epochs that a tuner allotted to the trial."""
        return {name: trial.values[name] for name in self.search.space.spaces}


def label(trial: SearchTrial) -> str:
    """`trial 12`."""
    return f"trial {trial.number}"


def contest(search: Search, found: Searched, top: int, seeds: Sequence[int]) -> Contest:
    """The `top` best finished configs that differ from each other and from the defaults.

    Raises:
        UserError: there is none.
    """
    chosen: list[SearchTrial] = []
    known = [dict(search.space.defaults)]
    for trial in found.ranked():
        values = {name: trial.values[name] for name in search.space.spaces}
        if values not in known and len(chosen) < top:
            known.append(values)
            chosen.append(trial)
    if not chosen:
        raise UserError("no finished trial differs from the defaults: there is nothing to replicate")
    return Contest(search, tuple(chosen), tuple(seeds))


def replicate(one: Contest, store: Store, launcher: Launcher, say: Say, watch: Watch) -> Replication:
    """Run the contest and rank its configs by the objective's mean.

    Raises:
        RunFailed: no config has a finished run.
        RunInterrupted: stopped; the same command runs only what is missing.
    """
    outcome = run_ablation(ablation(one), store, launcher, say, watch)
    return ranking(one, outcome, store)


def ablation(one: Contest) -> Ablation:
    """The contest as an ablation of the experiment, compared by the search's first objective."""
    search, request = one.search, one.search.base.request
    experiment = compared(request.experiment, search.objectives[0])
    base = replace(
        search.base,
        request=replace(request, experiment=experiment, tags={KIND_TAG: "replicate", STUDY_TAG: search.digest}),
    )
    resolved = search.space.base
    values = flatten(resolved.config.model_dump(mode="python"))
    before = tuple(
        Layer(resolved.origins.get(name, "default"), {name: value}) for name, value in values.items() if name != "seed"
    )
    design = Design(experiment, before, (), Grid(one.variants(), {}, one.seeds), request.preset or "")
    design.check()
    return Ablation(design, design, base, lambda *_: search.command, search.workers, search.threads, kind="replication")


def compared(experiment: Experiment, objective: Objective | None = None) -> Experiment:
    """The experiment with the comparison that a replication makes; its claims are about other runs."""
    objective = objective or experiment.objective
    declared = experiment.compare or Comparison(objective.metric)
    shown = tuple(dict.fromkeys([declared.metric, *declared.shown]))
    comparison = Comparison(
        objective.metric,
        baseline=DEFAULTS,
        higher_is_better=objective.direction == "maximize",
        shown=tuple(name for name in shown if name != objective.metric),
        items=declared.items,
    )
    return replace(experiment, compare=comparison, claims=())


def ranking(one: Contest, outcome: AblationOutcome, store: Store) -> Replication:
    """The configs by their mean objective on the new seeds, and by the experiment's test metric beside it."""
    findings = outcome.findings
    rows = _rows(one, findings)
    if not rows or rows[0].mean is None:
        raise RunFailed("no config of the replication has a value")
    declared = one.search.base.request.experiment.compare
    also: tuple[Replicated, ...] = ()
    if declared is not None and declared.metric != one.search.objectives[0].metric:
        comparison = replace(findings.comparison, metric=declared.metric, higher_is_better=declared.higher_is_better)
        also = _rows(one, find(comparison, [], cells_of(store.reader, outcome.row, None, [])))
    return Replication(outcome.row.id, outcome.row.name, one.seeds, rows, also, rows[0].label)


def _rows(one: Contest, findings: Findings) -> tuple[Replicated, ...]:
    contrasts = {result.contrast.first: result for result in findings.contrasts}
    trials = {label(trial): trial for trial in one.top}
    rows = []
    for variant in findings.variants:
        trial, result = trials.get(variant.variant), contrasts.get(variant.variant)
        rows.append(
            Replicated(
                label=variant.variant,
                trial=trial.number if trial else None,
                values=one.values(trial) if trial else dict(one.search.space.defaults),
                metric=findings.comparison.metric,
                n=variant.n,
                mean=variant.mean.mean,
                low=variant.mean.low,
                high=variant.mean.high,
                difference=result.paired.difference if result else None,
                difference_low=result.paired.low if result else None,
                difference_high=result.paired.high if result else None,
                p=result.p_adjusted if result else None,
                verdict=result.verdict if result else "",
            )
        )
    sign = -1 if findings.comparison.higher_is_better else 1
    return tuple(sorted(rows, key=lambda row: (row.mean is None, sign * (row.mean or 0.0))))
