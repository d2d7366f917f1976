"""What an ablation's runs say in their files: cells, declaration, how strengths were chosen, where they come from.

Every reader here takes what is there: a file that is missing gives what the rows say, or nothing; one that cannot be
understood is named in `notes`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import KIND_TAG, Cell, cell
from dlcamp.errors import UserError
from dlcamp.tracking.checked import PARENT_TAG

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Reader, RunRow


@dataclass(frozen=True)
class Declaration:
    """`declaration.json`: what was to be compared, before anything ran."""

    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    strengths: Mapping[str, str] = field(default_factory=dict)
    baseline: str = ""
    metric: str = ""
    workers: int = 0
    threads: int = 0
    question: str = ""


@dataclass(frozen=True)
class Trial:
    """One trial of a search for a strength; `objective` is None where it did not finish."""

    values: Mapping[str, Any]
    run: str
    status: str
    objective: float | None


@dataclass(frozen=True)
class Tuned:
    """How the strength of one variant was chosen, at one combination of axis values."""

    variant: str
    axes: Mapping[str, str]
    fields: Sequence[str]
    trials: tuple[Trial, ...]
    chosen: Mapping[str, Any]
    objective: str


@dataclass(frozen=True)
class Source:
    """Where the numbers come from; empty where it is not known."""

    command: str = ""
    commit: str = ""
    dirty: bool = False
    machine: str = ""
    cores: int = 0
    memory_gib: float = 0.0
    python: str = ""
    platform: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)


def cells_of(
    reader: Reader, parent: RunRow, entries: Sequence[Mapping[str, Any]] | None, notes: list[str]
) -> list[Cell]:
    """One cell an entry of `cells.json`, with what its run says; without the file, the children of the parent."""
    rows = {row.id: row for row in reader.runs(parent.experiment, tags={PARENT_TAG: parent.id})}
    if entries is None:
        entries = _read(reader, parent.id, "cells.json", notes)
    if entries is None:
        return [cell(row) for row in reversed(rows.values()) if row.tags.get(KIND_TAG) == "cell"]
    return [_cell(entry, parent, _row(reader, str(entry.get("run") or ""), rows, notes)) for entry in entries]


def _row(reader: Reader, run: str, rows: Mapping[str, RunRow], notes: list[str]) -> RunRow | None:
    if not run or run in rows:
        return rows.get(run)
    try:
        return reader.run(run)
    except UserError:
        notes.append(f"run {run} is no longer in the store; its metrics are those that the ablation wrote down")
        return None


def _cell(entry: Mapping[str, Any], parent: RunRow, row: RunRow | None) -> Cell:
    """The entry says where the cell stands; the run says what it measured and what it rests on."""
    ended = row is not None and entry["status"] in ("RUNNING", "WAITING") and row.status != "RUNNING"
    own: dict[str, Any] = {
        "variant": str(entry["variant"]),
        "axes": {str(axis): str(value) for axis, value in (entry.get("axes") or {}).items()},
        "seed": int(entry["seed"]),
        "status": row.status if row is not None and ended else str(entry["status"]),
        "error": str(entry.get("error") or ""),
        "kind": "cell",
    }
    metrics = {key: float(value) for key, value in (entry.get("metrics") or {}).items() if value is not None}
    if row is not None:
        known = cell(row)
        return replace(known, **own, metrics=known.metrics or metrics, seconds=known.seconds or _seconds(entry))
    tags = parent.tags
    return Cell(
        run=str(entry.get("run") or ""),
        name="",
        experiment=parent.experiment,
        metrics=metrics,
        data=tags.get("dlcamp.data", ""),
        digest=tags.get("dlcamp.data_digest", ""),
        preset=tags.get("dlcamp.preset", ""),
        seconds=_seconds(entry),
        **own,
    )


def _seconds(entry: Mapping[str, Any]) -> float:
    return float(entry.get("seconds") or 0.0)


def declaration_of(reader: Reader, parent: RunRow, notes: list[str]) -> Declaration:
    """What `declaration.json` says; axis values as text, as in cells."""
    found = _read(reader, parent.id, "declaration.json", notes) or {}
    known = {key: value for key, value in found.items() if key in Declaration.__dataclass_fields__ and value}
    axes = {axis: [str(value) for value in values] for axis, values in known.pop("axes", {}).items()}
    return Declaration(axes=axes, **known)


def tuned_of(reader: Reader, parent: RunRow, notes: list[str]) -> list[Tuned]:
    """What `tuning.json` says; empty where nothing was tuned."""
    return [_tuned(one) for one in _read(reader, parent.id, "tuning.json", notes) or []]


def _tuned(one: Mapping[str, Any]) -> Tuned:
    trials = [
        Trial(trial["values"], str(trial.get("run") or ""), str(trial.get("status", "")), trial.get("objective"))
        for trial in one["trials"]
    ]
    axes = {axis: str(value) for axis, value in (one.get("axes") or {}).items()}
    chosen = one.get("chosen") or {}
    return Tuned(one["variant"], axes, list(one["fields"]), tuple(trials), chosen, str(one.get("objective", "")))


def source_of(reader: Reader, parent: RunRow, cells: Sequence[Cell]) -> Source:
    """From the parent's `provenance.json`, or the first child's that has one."""
    found: dict[str, Any] = {}
    for run in [parent.id, *(one.run for one in cells[:3])]:
        found = _read(reader, run, "provenance.json", []) or {}
        if found:
            break
    git = found.get("git") or {}
    tags = parent.tags
    return Source(
        command=tags.get("dlcamp.command", ""),
        commit=tags.get("dlcamp.git_commit", str(git.get("commit", ""))),
        dirty=tags.get("dlcamp.git_dirty", str(git.get("dirty", "")).lower()) == "true",
        machine=str(found.get("cpu", "")),
        cores=int(found.get("usable_cores") or found.get("cores") or 0),
        memory_gib=float(found.get("memory_gib") or 0),
        python=str(found.get("python", "")),
        platform=str(found.get("platform", "")),
        packages=found.get("packages") or {},
    )


def _read(reader: Reader, run: str, name: str, notes: list[str]) -> Any:
    """The content of a JSON artifact; None where there is none or it cannot be understood."""
    try:
        return json.loads(reader.fetch(run, name).read_text("utf-8"))
    except UserError:
        return None
    except (OSError, ValueError) as error:
        notes.append(f"{name} of run {run} cannot be read: {error}")
        return None


def ordered(values: Mapping[str, Any]) -> list[str]:
    """Numbers by size, else as they come."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return list(values)


def place_label(axes: Mapping[str, Any]) -> str:
    """`train_images=100, depth=2`; empty for no axes."""
    return ", ".join(f"{axis}={value}" for axis, value in axes.items())
