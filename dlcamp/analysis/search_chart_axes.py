"""Axes of a search's figures: one for each searched field and one for each objective, with places for odd values.

Logarithmic fields lie on linear axes of their logarithms, with ticks that say the values: parallel coordinates know no
other. A value that a logarithm does not hold (the default 0 of a penalty, None) gets a place of its own at the left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlcamp.analysis.chart_style import axis, decades, padded
from dlcamp.analysis.scale import Scale
from dlcamp.analysis.search_words import UNIT, identity, objective_scale, objective_text, value_text
from dlcamp.analysis.searched import Searched
from dlcamp.experiment import Objective
from dlcamp.spaces import Choice, Space

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class FieldAxis:
    """Where the values of one field lie.

    Args:
        low, high: ends of the axis, in its own coordinates (logarithms, indices of options).
        ticks: place and text of each.
        places: identity of a value -> place, of options and of values that the axis of numbers does not hold.
    """

    name: str
    kind: Literal["linear", "log", "options"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    places: dict[str, float]

    def place(self, value: Any) -> float | None:
        """Coordinate of a value; None for one that was not announced."""
        special = self.places.get(identity(value))
        if special is not None or self.kind == "options" or not _number(value):
            return special
        return math.log10(value) if self.kind == "log" else float(value)

    def jitter(self, number: int) -> float:
        """A shift by trial number, so that trials with one option do not hide each other."""
        return ((number * _GOLDEN) % 1 - 0.5) * 0.5 if self.kind == "options" else 0.0

    @property
    def range(self) -> list[float]:
        """Ends with some room."""
        room = 0.5 if self.kind == "options" else 0.04 * (self.high - self.low)
        return [self.low - room, self.high + room]


def field_axis(name: str, space: Space, values: Iterable[Any]) -> FieldAxis:
    """The axis of a field: its whole space, and every value that was met outside of it."""
    met = list({identity(value): value for value in values}.values())
    if isinstance(space, Choice):
        return _options(name, space, met)
    lies = {identity(value): _number(value) and (value > 0 or not space.log) for value in met}
    held = [value for value in met if lies[identity(value)]]
    scaled = [math.log10(one) if space.log else float(one) for one in (space.low, space.high, *held)]
    low, high = min(scaled), max(scaled)
    if low == high:
        low, high = padded([low, high], 0.5)
    ticks = _log_ticks(low, high) if space.log else _ticks(low, high)
    outside = sorted((one for one in met if not lies[identity(one)]), key=lambda one: (_number(one), str(one)))
    step = 0.14 * (high - low)
    places = {identity(one): low - step * (index + 1) for index, one in enumerate(reversed(outside))}
    marks = [(places[identity(one)], value_text(one, 14)) for one in outside]
    low = min([low, *places.values()])
    return FieldAxis(name, "log" if space.log else "linear", low, high, (*marks, *ticks), places)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _options(name: str, space: Choice, met: Sequence[Any]) -> FieldAxis:
    options = list({identity(one): one for one in [*space.options, *met]}.values())
    labels = [value_text(one, 14) for one in options]
    if len(set(labels)) < len(labels):
        labels = [value_text(repr(one), 18) for one in options]
    ticks = tuple((float(index), label) for index, label in enumerate(labels))
    places = {identity(one): float(index) for index, one in enumerate(options)}
    return FieldAxis(name, "options", 0.0, float(max(len(options) - 1, 0)), ticks, places)


def _log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Powers of ten where the axis has two or more of them, else 1, 2, 5 and their tens."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    powers = range(first, last + 1, max(1, -(-(last - first) // 4)))
    if len(powers) >= 3:
        return tuple((float(power), _power(power)) for power in powers)
    finer = [base * 10.0**power for power in range(first - 1, last + 1) for base in (1, 2, 5)]
    found = [one for one in finer if low - 1e-9 <= math.log10(one) <= high + 1e-9]
    if found:
        return tuple((math.log10(one), f"{one:.6g}") for one in found)
    return (low, f"{10.0**low:.4g}"), (high, f"{10.0**high:.4g}")


def _power(power: int) -> str:
    ticks: str = decades([10.0**power])["ticktext"][0]
    return ticks


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Four or five round numbers."""
    raw = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * base for base in (1, 2, 5, 10) if size * base >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple((index * step, f"{index * step:.6g}") for index in range(first, last + 1))


@dataclass(frozen=True)
class ObjectiveAxis:
    """Where the values of one objective lie.

    Args:
        edge: where worse values are drawn, which would press the others together; None where there are none.
        beyond: how many trials are worse than that.
        log: costs that span a factor of fifty and more.
    """

    objective: Objective
    scale: Scale
    low: float
    high: float
    edge: float | None = None
    beyond: int = 0
    log: bool = False

    def place(self, value: float) -> float:
        """The value as it is drawn, in the unit of the axis."""
        if self.edge is not None:
            value = max(value, self.edge) if self.objective.direction == "maximize" else min(value, self.edge)
        return value * self.scale.factor

    def text(self, value: float | None) -> str:
        """The value in words, with its unit."""
        return objective_text(value, self.scale) + (UNIT if self.scale.percent else "")

    @property
    def title(self) -> str:
        """The metric and its unit, and which way is better."""
        return f"{self.scale.axis} ({'higher' if self.objective.direction == 'maximize' else 'lower'} is better)"

    def layout(self, **more: Any) -> dict[str, Any]:
        """The axis for plotly."""
        ends = [end * self.scale.factor for end in (self.low, self.high)]
        if self.log:
            return axis(**decades(ends), range=padded([math.log10(end) for end in ends]), **more)
        return axis(range=padded(ends), **more)

    @property
    def note(self) -> str:
        """What a caption has to say of values at the edge."""
        if self.edge is None:
            return ""
        worse = f"worse than {self.text(self.edge)}"
        if self.beyond == 1:
            return f"One finished trial was {worse} and lies at that edge."
        return f"{self.beyond:,} finished trials were {worse} and lie at that edge."


def objective_axis(searched: Searched, index: int = 0) -> ObjectiveAxis:
    """The axis of one objective over the finished trials, without far outliers on the worse side (`edge`)."""
    objective, scale = searched.objectives[index], objective_scale(searched, index)
    finished = searched.finished()
    reported = [trial.curve[-1][1] for trial in searched.trials if trial.curve and not index]
    values = [trial.objectives[index] for trial in finished] or reported or [0.0, 1.0]
    low, high = min(values), max(values)
    if objective.metric.startswith("cost/") and low > 0 and high / low >= 50:
        return ObjectiveAxis(objective, scale, low, high, log=True)
    edge = usual_edge(values, objective, [trial.objectives[index] for trial in finished if trial.defaults])
    if edge is None:
        return ObjectiveAxis(objective, scale, low, high)
    beyond = sum(objective.better(edge, value) for value in values)
    low, high = (edge, high) if objective.direction == "maximize" else (low, edge)
    return ObjectiveAxis(objective, scale, low, high, edge, beyond)


def usual_edge(values: Sequence[float], objective: Objective, shown: Sequence[float] = ()) -> float | None:
    """Where to cut an axis on its worse side; None where nothing lies far out.

    A few trials that diverged may be a thousand times worse than the rest. Where one is further from the best than
    three times the distance that nine of ten values keep, the axis ends half again as far as those nine; `shown` are
    values that stay inside.
    """
    best, sign = (max(values), -1) if objective.direction == "maximize" else (min(values), 1)
    lost = sorted(abs(value - best) for value in values)
    usual = max([lost[(9 * (len(lost) - 1)) // 10], *(abs(value - best) for value in shown)])
    return best + sign * 1.5 * usual if usual and lost[-1] > 3 * usual else None
