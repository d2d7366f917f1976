"""`describe`: one experiment in full, without loading anything heavy."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.config import Layer, allowed_values, resolve
from dlcamp.data import catalog
from dlcamp.discovery import Listing, find, load
from dlcamp.experiment import Experiment
from dlcamp.references import locate
from dlcamp.settings import Settings, settings


def run(given: Given, root: Path) -> int:
    """Print the description."""
    one = find(root, str(given.get("NAME")))
    written, experiment = settings(root, one), load(one)
    print("\n".join(_lines(root, one, written, experiment)))
    return 0


def _lines(root: Path, one: Listing, written: Settings, experiment: Experiment) -> list[str]:
    doc = inspect.cleandoc(sys.modules[experiment.module].__doc__ or "")
    lines = [f"{one.name}  {one.course}", "", doc, "", f"objective  {experiment.objective}", "data"]
    for name in experiment.data:
        lines.append(f"  {name:<17} {catalog.entry(name).title}")
    lines += ["config     default (where it comes from), what is valid, search space", *_fields(written, experiment)]
    for name, settled in written.data.items():
        lines.append(f"on {name:<15} {' '.join(f'{key}={value}' for key, value in settled.items())}")
    lines += _grid(written, experiment)
    if written.presets:
        lines.append("presets")
        for name, preset in written.presets.items():
            values = " ".join(f"{key}={value}" for key, value in preset.values.items())
            grid = " ".join(f"{key}: {_written(value)}" for key, value in preset.grid.items())
            on = f"data={preset.data}" if preset.data else ""
            lines.append(f"  {name:<12} {'  '.join(part for part in (on, values, grid) if part)}")
    for claim in experiment.claims:
        lines += [f"claim      {claim.statement}", f"           refuted by: {claim.refuted_by}"]
    lines += [f"{label:<10} {_place(root, reference)}" for label, reference in (experiment.sources or {}).items()]
    lines += [f"code       {os.path.relpath(one.path, root)}", f"settings   {os.path.relpath(written.path, root)}"]
    return lines


def _grid(written: Settings, experiment: Experiment) -> list[str]:
    """What an ablation varies, and how it is compared."""
    grid, compare = written.grid(), experiment.compare
    lines = []
    for name, variant in grid.variants.items():
        values = " ".join(f"{key}={value}" for key, value in variant.values.items())
        tuned = f"  tuned: {', '.join(variant.tune)}" if variant.tune else ""
        lines.append(f"  {name:<17} {values}{tuned}")
    lines = ["variants", *lines] if lines else []
    lines += [f"axis {axis:<14} {', '.join(values)}" for axis, values in grid.axes.items()]
    if grid.seeds:
        lines.append(f"seeds              {', '.join(map(str, grid.seeds))}")
    if grid.tuning.trials:
        lines.append(f"tuning             {grid.tuning.trials} trials each, on seed {grid.tuning.seed}")
    if compare:
        against = f" against {compare.baseline}" if compare.baseline else ""
        told = [("interesting from", compare.smallest_interesting), ("equal within", compare.margin)]
        sizes = "".join(f", {words} {value:g}" for words, value in told if value is not None)
        lines.append(f"compared           {compare.metric}{against}{sizes}")
    return lines


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _fields(written: Settings, experiment: Experiment) -> list[str]:
    resolved = resolve(experiment.config_type, [Layer("yaml", written.base)])
    tunables, lines = experiment.config_type.tunables(), []
    for name, field in experiment.config_type.model_fields.items():
        value = getattr(resolved.config, name)
        origin = "" if resolved.origins.get(name, "default") == "default" else " (yaml)"
        tunable = tunables.get(name)
        search = f"; search {tunable.space}" if tunable and tunable.space is not None else ""
        trials = f"; in trials {tunable.trial}" if tunable and tunable.trial is not None else ""
        valid = allowed_values(experiment.config_type, name)
        lines.append(f"  {name:<20} {f'{value}{origin}':<14} {field.description or ''} [{valid}{search}{trials}]")
    return lines


def _place(root: Path, reference: str) -> str:
    path, line = locate(root, reference)
    return f"{os.path.relpath(path, root)}:{line}  {reference.partition(':')[2]}"
