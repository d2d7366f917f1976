"""Learning curves of an ablation: for each variant, the mean over seeds of every metric that is logged step by step.

A step counts while at least half of the seeds reach it (early stopping ends runs at different steps). Long curves are
thinned to `MOST` evenly spaced steps, so that a page of many stays small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from dlcamp.analysis.cells import Cell
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Reader

MOST = 100
BASES = 4
"""How many metrics get curves: loss, the compared one, then those with both splits, by name."""

Place = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Line:
    """Mean over seeds of one metric on one split; `low` and `high` are one standard deviation away.

    Args:
        base: the metric without its split, "loss".
        split: "train" or "val".
        seeds: how many runs are averaged where all are still there.
    """

    variant: str
    axes: Mapping[str, str]
    base: str
    split: str
    steps: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    seeds: int


def learning_lines(reader: Reader, cells: Sequence[Cell], metric: str = "") -> list[Line]:
    """Lines of the finished cells, variants in the order they come; `metric` is the compared one ("test/accuracy")."""
    places: dict[Place, list[Cell]] = {}
    for cell in cells:
        places.setdefault(cell.place, []).append(cell)
    ended = {cell.run: _final_moment(reader, cell) for cell in cells}
    found = []
    for base in bases(cells, metric):
        for members in places.values():
            found += _lines(reader, members, base, ended)
    several = {line.base for line in found if len(line.steps) > 1}
    return [line for line in found if line.base in several]


def bases(cells: Sequence[Cell], metric: str = "") -> list[str]:
    """Metrics that have a training or a validation value: loss, the compared one, then those with both."""
    compared = metric.rpartition("/")[2]
    names = {name for cell in cells for name in cell.metrics}
    splits: dict[str, set[str]] = {}
    for name in names:
        split, _, base = name.partition("/")
        if split in ("train", "val"):
            splits.setdefault(base, set()).add(split)
    return sorted(splits, key=lambda base: (base != "loss", base != compared, -len(splits[base]), base))[:BASES]


def _lines(reader: Reader, cells: Sequence[Cell], base: str, ended: Mapping[str, float]) -> list[Line]:
    histories: dict[str, list[dict[int, float]]] = {"train": [], "val": []}
    for cell in cells:
        train, val = (_history(reader, cell.run, f"{split}/{base}", ended[cell.run]) for split in ("train", "val"))
        if train and val:
            # a final value is logged one step after the curve: it is no point of it
            val = {step: value for step, value in val.items() if step <= max(train)}
        histories["train"] += [train] if train else []
        histories["val"] += [val] if val else []
    made = [_mean(cells[0], base, split, seeds) for split, seeds in histories.items() if seeds]
    return [line for line in made if line.steps]


def _history(reader: Reader, run: str, metric: str, ended: float) -> dict[int, float]:
    """Step -> value; empty for a run that has left the store.

    A final value that differs from the curve's last one is logged a step after it, together with all other final
    values: it is no point of the curve.
    """
    try:
        points = reader.history(run, metric)
    except UserError:
        return {}
    if len(points) > 1 and points[-1].time >= ended > points[-2].time and points[-1].step == points[-2].step + 1:
        points = points[:-1]
    return {point.step: point.value for point in points if math.isfinite(point.value)}


def _final_moment(reader: Reader, cell: Cell) -> float:
    """When the final values were logged, less what logging them takes; never, where that is not known."""
    try:
        points = reader.history(cell.run, "cost/seconds")
    except UserError:
        points = []
    return points[-1].time - 0.01 if points else math.inf


def _mean(cell: Cell, base: str, split: str, histories: Sequence[Mapping[int, float]]) -> Line:
    reached = sorted({step for history in histories for step in history})
    values = {step: [history[step] for history in histories if step in history] for step in reached}
    steps = thinned([step for step in reached if 2 * len(values[step]) >= len(histories)])
    means = [fmean(values[step]) for step in steps]
    spreads = [stdev(values[step]) if len(values[step]) > 1 else 0.0 for step in steps]
    return Line(
        variant=cell.variant,
        axes=cell.axes,
        base=base,
        split=split,
        steps=tuple(steps),
        mean=tuple(means),
        low=tuple(mean - spread for mean, spread in zip(means, spreads, strict=True)),
        high=tuple(mean + spread for mean, spread in zip(means, spreads, strict=True)),
        seeds=len(histories),
    )


def thinned(steps: Sequence[int], most: int = MOST) -> list[int]:
    """At most `most` of them, evenly spaced, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    last = len(steps) - 1
    return [steps[round(index * last / (most - 1))] for index in range(most)]
