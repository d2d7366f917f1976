"""What a search goes by: the experiment's objective, or those that OBJECTIVES names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dlcamp.errors import ConfigError
from dlcamp.experiment import Experiment, Objective

_WAYS: dict[str, Literal["maximize", "minimize"]] = {
    "max": "maximize",
    "maximize": "maximize",
    "min": "minimize",
    "minimize": "minimize",
}
_EXAMPLE = "example: OBJECTIVES=val/cider:max,cost/parameters:min"


def objectives_of(experiment: Experiment, written: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives in their order; the experiment's own where none is written.

    Raises:
        ConfigError: on test data, neither `val/` nor `cost/`, without a direction that is known, or one twice.
    """
    if not written:
        return (experiment.objective,)
    found = [_objective(experiment, text) for text in written]
    twice = [one.metric for one in found if sum(other.metric == one.metric for other in found) > 1]
    if twice:
        raise ConfigError(f"OBJECTIVES names {twice[0]} twice\n{_EXAMPLE}")
    return tuple(found)


def _objective(experiment: Experiment, text: str) -> Objective:
    metric, _, way = text.partition(":")
    if metric.startswith("test/"):
        raise ConfigError(f"objective {metric}: choosing by test data is not allowed; name a val/ metric or a cost/")
    if not metric.startswith(("val/", "cost/")) or metric.endswith("/"):
        raise ConfigError(f"objective {text!r} must be a val/ metric or a cost/\n{_EXAMPLE}")
    if way and way not in _WAYS:
        raise ConfigError(f"objective {text!r}: the direction is max or min, got {way!r}\n{_EXAMPLE}")
    if way:
        return Objective(metric, _WAYS[way])
    if metric == experiment.objective.metric:
        return experiment.objective
    if metric.startswith("cost/"):
        return Objective(metric, "minimize")
    raise ConfigError(f"objective {metric}: say whether more of it is better: {metric}:max or {metric}:min")
