"""Runs in groups: which of a store's runs a question means, placed in groups, with the mean of each over its seeds.

It describes and tests nothing: `make compare` does. Where runs of one group and seed differ in something else (an axis
that is not among the groups), they are averaged within the seed first, and `notes` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.comparable import check
from dlcamp.analysis.estimates import Mean, mean_of
from dlcamp.analysis.groups import newest, observations, of_newest_ablation
from dlcamp.analysis.study_files import ordered
from dlcamp.errors import Refusal
from dlcamp.tracking.protocol import Reader
from dlcamp.web.explore_query import ANY, NONE, Query
from dlcamp.web.rows import SMOKE

FACTORS = ("experiment", "variant", "data", "preset")
MOST_GROUPS = 60


@dataclass(frozen=True)
class Seed:
    """The runs of one group under one seed; `value` is their mean where there are several."""

    seed: int
    value: float
    counts: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """Runs that agree in the factors asked for: `values` are theirs, in the factors' order.

    Args:
        mean: over the seeds that finished.
        failed: runs that ended FAILED or KILLED.
        lacking: finished runs without the metric.
    """

    values: tuple[str, ...]
    label: str
    seeds: tuple[Seed, ...]
    mean: Mean
    failed: int = 0
    lacking: int = 0
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Explored:
    """Groups and what a reader should know of them.

    Args:
        factors: those the groups are made by.
        varying: every factor in which the runs differ -> its values in order.
        metrics: those that some run has.
        averaged: factors that differ within a group.
        every: how many runs there are before the filters.
        refusal: why nothing may be drawn together.
    """

    metric: str = ""
    factors: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    varying: dict[str, list[str]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    averaged: tuple[str, ...] = ()
    runs: int = 0
    every: int = 0
    refusal: str = ""
    notes: tuple[str, ...] = ()


def explore(reader: Reader, asked: Query, preferred: Sequence[str] = ()) -> Explored:
    """Read, choose, group.

    Args:
        preferred: metrics to draw where none is asked for, the first that the runs have.
    """
    every = [one for name in asked.names for one in newest(of_newest_ablation(observations(reader, name)))]
    kept = [one for one in every if _wanted(one.cell, asked)]
    cells = [one.cell for one in kept]
    varying = _varying(cells)
    factors = _factors(asked, varying)
    metrics = sorted({metric for cell in cells for metric in cell.metrics})
    metric, notes = _metric(asked.metric, preferred, metrics)
    groups = _groups(cells, factors, metric, varying)
    averaged = tuple(factor for factor in varying if factor not in factors and _differs(groups, factor))
    refusal, warnings = _comparable(groups, factors)
    return Explored(
        metric=metric,
        factors=factors,
        groups=tuple(groups),
        varying=varying,
        metrics=tuple(metrics),
        presets=tuple(sorted({one.cell.preset for one in every})),
        data=tuple(sorted({one.cell.data for one in every})),
        averaged=averaged,
        runs=len(cells),
        every=len(every),
        refusal=refusal,
        notes=(*notes, *warnings, *_uneven(groups, averaged)),
    )


def value_of(cell: Cell, factor: str) -> str:
    """A cell's value of a factor as text; "" where it has none."""
    return str(getattr(cell, factor)) if factor in FACTORS else str(cell.axes.get(factor, ""))


def _wanted(cell: Cell, asked: Query) -> bool:
    presets = {"": cell.preset != SMOKE, ANY: True, NONE: not cell.preset}
    by_preset = presets.get(asked.preset, cell.preset == asked.preset)
    return by_preset and asked.status in (ANY, cell.status) and asked.data in ("", cell.data)


def _varying(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """Factors in which the cells differ, with their values: numbers by size, others as the runs began."""
    axes = dict.fromkeys(axis for cell in cells for axis in cell.axes)
    found = {}
    for factor in (*FACTORS, *axes):
        values = dict.fromkeys(value_of(cell, factor) for cell in reversed(cells))
        if len(values) > 1:
            there = ordered({value: None for value in values if value})
            found[factor] = ["", *there] if "" in values else there
    return found


def _factors(asked: Query, varying: dict[str, list[str]]) -> tuple[str, ...]:
    """Those asked for that make a difference; without a wish all, or the variant where nothing differs."""
    if asked.group is not None:
        return tuple(factor for factor in asked.group if factor in varying) or asked.group[:1]
    return tuple(varying) or ("variant",)


def _metric(asked: str, preferred: Sequence[str], there: Sequence[str]) -> tuple[str, list[str]]:
    final = [metric for metric in there if metric.startswith(("test/", "val/"))]
    chosen = next((metric for metric in (asked, *preferred, *final, *there) if metric in there), "")
    missing = [f"None of these runs has {asked}; {chosen} is drawn instead."] if asked and asked != chosen else []
    return chosen, missing if chosen else []


def _groups(cells: Sequence[Cell], factors: Sequence[str], metric: str, varying: dict[str, list[str]]) -> list[Group]:
    members: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        members.setdefault(tuple(value_of(cell, factor) for factor in factors), []).append(cell)
    places = {factor: {value: place for place, value in enumerate(values)} for factor, values in varying.items()}

    def place(key: tuple[str, ...]) -> list[int]:
        return [places.get(factor, {}).get(value, 0) for factor, value in zip(factors, key, strict=True)]

    return [_group(key, factors, members[key], metric) for key in sorted(members, key=place)]


def _group(values: tuple[str, ...], factors: Sequence[str], cells: Sequence[Cell], metric: str) -> Group:
    with_value = [cell for cell in cells if math.isfinite(cell.metrics.get(metric, math.nan))]
    seeds = [*_seeds(with_value, metric, True), *_seeds(with_value, metric, False)]
    return Group(
        values,
        _label(values, factors, cells),
        tuple(seeds),
        mean_of([seed.value for seed in seeds if seed.counts]),
        failed=sum(cell.status in ("FAILED", "KILLED") for cell in cells),
        lacking=sum(cell.finished and cell not in with_value for cell in cells),
        cells=tuple(cells),
    )


def _seeds(cells: Iterable[Cell], metric: str, counts: bool) -> list[Seed]:
    """Finished cells, or the others, seed by seed; those of several experiments keep their own seeds together."""
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        if cell.finished is counts:
            found.setdefault(cell.seed, []).append(cell)
    return [
        Seed(seed, fmean(c.metrics[metric] for c in own), counts, tuple(own)) for seed, own in sorted(found.items())
    ]


def _label(values: Sequence[str], factors: Sequence[str], cells: Sequence[Cell]) -> str:
    """`dropout · train_images=100`; the experiment's name where nothing else tells."""
    named = [(factor, value) for factor, value in zip(factors, values, strict=True) if value]
    parts = [value if factor in FACTORS else f"{factor}={value}" for factor, value in named]
    return " · ".join(parts) or ", ".join(dict.fromkeys(cell.experiment for cell in cells))


def _differs(groups: Sequence[Group], factor: str) -> bool:
    return any(len({value_of(cell, factor) for cell in group.cells}) > 1 for group in groups)


def _comparable(groups: Sequence[Group], factors: Sequence[str]) -> tuple[str, list[str]]:
    """Data that differ are refused; between groups only where the groups are not made by the data themselves."""
    finished = [[cell for cell in group.cells if cell.finished] for group in groups]
    together = finished if "data" in factors else [[cell for cells in finished for cell in cells]]
    warnings: dict[str, None] = {}
    try:
        for cells in together:
            warnings |= dict.fromkeys(check(cells))
    except Refusal as error:
        return str(error), list(warnings)
    return "", list(warnings)


def _uneven(groups: Sequence[Group], averaged: Sequence[str]) -> list[str]:
    """Groups whose seeds do not stand for the same runs."""
    if not averaged:
        return []
    lines = []
    for group in groups:
        counts = {len(seed.cells) for seed in group.seeds if seed.counts}
        if len(counts) > 1:
            lines.append(f"{group.label}: seeds stand for {min(counts)} to {max(counts)} runs each; some are missing.")
    return lines
