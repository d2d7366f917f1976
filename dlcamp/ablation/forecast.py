"""What an ablation will take and what it can show, said before it trains.

Times and spreads come from the runs that this ablation has already, else from what the experiment declares from
experience (`Comparison.seconds`, `Comparison.sd`).
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dlcamp.ablation.design import Design
from dlcamp.ablation.parent import known_parent
from dlcamp.analysis.cells import Cell, cells
from dlcamp.analysis.claim_verdicts import applies
from dlcamp.analysis.contrasts import family, undirected
from dlcamp.analysis.power import detectable
from dlcamp.experiment import Claim
from dlcamp.runner import Plan
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import Reader

START_SECONDS = 12.0
"""What a worker needs before its first run: TensorFlow's import."""


@dataclass(frozen=True)
class Forecast:
    """Runs and trials to make at most (the cache is not asked), seconds in all, and what n seeds can tell apart.

    Args:
        each: seconds a run; None where nothing is known of it.
        total: seconds to the end; None likewise.
        detectable: smallest true difference that is found, after Holm, in 80 of 100 such ablations; in the metric's
            units when `in_units`, else in standard deviations of the paired differences. None for one seed.
        source: where the times and the spread come from.
    """

    runs: int
    trials: int
    each: float | None
    total: float | None
    detectable: float | None
    in_units: bool
    source: str


def forecast(design: Design, base: Plan, reader: Reader, workers: int) -> Forecast:
    """The forecast of a design that runs on so many workers."""
    comparison, request = design.comparison, base.request
    parent = known_parent(base, design, reader)  # other settings take other times
    rows = reader.runs(request.experiment.name, status="FINISHED", tags={PARENT_TAG: parent.id}) if parent else []
    known = cells(rows)
    usual = request.data == request.experiment.data[0] or bool(request.preset)  # what the declaration speaks of
    seconds = statistics.median(one.seconds for one in known) if known else comparison.seconds if usual else None
    sd = paired_sd(known, comparison.metric, comparison.baseline)
    source = f"{len(known)} earlier runs"
    if sd is None and usual and comparison.sd:
        sd, source = comparison.sd, "the experiment's own estimate"
    runs = len(design.places()) * len(design.grid.seeds)
    trials = sum(len(design.trials(place)) for place in design.places())
    total = None if seconds is None else START_SECONDS + (runs + trials) * seconds / workers
    # the first step of Holm's correction: what the smallest p of the declared tests must pass
    judged = [claim for claim in request.experiment.claims if _here(claim, design, request.data)]
    declared = family(comparison, judged, list(design.variants))
    tests = len({undirected(name) for name, one in declared.items() if one.tested})
    found = detectable(len(design.grid.seeds), 1.0 if sd is None else sd, level=1 - 0.05 / max(tests, 1))
    return Forecast(runs, trials, seconds, total, found, sd is not None, source)


def _here(claim: Claim, design: Design, data: str) -> bool:
    """Whether the claim is judged under the preset and on the data set, by variants that run."""
    needed = {name for contrast in claim.contrasts for name in contrast.variants()}
    return applies(claim, design.preset, data) and needed <= design.variants.keys()


def paired_sd(known: Sequence[Cell], metric: str, baseline: str) -> float | None:
    """The pooled standard deviation, over seeds, of differences from the baseline; None below three differences."""
    values: dict[tuple[object, ...], float] = {}
    for one in known:
        if one.kind == "cell" and metric in one.metrics:
            values.setdefault((one.variant, tuple(one.axes.items()), one.seed), one.metrics[metric])
    groups: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for (variant, axes, seed), value in values.items():
        reference = values.get((baseline, axes, seed))
        if variant != baseline and reference is not None:
            groups[variant, axes].append(value - reference)
    squares = sum(statistics.variance(group) * (len(group) - 1) for group in groups.values() if len(group) > 1)
    freedom = sum(len(group) - 1 for group in groups.values() if len(group) > 1)
    return (squares / freedom) ** 0.5 if freedom >= 2 and squares > 0 else None
