"""Cells for tests of the statistics: a value a seed, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlcamp.analysis.cells import Cell

ACCURACY = "test/accuracy"


def made(
    variant: str, values: Sequence[float] | Mapping[int, float], metric: str = ACCURACY, **fields: Any
) -> list[Cell]:
    """One finished cell a value; the seeds are 0, 1, ... or the mapping's keys."""
    by_seed = values if isinstance(values, Mapping) else dict(enumerate(values))
    common = {"data": "digits", "digest": "sha256:1", "commit": "abc", "precision": "float32", "axes": {}} | fields
    return [
        Cell(f"{variant}-{common['axes']}-{seed}", "", "asked", variant, seed=seed, status="FINISHED",
             metrics={metric: value}, seconds=2.0, **common)
        for seed, value in by_seed.items()
    ]  # fmt: skip


def written(variant: str, metrics: Sequence[Mapping[str, float]], **fields: Any) -> list[Cell]:
    """One finished cell a seed with these metrics."""
    cells = made(variant, [0.0] * len(metrics), **fields)
    return [replace(cell, metrics=own) for cell, own in zip(cells, metrics, strict=True)]


def lost(variant: str, seed: int, status: str = "FAILED", error: str = "", **fields: Any) -> Cell:
    """A cell without metrics."""
    return Cell("", "", "asked", variant, fields.pop("axes", {}), seed, status, error=error, **fields)
