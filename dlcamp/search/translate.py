"""Spaces as Optuna's distributions, and values to and fro. A choice that is no plain scalar goes by its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from dlcamp.spaces import Choice, Float, Int, Space


def distribution(space: Space) -> BaseDistribution:
    """The distribution of a space."""
    match space:
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Int(low, high, log, step):
            # Optuna has no steps on a logarithmic range: it is searched whole, and a value goes to its nearest step
            return IntDistribution(low, high if log else high - (high - low) % step, log=log, step=1 if log else step)
        case Choice(options):
            return CategoricalDistribution([told(space, option) for option in options])
    raise TypeError(f"no distribution for {space!r}")


def distributions(spaces: Mapping[str, Space]) -> dict[str, BaseDistribution]:
    """Field -> distribution."""
    return {name: distribution(space) for name, space in spaces.items()}


def told(space: Space, value: Any) -> Any:
    """A config's value as Optuna and its files know it."""
    if isinstance(space, Choice) and not isinstance(value, (bool, int, float, str, type(None))):
        return str(value)
    return value


def read(space: Space, value: Any) -> Any:
    """The config's value of what Optuna gave."""
    if isinstance(space, Choice):
        return next(option for option in space.options if _same(told(space, option), value))
    if isinstance(space, Int):
        steps = round((value - space.low) / space.step)
        return space.low + min(steps, (space.high - space.low) // space.step) * space.step
    return float(value)


def _same(option: Any, value: Any) -> bool:
    return type(option) is type(value) and option == value
