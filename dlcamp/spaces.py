"""Search spaces as frozen data: ranges and choices, which know nothing of any search library."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Float:
    """Real numbers from `low` to `high`, both included; `log` searches by ratio (needs low > 0)."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self)

    def __contains__(self, value: object) -> bool:
        return _is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def sample(self, rng: random.Random) -> float:
        """One value, uniform (in the logarithm when `log`)."""
        if not self.log:
            return rng.uniform(self.low, self.high)
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(value, self.low), self.high)

    def at(self, share: float) -> float:
        """The value at a share of the space, 0 to 1 (in the logarithm when `log`)."""
        if not self.log:
            return self.low + share * (self.high - self.low)
        value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        return min(max(value, self.low), self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (" (log)" if self.log else "")


@dataclass(frozen=True)
class Int:
    """Whole numbers from `low` to `high`, both included, in steps of `step` from `low`."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def sample(self, rng: random.Random) -> int:
        """One value, uniform (in the logarithm when `log`)."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            steps = round((drawn - self.low) / self.step)
            return min(self.low + steps * self.step, self.high - (self.high - self.low) % self.step)
        return rng.randrange(self.low, self.high + 1, self.step)

    def at(self, share: float) -> int:
        """The value at a share of the space, 0 to 1 (in the logarithm when `log`)."""
        steps = (self.high - self.low) // self.step
        if not self.log:
            return self.low + min(int(share * (steps + 1)), steps) * self.step
        value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        return self.low + min(round((value - self.low) / self.step), steps) * self.step

    def __str__(self) -> str:
        step = f" in steps of {self.step}" if self.step != 1 else ""
        return f"{self.low} to {self.high}{step}" + (" (log)" if self.log else "")


@dataclass(frozen=True)
class Choice:
    """One of the options named."""

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", options)

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(option) and value == option for option in self.options)

    def sample(self, rng: random.Random) -> Any:
        """One option, uniform."""
        return rng.choice(self.options)

    def at(self, share: float) -> Any:
        """The option at a share of the list, 0 to 1."""
        return self.options[min(int(share * len(self.options)), len(self.options) - 1)]

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.options))


Space = Float | Int | Choice


def _check_range(space: Float | Int) -> None:
    if not space.low <= space.high:
        raise ValueError(f"a range needs low <= high, got {space.low} and {space.high}")
    if space.log and space.low <= 0:
        raise ValueError(f"a log range needs low > 0, got {space.low}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
