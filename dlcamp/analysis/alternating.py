"""Ways to do one thing, timed in turns in one process, and by how much one is faster than another.

Every round runs each way once, forwards and backwards in turn, so that a slow minute of the machine falls on all of
them. The first round is not counted: it pays imports, tracing, compilation and the first allocation of memory. A ratio
is taken within a round; its interval resamples the rounds (ratio of the times of all of them), so it covers what
changes from round to round on this machine, and nothing else. Nothing else may run beside a measurement.
"""

from __future__ import annotations

import gc
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from dlcamp.experiment import Verdict

FULL_SIZE = "cost/full_size"
"""Metric: 1 where nothing was made smaller than what a claim is about, else 0."""


@dataclass(frozen=True)
class Way:
    """One way of doing it.

    Args:
        name: of its metrics and columns.
        title: in words.
        once: does the work of a round and returns how many units that was.
    """

    name: str
    title: str
    once: Callable[[], int]


@dataclass(frozen=True)
class Ratio:
    """How many times as fast `fast` is as `slow`.

    Attributes:
        values: one a counted round.
        low, high: 95 % bootstrap interval over rounds of the ratio of total times; with one round, that one.
        processor: the median ratio of processor times, which a busy machine changes less; all cores are counted, so it
            says nothing of how well a way uses more than one.
    """

    name: str
    title: str
    slow: str
    fast: str
    values: tuple[float, ...]
    low: float
    high: float
    processor: float
    target: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def metrics(self) -> dict[str, float]:
        """`cost/<name>_ratio` is the median; `_min`, `_max` over rounds, `_low`, `_high` of the interval."""
        found = {"": self.median, "_min": min(self.values), "_max": max(self.values)}
        found |= {"_low": self.low, "_high": self.high, "_processor": self.processor}
        return {f"cost/{self.name}_ratio{end}": value for end, value in found.items()}


@dataclass(frozen=True)
class Rounds:
    """What was measured: one row a round, the first of them not counted.

    Attributes:
        unit: what is counted ("image").
        seconds: way -> seconds of a round, one value a round, the uncounted first among them.
        processor: way -> processor seconds of it, over all threads.
        units: way -> units done in it.
    """

    ways: tuple[Way, ...]
    unit: str
    seconds: Mapping[str, Sequence[float]]
    processor: Mapping[str, Sequence[float]]
    units: Mapping[str, Sequence[int]]

    @property
    def count(self) -> int:
        """Counted rounds."""
        return len(next(iter(self.seconds.values()))) - 1

    def per_unit(self, way: str) -> list[float]:
        """Seconds a unit, one value a counted round."""
        return self._per_unit(self.seconds, way)

    def _per_unit(self, clock: Mapping[str, Sequence[float]], way: str) -> list[float]:
        return [spent / done for spent, done in zip(clock[way][1:], self.units[way][1:], strict=True)]

    def ratio(
        self, slow: str, fast: str, *, name: str = "", title: str = "", target: float | None = None, seed: int = 0
    ) -> Ratio:
        """How many times as fast `fast` is as `slow`, a unit.

        Args:
            name: of its metrics; `fast` unless told.
            title: in words; that of `fast` unless told.
            target: what is to be reached.
            seed: of the bootstrap.
        """
        from dlcamp.analysis.bootstrap import ratio_interval

        above, below = self.per_unit(slow), self.per_unit(fast)
        low, high = ratio_interval(above, below, seed=seed)
        titles = {way.name: way.title for way in self.ways}
        values = tuple(a / b for a, b in zip(above, below, strict=True))
        busy_above, busy_below = (self._per_unit(self.processor, way) for way in (slow, fast))
        processor = statistics.median(a / max(b, 1e-9) for a, b in zip(busy_above, busy_below, strict=True))
        return Ratio(name or fast, title or titles[fast], slow, fast, values, low, high, processor, target)

    def rows(self) -> list[dict[str, Any]]:
        """One row a round for `run.predictions`: seconds and units of each way."""
        found = []
        for index in range(self.count + 1):
            row: dict[str, Any] = {"item": f"round {index}", "output": "" if index else "not counted"}
            for way in self.ways:
                row[f"{way.name}_seconds"] = self.seconds[way.name][index]
                row[f"{way.name}_processor_seconds"] = self.processor[way.name][index]
                row[f"{way.name}_{self.unit}s"] = self.units[way.name][index]
            found.append(row)
        return found

    def metrics(self) -> dict[str, float]:
        """Milliseconds a unit of each way: the median, `_min` and `_max` over counted rounds."""
        found: dict[str, float] = {}
        for way in self.ways:
            values = [1000 * seconds for seconds in self.per_unit(way.name)]
            name = f"cost/{way.name}_ms_per_{self.unit}"
            found |= {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}
        return found


def alternate(
    ways: Sequence[Way],
    rounds: int,
    unit: str,
    progress: Callable[[int, str, str], AbstractContextManager[Any]],
) -> Rounds:
    """Time each way once a round, in `rounds` rounds after one that is not counted.

    Args:
        ways: what to compare; each does the same in every round.
        unit: what `once` counts, in the singular.
        progress: makes the bar (`run.progress`).

    Raises:
        ValueError: no way, two of one name, no round, or a way that did nothing.
    """
    names = [way.name for way in ways]
    if not names or len(set(names)) < len(names) or rounds < 1:
        raise ValueError(f"{rounds} rounds of {names}: give one round or more, and ways with different names")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    processor: dict[str, list[float]] = {name: [] for name in names}
    units: dict[str, list[int]] = {name: [] for name in names}
    with progress((rounds + 1) * len(ways), "rounds", "turns") as bar:
        for way in _turns(ways, rounds + 1):
            started, busy_before = time.perf_counter(), time.process_time()
            done = way.once()
            seconds[way.name].append(time.perf_counter() - started)
            processor[way.name].append(time.process_time() - busy_before)
            if done < 1:
                raise ValueError(f"the way {way.name!r} says that it did {done} {unit}s; there is nothing to compare")
            units[way.name].append(done)
            bar.advance()
    return Rounds(tuple(ways), unit, seconds, processor, units)


def _turns(ways: Sequence[Way], rounds: int) -> Iterator[Way]:
    for index in range(rounds):
        gc.collect()  # no round pays for what an earlier one left behind
        yield from reversed(ways) if index % 2 else ways


def at_least(metrics: Mapping[str, float], name: str, target: float) -> Verdict:
    """Whether `cost/<name>_ratio` reaches `target`: by its interval, and only where everything had its full size."""
    low, high = (metrics[f"cost/{name}_ratio_{end}"] for end in ("low", "high"))
    if not metrics[FULL_SIZE]:
        return "undecided"
    return "supported" if low >= target else "refuted" if high < target else "undecided"


def peak_gib() -> float:
    """Most memory this process has held since it began, in GiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**30 if sys.platform == "darwin" else most / 2**20


def busy(load: float) -> str:
    """What to say of the machine's load before a measurement; nothing where it was idle."""
    if load < 1:
        return ""
    return f"The machine was busy: a load of {load:.1f} on {os.cpu_count()} cores before it began. Measure again alone."


def table(measured: Rounds, ratios: Sequence[Ratio]) -> list[str]:
    """Lines for a summary: the times of each way, then the ratios with their spreads and targets."""
    wide = max(len(text) for text in [*(way.title for way in measured.ways), *(ratio.title for ratio in ratios)])
    counted = f"{measured.count} rounds in turns" if measured.count > 1 else "1 round"
    lines = [f"  {counted:<{wide}}{f'ms a {measured.unit}':>14}   {'min to max':<22}{measured.unit}s/s"]
    for way in measured.ways:
        values = [1000 * seconds for seconds in measured.per_unit(way.name)]
        middle, ends = statistics.median(values), f"{_short(min(values))} to {_short(max(values))}"
        lines.append(f"  {way.title:<{wide}}{_short(middle):>14}   {ends:<22}{_short(1000 / middle)}")
    lines += ["", _line(wide, "times as fast", "median", "min to max", "95 % interval", "processor time", "target")]
    for ratio in ratios:
        ends = f"{_short(min(ratio.values))} to {_short(max(ratio.values))}"
        interval = f"[{_short(ratio.low)}, {_short(ratio.high)}]"
        target = "" if ratio.target is None else f">= {ratio.target:g}"
        lines.append(_line(wide, ratio.title, _short(ratio.median), ends, interval, _short(ratio.processor), target))
    return lines


def _line(wide: int, title: str, middle: str, ends: str, interval: str, processor: str, target: str) -> str:
    return f"  {title:<{wide}}{middle:>14}   {ends:<22}{interval:<20}{processor:<17}{target}".rstrip()


def _short(value: float) -> str:
    """Three digits or more, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
