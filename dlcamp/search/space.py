"""What a search varies: the declared spaces, or the part that SPACE names; everything else stays as resolved.

Nobody writes a space twice: it stands in the config's fields. The digest binds a study to what it varies and to what
it keeps fixed, so that a changed space is another study.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlcamp.analysis.searched import space_record
from dlcamp.config import Layer, Resolved, flatten, resolve
from dlcamp.errors import ConfigError, UnknownName, UserError
from dlcamp.experiment import Experiment, Objective
from dlcamp.spaces import Choice, Int, Space

SEEDS_APART = 1_000_000
"""How far apart the seeds of two searches lie: trial n of SEED=s is trained with (s + 1) * 1,000,000 + n."""

REPLICATE_FROM = 900_000
"""Where, among a search's seeds, those of its replication begin."""


@dataclass(frozen=True)
class SearchSpace:
    """The part that is searched.

    Args:
        spaces: dotted field -> where to search.
        defaults: dotted field -> its value when nothing is searched: trial 0.
        fixed: the values of all other fields in every trial, without the seed.
        base: the resolved config.
        in_trials: those of `fixed` that trials have because their fields declare it; other runs have the base's.
    """

    experiment: Experiment
    spaces: Mapping[str, Space]
    defaults: Mapping[str, Any]
    fixed: Mapping[str, Any]
    base: Resolved[Any]
    in_trials: Mapping[str, Any] = field(default_factory=dict)

    def trial(self, values: Mapping[str, Any], seed: int) -> Resolved[Any]:
        """The config of a trial: as `resolved`, with what the fields declare of trials."""
        return self.resolved({**self.in_trials, **values}, seed)

    def resolved(self, values: Mapping[str, Any], seed: int) -> Resolved[Any]:
        """The config of a run with values of the space.

        Raises:
            ConfigError: values that the config does not take together.
        """
        known = flatten(self.base.config.model_dump(mode="python"))
        layers = [Layer(self.base.origins.get(key, "default"), {key: value}) for key, value in known.items()]
        layers += [Layer("trial", values), Layer("SEED", {"seed": seed})]
        return resolve(self.experiment.config_type, layers)

    @property
    def size(self) -> int | None:
        """Number of points; None where a field has a range of real numbers."""
        total = 1
        for space in self.spaces.values():
            count = points(space)
            if count is None:
                return None
            total *= count
        return total


def points(space: Space) -> int | None:
    """Number of points of one space; None for a range of real numbers."""
    if isinstance(space, Choice):
        return len(space.options)
    if isinstance(space, Int):
        return (space.high - space.low) // space.step + 1
    return 1 if space.low == space.high else None


def search_space(
    experiment: Experiment, base: Resolved[Any], names: Sequence[str], fixed: Sequence[str]
) -> SearchSpace:
    """The space to be searched.

    Args:
        base: the config of trial 0, except for its seed.
        names: what SPACE names; empty: everything that is declared.
        fixed: fields that SET names: they are not searched.

    Raises:
        UnknownName: a name that is no field with a space.
        ConfigError: a field both fixed and searched, or a default that its space cannot hold.
        UserError: nothing to search.
    """
    declared = experiment.config_type.space()
    values = flatten(base.config.model_dump(mode="python"))
    if not declared:
        raise UserError(
            f"{experiment.name} declares no search space: give a field of its Config one, "
            "like units: int = tune(256, space=Int(64, 512, log=True))"
        )
    for name in names:
        if name not in declared:
            hint = "it is a field without a space: tune(..., space=...) gives it one" if name in values else ""
            raise UnknownName(f"parameter of {experiment.name}'s space", name, declared, hint)
    both = [name for name in names if name in fixed]
    if both:
        raise ConfigError(f"SPACE searches {both[0]} and SET fixes it: leave it out of one of the two")
    chosen = {name: space for name, space in declared.items() if (name in names if names else name not in fixed)}
    spaces = {name: _with_default(name, space, values[name]) for name, space in chosen.items() if points(space) != 1}
    if not spaces:
        raise UserError(
            f"a space of one point: {', '.join(chosen) or 'SET fixes every field, which'} leaves nothing to search\n"
            f"{experiment.name} can search {', '.join(declared)}"
        )
    in_trials = {name: value for name, value in experiment.config_type.trial_values().items() if name not in fixed}
    rest = {name: value for name, value in (values | in_trials).items() if name not in spaces and name != "seed"}
    return SearchSpace(experiment, spaces, {name: values[name] for name in spaces}, rest, base, in_trials)


def _with_default(name: str, space: Space, default: Any) -> Space:
    """A choice whose default is not among its options has it too: trial 0 must be comparable with the others."""
    if isinstance(space, Choice):
        return space if default in space else Choice(*space.options, default)
    if default is None:
        raise ConfigError(
            f"{name} is {default} by default, which lies in no range: give it a number (SET={name}=...) "
            "or leave it out of SPACE"
        )
    return space


def nearest_point(space: Space, value: Any) -> Any:
    """The value itself, or the nearest end of a range that does not hold it.

    A default may lie outside (a strength of 0 under a logarithmic range): the run has the default, and the sampler
    is told the nearest point that it knows.
    """
    if value in space or isinstance(space, Choice):
        return value
    if isinstance(space, Int):
        steps = round((min(max(value, space.low), space.high) - space.low) / space.step)
        return space.low + min(steps, (space.high - space.low) // space.step) * space.step
    return float(min(max(value, space.low), space.high))


def trial_seed(seed: int, number: int) -> int:
    """The seed that trial `number` of a search with SEED=`seed` is proposed and trained with."""
    return (seed + 1) * SEEDS_APART + number


def replicate_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Seeds that no trial of the search had."""
    return tuple((seed + 1) * SEEDS_APART + REPLICATE_FROM + index for index in range(count))


def study_digest(space: SearchSpace, data: str, engine: str, objectives: Sequence[Objective], seed: int) -> str:
    """What a study is bound to: experiment, data set, spaces, fixed values, objectives, engine and SEED."""
    parts = {
        "experiment": space.experiment.name,
        "data": data,
        "engine": engine,
        "objectives": [str(one) for one in objectives],
        "seed": seed,
        "spaces": {name: space_record(one) for name, one in sorted(space.spaces.items())},
        "fixed": dict(sorted(space.fixed.items())),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
