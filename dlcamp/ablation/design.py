"""The design of an ablation: which configs it holds, checked before anything runs.

Order of values: class defaults < yaml `base` < data < preset < variant < axis < tuned on validation < SET.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from dlcamp.comparison import Comparison
from dlcamp.config import Layer, Resolved, canonical, flatten, resolve
from dlcamp.errors import ConfigError, UnknownName
from dlcamp.experiment import Experiment
from dlcamp.settings import Grid, Variant


@dataclass(frozen=True)
class Place:
    """Where runs stand in the grid: a variant, and a value of every axis. Seeds repeat a place."""

    variant: str = ""
    axes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        axes = " ".join(f"{axis}={value}" for axis, value in self.axes)
        return " ".join(part for part in (self.variant, axes) if part) or "runs"


@dataclass(frozen=True)
class Design:
    """An experiment, the layers of its config around variant and axis, and the grid.

    Args:
        before: layers below the variant (base, data, preset).
        after: layers above everything (SET).
    """

    experiment: Experiment
    before: tuple[Layer, ...]
    after: tuple[Layer, ...]
    grid: Grid
    preset: str = ""

    @property
    def comparison(self) -> Comparison:
        """What is declared; without a declaration the objective is compared."""
        objective = self.experiment.objective
        declared = self.experiment.compare or Comparison(
            objective.metric, higher_is_better=objective.direction == "maximize"
        )
        return declared.under(self.preset)

    @property
    def variants(self) -> Mapping[str, Variant]:
        """The variants; one without a name where none is declared."""
        return self.grid.variants or {"": Variant()}

    def places(self) -> list[Place]:
        """Every variant at every combination of axis values, in the order they are declared."""
        axes = [[(axis, value) for value in values] for axis, values in self.grid.axes.items()]
        return [Place(name, tuple(values)) for name in self.variants for values in product(*axes)]

    def tuned(self, place: Place) -> tuple[str, ...]:
        """Fields of the place whose strength is chosen on validation; those that SET or an axis names are not."""
        fixed = {key for layer in self.after for key in layer.values} | {axis for axis, _ in place.axes}
        fields = self.variants[place.variant].tune if self.grid.tuning.trials else ()
        return tuple(field for field in fields if field not in fixed)

    def resolved(self, place: Place, seed: int, strengths: Mapping[str, Any] | None = None) -> Resolved[Any]:
        """The config of one cell."""
        return self._resolve(place, seed, strengths or {}, {}, "tuned on validation")

    def trial(self, place: Place, strengths: Mapping[str, Any]) -> Resolved[Any]:
        """The config of one tuning trial: with what its fields declare of trials, then what `tuning.set` says."""
        values = {**self.experiment.config_type.trial_values(), **self.grid.tuning.values}
        return self._resolve(place, self.grid.tuning.seed, strengths, values, "trial")

    def _resolve(
        self, place: Place, seed: int, strengths: Mapping[str, Any], trial: Mapping[str, Any], source: str
    ) -> Resolved[Any]:
        own = self.variants[place.variant].values
        layers = [
            *self.before,
            *([Layer(f"variant {place.variant}", own)] if own else []),
            *(Layer(f"axis {axis}", {axis: value}) for axis, value in place.axes),
            Layer("tuning", trial),
            Layer(source, strengths),
            *self.after,
            Layer("SEEDS", {"seed": seed}),
        ]
        return resolve(self.experiment.config_type, layers)

    def trials(self, place: Place) -> list[dict[str, Any]]:
        """The strengths tried for a place: first the declared ones, then a Latin hypercube over the declared space.

        The hypercube (McKay, Beckman & Conover, Technometrics 21, 1979) puts one trial into each of as many equal
        parts of every field's space as there are trials. It depends on the field's name only, so that variants that
        share a strength try the same values of it.
        """
        fields, spaces = self.tuned(place), self.experiment.config_type.space()
        count = self.grid.tuning.trials
        if not fields:
            return []
        declared = self._resolve(place, self.grid.tuning.seed, {}, {}, "").config
        drawn: list[dict[str, Any]] = [{} for _ in range(count - 1)]
        for field in fields:
            rng = random.Random(field)
            parts = list(range(count - 1))
            rng.shuffle(parts)
            for values, part in zip(drawn, parts, strict=True):
                values[field] = spaces[field].at((part + rng.random()) / (count - 1))
        return [{field: _value(declared, field) for field in fields}, *drawn]

    def check(self) -> None:
        """Resolve every config once.

        Raises:
            ConfigError: a variant, axis value or strength makes a config invalid; the message names the place.
            UnknownName: a baseline, a claim or `tune` names what does not exist.
        """
        self._check_names()
        equal: dict[str, Place] = {}
        for place in self.places():
            try:
                config = self.resolved(place, self.grid.seeds[0] if self.grid.seeds else 0).config
                twin = equal.setdefault(f"{canonical(config)} {self.tuned(place)}", place)
                if twin is not place:
                    raise ConfigError(f"the same config as {twin}")
                for strengths in self.trials(place):
                    self.trial(place, strengths)
            except UnknownName:
                raise
            except ConfigError as error:
                raise ConfigError(f"{place}: {error}\nnothing was run") from None

    def _check_names(self) -> None:
        experiment, grid = self.experiment, self.grid
        if self.comparison.baseline and grid.variants and self.comparison.baseline not in grid.variants:
            raise UnknownName(f"baseline of {experiment.name}", self.comparison.baseline, grid.variants)
        spaces = experiment.config_type.space()
        if "seed" in grid.axes:
            raise ConfigError("seed is no axis: it repeats every place; say seeds: ... in the yaml, or SEEDS=")
        varied = {"seed", *grid.axes}
        varied |= {field for variant in grid.variants.values() for field in flatten(variant.values)}
        fixed = sorted(varied & {field for layer in self.after for field in flatten(layer.values)})
        if fixed:
            raise ConfigError(
                f"SET={fixed[0]}=... would make all runs equal in what the ablation varies\n"
                f"leave it out, or make one run: SEED=0"
            )
        for name, variant in grid.variants.items():
            taken = sorted(flatten(variant.values).keys() & {"seed", *grid.axes})
            if taken:
                raise ConfigError(f"variant {name} sets {taken[0]}, which {_by_whom(taken[0])}: leave it out of one")
            for field in variant.tune:
                if field not in spaces:
                    raise UnknownName(
                        f"field to tune of variant {name}", field, spaces, "it needs tune(..., space=...)"
                    )
        if grid.tuning.trials == 1:
            raise ConfigError("tuning.trials = 1 chooses nothing: give 0 (strengths as declared) or at least 2")
        if grid.tuning.trials and grid.tuning.seed in grid.seeds:
            raise ConfigError(
                f"tuning.seed {grid.tuning.seed} is also a seed of the cells; strengths must be chosen on another seed"
            )

    def limited_to(self, names: Sequence[str]) -> Design:
        """The design with these variants only, and the baseline."""
        wanted = {*names, self.comparison.baseline}
        kept = {name: variant for name, variant in self.grid.variants.items() if name in wanted}
        return replace(self, grid=replace(self.grid, variants=kept))


def _by_whom(field: str) -> str:
    return "SEEDS sets" if field == "seed" else "an axis sets too"


def _value(config: Any, field: str) -> Any:
    for part in field.split("."):
        config = getattr(config, part)
    return config
