"""Measured figures as rows for docs/results: what, how much, its spread, by which command, commit and machine."""

from __future__ import annotations

import csv
import io
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcamp.analysis.alternating import Ratio
from dlcamp.config import ExperimentConfig
from dlcamp.tracking.provenance import git_state, memory_gib

COLUMNS = (
    *("experiment", "data", "measure", "median", "min", "max", "low", "high", "rounds"),
    *("command", "commit", "machine"),
)
_FIGURES = 3


@dataclass(frozen=True)
class Where:
    """How a figure is measured again: what to type, on which commit, on what machine."""

    command: str
    commit: str
    machine: str


@dataclass(frozen=True)
class ResultRow:
    """One measure: its values, one a round or an item, and the ends of an interval where there is one."""

    measure: str
    values: tuple[float, ...]
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, measure: str, ratio: Ratio) -> ResultRow:
        """A ratio of `alternating` with its interval over rounds."""
        return cls(measure, ratio.values, ratio.low, ratio.high)

    def cells(self) -> list[str]:
        """measure, median, min, max, low, high, rounds; one value has no spread."""
        several = len(self.values) > 1
        spread = (min(self.values), max(self.values)) if several else (None, None)
        numbers = (statistics.median(self.values), *spread, *((self.low, self.high) if several else (None, None)))
        return [self.measure, *("" if number is None else _short(number) for number in numbers), str(len(self.values))]


def result_table(rows: Sequence[ResultRow], experiment: str, data: str, where: Where) -> str:
    """The rows as CSV, with a head and a newline at the end."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    end = (where.command, where.commit, where.machine)
    writer.writerows([experiment, data, *row.cells(), *end] for row in rows)
    return file.getvalue()


def command_of(experiment: str, data: str, config: ExperimentConfig) -> str:
    """What to type for the same run again; `config` is named where it differs from its class's defaults."""
    usual = type(config)().model_dump(mode="json")
    found = {name: value for name, value in config.model_dump(mode="json").items() if value != usual[name]}
    seed = found.pop("seed", None)
    changed = " ".join(f"{name}={_typed(value)}" for name, value in found.items())
    parts = [f"make exp NAME={experiment} DATA={data}"]
    parts += [f"SEED={seed}"] if seed is not None else []
    parts += [f'SET="{changed}"'] if changed else []
    return " ".join(parts)


def commit_of(root: Path) -> str:
    """The checkout's commit, shortened, and whether anything was changed since; empty where there is none."""
    state = git_state(root)
    if state is None:
        return ""
    return state["commit"][:7] + (" with changes" if state["dirty"] else "")


def machine_of(cpu: str) -> str:
    """The machine in a few words, `cpu` first."""
    memory = memory_gib()
    return ", ".join([cpu, f"{os.cpu_count()} cores", *([] if memory is None else [f"{memory:.0f} GiB"])])


def _typed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _short(value: float) -> str:
    """Three figures, without an exponent."""
    return format(float(f"{value:.{_FIGURES}g}"), "f").rstrip("0").rstrip(".")
