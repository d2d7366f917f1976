"""One question, one module: the decorator that marks it, and the value it becomes.

    @experiment(config=Config, data=["scenes"], objective=maximize("val/cider"), course="7.1 图像描述")
    def caption_lstm(config, data, run):
        ...
        return {"val/cider": ..., "test/cider": ...}

The decorator checks and returns an `Experiment`; it changes nothing global. The folder is the registry
(`discovery.py`): the file's stem is the name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlcamp.comparison import Comparison, Contrast, Expect
from dlcamp.config import ExperimentConfig
from dlcamp.errors import DiscoveryError

Body = Callable[[Any, Any, Any], Mapping[str, float]]
Verdict = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True)
class Objective:
    """The metric that decides which run is best, and which way is better."""

    metric: str
    direction: Literal["maximize", "minimize"]

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.direction == "maximize" else value < other

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"


def maximize(metric: str) -> Objective:
    """More of a `val/` metric or a cost is better."""
    return Objective(metric, "maximize")


def minimize(metric: str) -> Objective:
    """Less of a `val/` metric or a cost is better."""
    return Objective(metric, "minimize")


@dataclass(frozen=True)
class Claim:
    """A statement made before the runs, and how the runs judge it: one run by `judge`, an ablation by `contrasts`.

    Args:
        statement: what is claimed.
        refuted_by: what would refute it, in words.
        judge: final metrics of one run -> verdict. None: one run cannot judge it.
        contrasts: differences between variants that an ablation judges it by.
        expect: what the claim says of each: "higher" or "lower" than zero, the "same" within `margin`, or a "law":
            the mean lies within three standard errors of the number it is compared with.
        need: whether "all" contrasts must show it or "any" of them is enough.
        margin: for "same", in the metric's units; None: the comparison's margin.
        presets: an ablation judges it under these presets only; empty: under every one.
        data: an ablation judges it on these data sets only; empty: on every one.
    """

    statement: str
    refuted_by: str
    judge: Callable[[Mapping[str, float]], Verdict] | None = None
    contrasts: Sequence[Contrast] = ()
    expect: Expect = "higher"
    need: Literal["all", "any"] = "all"
    margin: float | None = None
    presets: Sequence[str] = ()
    data: Sequence[str] = ()

    def verdict(self, metrics: Mapping[str, float]) -> Verdict:
        """Undecided when a metric that the judge needs is missing or no judge is given."""
        if self.judge is None:
            return "undecided"
        try:
            return self.judge(metrics)
        except KeyError:
            return "undecided"


@dataclass(frozen=True)
class Experiment:
    """One question with everything the runner needs; made by `@experiment`.

    Args:
        name: the function's name, equal to the file's stem.
        body: (config, data, run) -> final metrics.
        config_type: the class of its config.
        data: names of catalogue entries it can run on; the first is the embedded default.
        objective: a `val/` metric or a cost.
        question: the first line of the module's docstring.
        course: "number heading" in the course, for the order of `list`.
        claims: what is claimed, judged from the runs.
        compare: how the variants of its yaml are compared; None: runs are compared by the objective.
        sources: label -> "module:function": where a learner finds the network, the loss, the formula.
        predictor: "module:Class" of the trained model, when there is one.
        scorer: "module:function": (predictor, data, config, split) -> (rows, totals), for re-scoring.
        floor: "module:function": (data, config, split) -> (what it is, rows like the scorer's) of what answers without
            looking at the input; a first champion must be better.
        cache: False for benchmarks, which run again each time.
        next: the next useful command, printed at the end of a run.
    """

    name: str
    body: Body
    config_type: type[ExperimentConfig]
    data: tuple[str, ...]
    objective: Objective
    module: str
    question: str
    course: str = ""
    claims: tuple[Claim, ...] = ()
    compare: Comparison | None = None
    sources: Mapping[str, str] | None = None
    predictor: str | None = None
    scorer: str | None = None
    floor: str | None = None
    cache: bool = True
    next: str = ""


def experiment(
    *,
    config: type[ExperimentConfig],
    data: Sequence[str],
    objective: Objective,
    course: str = "",
    claims: Sequence[Claim] = (),
    compare: Comparison | None = None,
    sources: Mapping[str, str] | None = None,
    predictor: str | None = None,
    scorer: str | None = None,
    floor: str | None = None,
    cache: bool = True,
    next: str = "",
) -> Callable[[Body], Experiment]:
    """Mark a function (config, data, run) -> metrics as an experiment. See `Experiment` for the arguments.

    Raises:
        DiscoveryError: no data set, an objective on test data, a predictor without its scorer, a claim about a data
            set that is not named.
    """

    def mark(body: Body) -> Experiment:
        name = getattr(body, "__name__", "?")
        _check(name, data, objective, predictor, scorer)
        _check_claims(name, data, claims)
        doc = sys.modules[body.__module__].__doc__ or body.__doc__ or ""
        question = doc.strip().splitlines()[0] if doc.strip() else ""
        return Experiment(
            name=name,
            body=body,
            config_type=config,
            data=tuple(data),
            objective=objective,
            module=body.__module__,
            question=question,
            course=course,
            claims=tuple(claims),
            compare=compare,
            sources=dict(sources or {}),
            predictor=predictor,
            scorer=scorer,
            floor=floor,
            cache=cache,
            next=next,
        )

    return mark


def _check(name: str, data: Sequence[str], objective: Objective, predictor: str | None, scorer: str | None) -> None:
    if not data:
        raise DiscoveryError(f"experiment {name}: data=[...] names no data set; the first is the embedded default")
    if objective.metric.startswith("test/"):
        raise DiscoveryError(
            f"experiment {name}: the objective is {objective.metric}; choosing by test data is not allowed, "
            "name a val/ metric or a cost/"
        )
    if not objective.metric.startswith(("val/", "cost/")):
        raise DiscoveryError(f"experiment {name}: the objective {objective.metric!r} must start with val/ or cost/")
    if bool(predictor) != bool(scorer):
        raise DiscoveryError(f"experiment {name}: a predictor needs a scorer and a scorer needs a predictor")


def _check_claims(name: str, data: Sequence[str], claims: Sequence[Claim]) -> None:
    for claim in claims:
        strange = [one for one in claim.data if one not in data]
        if strange:
            raise DiscoveryError(
                f"experiment {name}: the claim {claim.statement!r} is about {strange[0]!r}, which data=[...] does not "
                f"name; it has {', '.join(data)}"
            )
