"""Measured figures as rows of docs/results."""

from __future__ import annotations

import csv
from pathlib import Path

from dlcamp import ExperimentConfig, tune
from dlcamp.analysis.alternating import Ratio
from dlcamp.analysis.result_rows import (
    COLUMNS,
    ResultRow,
    Where,
    command_of,
    commit_of,
    machine_of,
    result_table,
)
from dlcamp.paths import REPOSITORY


class Config(ExperimentConfig):
    rounds: int = tune(5)
    names: tuple[str, ...] = tune(("a",))


def test_the_columns_are_those_of_the_benchmarks_that_are_there() -> None:
    head = (REPOSITORY / "docs/results/bench_caption_training.csv").read_text().splitlines()[0]
    assert ",".join(COLUMNS) == head


def test_a_row_has_three_figures_and_a_spread_only_of_several_values() -> None:
    assert ResultRow("speed", (1234.5, 1000.0, 0.012345)).cells() == ["speed", "1000", "0.0123", "1230", "", "", "3"]
    assert ResultRow("peak", (2.2,), 2.0, 3.0).cells() == ["peak", "2.2", "", "", "", "", "1"]
    ratio = Ratio("x", "x", "slow", "fast", (2.0, 4.0), 2.1, 3.9, 3.0)
    assert ResultRow.of("ratio", ratio).cells() == ["ratio", "3", "2", "4", "2.1", "3.9", "2"]


def test_a_table_can_be_read_back() -> None:
    where = Where(command='SET="x=1"', commit="abc", machine="two, cores")
    text = result_table([ResultRow("a, b", (1.0,))], "bench", "scenes", where)
    (row,) = csv.DictReader(text.splitlines())
    assert row["measure"] == "a, b"
    assert {name: row[name] for name in vars(where)} == vars(where)
    assert text.endswith("\n")


def test_the_command_names_what_differs_from_the_defaults() -> None:
    assert command_of("bench", "scenes", Config()) == "make exp NAME=bench DATA=scenes"
    changed = Config(rounds=1, names=("a", "b"), seed=3)
    assert command_of("bench", "scenes", changed) == 'make exp NAME=bench DATA=scenes SEED=3 SET="rounds=1 names=a,b"'


def test_outside_a_checkout_there_is_no_commit_and_the_machine_is_named(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
    assert len(commit_of(REPOSITORY).split()[0]) == 7
    assert machine_of("some CPU").startswith("some CPU, ")
