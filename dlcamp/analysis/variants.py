"""The cells that count, and one row a variant: how many seeds, the mean of each metric, what is missing.

A seed counts once at each place; failed runs and values that are not finite are left out and named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.contrasts import usable
from dlcamp.analysis.estimates import Mean, mean_of

LOST = {"FAILED": "failed", "KILLED": "stopped"}
AHEAD = ("WAITING", "RUNNING")


@dataclass(frozen=True)
class VariantRow:
    """A variant at one combination of axis values.

    Args:
        n: seeds with a value of the compared metric.
        failed: seeds whose run failed or was stopped, and that have no finished one.
        waiting: seeds that wait or run.
        mean: of the compared metric.
        shown: other metrics that some run has.
        seconds: that a run took; None where nothing finished.
    """

    variant: str
    axes: Mapping[str, str]
    n: int
    failed: int
    waiting: int
    mean: Mean
    shown: Mapping[str, Mean] = field(default_factory=dict)
    seconds: Mean | None = None


@dataclass(frozen=True)
class Kept:
    """The finished cells, one a place and seed, and what was left out."""

    cells: tuple[Cell, ...]
    lost: tuple[Cell, ...]
    ahead: tuple[Cell, ...]
    warnings: tuple[str, ...]


def keep(cells: Iterable[Cell]) -> Kept:
    """Of runs of one seed at one place the first, which is the newest, counts; a failed one only without a finished."""
    done: dict[object, list[Cell]] = {}
    lost: dict[object, Cell] = {}
    ahead: dict[object, Cell] = {}
    for cell in cells:
        at = cell.place, cell.seed
        if cell.finished:
            done.setdefault(at, []).append(cell)
        elif cell.status in LOST:
            lost.setdefault(at, cell)
        elif cell.status in AHEAD:
            ahead.setdefault(at, cell)
    warnings = [
        f"{where(many[0])}: {len(many)} finished runs of one seed; the newest counts"
        for many in done.values()
        if len(many) > 1
    ]
    return Kept(
        tuple(many[0] for many in done.values()),
        tuple(cell for at, cell in lost.items() if at not in done),
        tuple(cell for at, cell in ahead.items() if at not in done),
        tuple(warnings),
    )


def where(cell: Cell) -> str:
    """`dropout at train_images=100, seed 3`."""
    axes = ", ".join(f"{axis}={value}" for axis, value in cell.axes.items())
    name = (cell.variant or cell.experiment or "run") + (f" at {axes}" if axes else "")
    return f"{name}, seed {cell.seed}"


def excluded(kept: Kept, metric: str, others: Iterable[str]) -> list[str]:
    """What no mean and no test holds, one line a run: failed runs, and values that are missing or not finite."""
    lines = [f"{where(cell)}: {LOST[cell.status]}{_reason(cell)}" for cell in kept.lost]
    for cell in kept.cells:
        if metric not in cell.metrics:
            lines.append(f"{where(cell)}: no {metric}")
        bad = [name for name in dict.fromkeys([metric, *others]) if not math.isfinite(cell.metrics.get(name, 0.0))]
        lines += [f"{where(cell)}: {name} is {cell.metrics[name]}" for name in bad]
    return lines


def _reason(cell: Cell) -> str:
    first = cell.error.strip().partition("\n")[0].strip()
    return f", {first}" if first else ""


def rows(cells: Iterable[Cell], kept: Kept, metric: str, shown: Sequence[str], level: float) -> list[VariantRow]:
    """One row a place, in the order met."""
    places: dict[object, Cell] = {}
    for cell in cells:
        places.setdefault(cell.place, cell)
    made = []
    for place, first in places.items():
        own = [cell for cell in kept.cells if cell.place == place]
        means = {name: _mean(own, name, level) for name in shown if any(usable(cell, name) for cell in own)}
        mean = _mean(own, metric, level)
        seconds = [cell.seconds for cell in own if cell.seconds > 0]
        made.append(
            VariantRow(
                first.variant,
                dict(first.axes),
                mean.n,
                sum(cell.place == place for cell in kept.lost),
                sum(cell.place == place for cell in kept.ahead),
                mean,
                means,
                mean_of(seconds, level) if seconds else None,
            )
        )
    return made


def _mean(cells: Iterable[Cell], metric: str, level: float) -> Mean:
    return mean_of([cell.metrics[metric] for cell in cells if usable(cell, metric)], level)
