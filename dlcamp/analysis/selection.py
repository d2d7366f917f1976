"""Which runs a comparison rests on: groups picked by name from the store, one run a place and seed.

    wanted = [Wanted("regularizers", "none"), Wanted("regularizers", "dropout")]
    chosen = select(wanted, {"regularizers": observations(reader, "regularizers")})
    findings = find(Comparison("test/accuracy", chosen.labels[0]), [], chosen.cells)

A group is an experiment and one of its variants. What is left out, and what makes runs hard to compare, is said in
`notes`; data that differ are refused later, by `comparable.check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.groups import Observation, newest, of_newest_ablation, unequal_configs
from dlcamp.errors import UnknownName, UserError

SMOKE = "smoke"


@dataclass(frozen=True)
class Wanted:
    """An experiment; with a variant that one only, else every one that has runs."""

    experiment: str
    variant: str | None = None


@dataclass(frozen=True)
class Filters:
    """Data set and preset that count (None: see `select`), and variants (empty: all)."""

    data: str | None = None
    preset: str | None = None
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The runs of a comparison.

    Args:
        labels: the groups in order.
        cells: finished and failed runs; `variant` holds the group's label.
        presets: experiment -> the preset its runs were taken from.
        unverified: labels of groups that hold runs without a digest of their data.
        notes: what was left out, and what a reader should know.
    """

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    presets: Mapping[str, str]
    unverified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def finished(self) -> list[Cell]:
        """The runs whose metrics count."""
        return [cell for cell in self.cells if cell.finished]

    def metrics(self) -> set[str]:
        """Every metric that some finished run has."""
        return {metric for cell in self.finished for metric in cell.metrics}


def select(
    wanted: Sequence[Wanted],
    found: Mapping[str, Sequence[Observation]],
    filters: Filters | None = None,
    order: Mapping[str, Sequence[str]] | None = None,
) -> Selection:
    """Pick the runs.

    Args:
        wanted: groups in the order asked; one asked twice counts once.
        found: experiment -> its observations, newest first.
        filters: without a preset, an experiment's runs without one count, else those of its newest run's preset;
            smoke runs never do unless they are asked for.
        order: experiment -> its variants as declared; others follow, the oldest first.

    Raises:
        UnknownName: a variant that neither is declared nor has runs.
        UserError: a group without a finished run.
    """
    filters, order = filters or Filters(), order or {}
    notes: list[str] = []
    kept: dict[str, list[Observation]] = {}
    presets: dict[str, str] = {}
    for experiment in dict.fromkeys(one.experiment for one in wanted):
        kept[experiment], presets[experiment] = _of_one(experiment, found[experiment], filters, notes)
    groups = _groups(wanted, kept, filters, order, found)
    alone = len(kept) == 1
    labels, cells, unverified = [], [], []
    for experiment, variant in groups:
        members = newest(one for one in kept[experiment] if one.cell.variant == variant)
        label = (variant or experiment) if alone else ":".join(part for part in (experiment, variant) if part)
        notes += _about(label, members)
        labels.append(label)
        cells += [replace(one.cell, variant=label) for one in sorted(members, key=_in_order)]
        if any(one.cell.finished and not one.cell.digest for one in members):
            unverified.append(label)
    return Selection(tuple(labels), tuple(cells), presets, tuple(unverified), tuple(notes))


def _in_order(one: Observation) -> tuple[object, ...]:
    """Axis by axis, numbers by size, then by seed."""
    values = [one.cell.axes[axis] for axis in sorted(one.cell.axes)]
    return *((0, float(v), v) if _is_number(v) else (1, 0.0, v) for v in values), (2, one.cell.seed, "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _of_one(
    experiment: str, found: Sequence[Observation], filters: Filters, notes: list[str]
) -> tuple[list[Observation], str]:
    """An experiment's runs on the data set and under the preset that count, and which preset that is."""
    on_data = [one for one in found if filters.data in (None, one.cell.data)]
    finished = [one for one in on_data if one.cell.finished]
    preset = filters.preset
    if preset is None:
        whole = [one.cell.preset for one in finished if one.cell.preset != SMOKE]
        preset = "" if "" in whole or not whole else whole[0]
    chosen = [one for one in on_data if one.cell.preset == preset]
    if not any(one.cell.finished for one in chosen):
        raise UserError(_none_finished(experiment, found, filters))
    others = sorted({one.cell.preset or "none" for one in finished} - {preset or "none"})
    if others and filters.preset is None:
        under = f"under the preset {preset}" if preset else "without a preset"
        notes.append(f"{experiment}: runs {under}; left out: those under {', '.join(others)} (PRESET=...)")
    if any(one.cell.variant or one.cell.axes for one in chosen):
        single = [one for one in chosen if one.cell.kind == "run"]
        if single and len(single) < len(chosen):
            notes.append(f"{experiment}: {len(single)} runs that belong to no ablation are left out")
            chosen = [one for one in chosen if one.cell.kind != "run"]
    latest = of_newest_ablation(chosen)
    if len({one.row.id for one in latest}) < len({one.row.id for one in chosen}):
        notes.append(f"{experiment}: its newest ablation; runs of older ones are left out (make report RUN=...)")
    chosen = latest
    return chosen, preset


def _groups(
    wanted: Sequence[Wanted],
    kept: Mapping[str, Sequence[Observation]],
    filters: Filters,
    order: Mapping[str, Sequence[str]],
    found: Mapping[str, Sequence[Observation]],
) -> list[tuple[str, str]]:
    groups: dict[tuple[str, str], None] = {}
    for one in wanted:
        met = [seen.cell.variant for seen in reversed(kept[one.experiment]) if seen.cell.finished]
        declared = list(order.get(one.experiment, ()))
        ever = {seen.cell.variant for seen in found[one.experiment]} - {""}
        there = [name for name in dict.fromkeys([*declared, *met]) if name in met]
        names = [one.variant] if one.variant is not None else list(filters.variants) or there
        for name in names:
            if name not in there and name not in {*declared, *ever}:
                raise UnknownName(f"variant of {one.experiment}", name, {*declared, *ever})
            if name not in there:
                raise UserError(
                    f"no finished run of {one.experiment}:{name} among those that count; "
                    f"make some: make exp NAME={one.experiment} VARIANT={name} SEEDS=5"
                )
            groups[one.experiment, name] = None
    return list(groups)


def _about(label: str, members: Sequence[Observation]) -> list[str]:
    """What a reader should know of a group."""
    finished = [one for one in members if one.cell.finished]
    notes = [f"{label}: {line.partition(': ')[2]}" for line in unequal_configs(finished)]
    unseeded = [one for one in finished if not one.seeded]
    if unseeded:
        notes.append(f"{label}: {len(unseeded)} runs without a seed are paired in the order of their start")
    substituted = [one.cell.name for one in finished if one.row.tags.get("dlcamp.substituted")]
    if substituted:
        notes.append(f"{label}: with a substituted part: {', '.join(substituted)}")
    return notes


def _none_finished(experiment: str, found: Sequence[Observation], filters: Filters) -> str:
    asked = [f"{word}={text}" for word, text in (("DATA", filters.data), ("PRESET", filters.preset)) if text]
    counts: dict[str, int] = {}
    for one in found:
        cell = one.cell
        where = f"{cell.data or 'unnamed data'}{f', preset {cell.preset}' if cell.preset else ''}: {cell.status}"
        counts[where] = counts.get(where, 0) + 1
    lines = [f"no finished run of {experiment} counts here" + (f" ({' '.join(asked)})" if asked else "")]
    lines += [f"  {where} ({count})" for where, count in counts.items()]
    if filters.preset is None and any(one.cell.preset == SMOKE for one in found):
        lines.append("smoke runs count only when they are asked for: PRESET=smoke")
    lines.append(f"make some: {' '.join([f'make exp NAME={experiment}', *asked, 'SEEDS=5'])}")
    return "\n".join(lines)
