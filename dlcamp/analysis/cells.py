"""Cells: what an analysis needs to know of each run of an ablation, read from a store's rows.

The tags are written by the runner and the ablation: `dlcamp.kind` ("ablation" the parent, "cell" and "trial" its
children, "run" a run of its own), `dlcamp.variant`, `dlcamp.axes` (JSON), `dlcamp.data_digest`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import RunRow

VARIANT_TAG, AXES_TAG, KIND_TAG = "dlcamp.variant", "dlcamp.axes", "dlcamp.kind"


@dataclass(frozen=True)
class Cell:
    """One run: where it stands in the ablation, how it ended, what it measured, and what it rests on.

    Args:
        run: the store's id of the run.
        variant: "" where the experiment has none.
        axes: axis -> value as text.
        metrics: final metrics (the last value of each).
        digest: of the data; "" is unverified.
        commit: git commit, with "+" after it when files were changed; "" is unknown.
        precision: the run's `precision` param; "" where there is none.
        seconds: from start to end of the body.
    """

    run: str
    name: str
    experiment: str
    variant: str
    axes: Mapping[str, str]
    seed: int
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: str = ""
    digest: str = ""
    preset: str = ""
    commit: str = ""
    precision: str = ""
    seconds: float = 0.0
    error: str = ""
    kind: str = "cell"

    @property
    def finished(self) -> bool:
        """Whether its metrics count."""
        return self.status == "FINISHED"

    @property
    def place(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Variant and axis values: everything but the seed."""
        return self.variant, tuple(sorted(self.axes.items()))


def cell(row: RunRow) -> Cell:
    """The cell of one row; runs that dlcamp did not write give what they have."""
    tags = row.tags
    commit = tags.get("dlcamp.git_commit", tags.get("mlflow.source.git.commit", ""))[:12]
    seed = row.params.get("seed", "")
    return Cell(
        run=row.id,
        name=row.name,
        experiment=row.experiment,
        variant=tags.get(VARIANT_TAG, ""),
        axes=json.loads(tags.get(AXES_TAG, "{}")),
        seed=int(seed) if seed.isdecimal() else 0,
        status=row.status,
        metrics=row.metrics,
        data=tags.get("dlcamp.data", row.params.get("data", "")),
        digest=tags.get("dlcamp.data_digest", ""),
        preset=tags.get("dlcamp.preset", ""),
        commit=commit + ("+" if commit and tags.get("dlcamp.git_dirty") == "true" else ""),
        precision=row.params.get("precision", ""),
        # the run's own clock: the best child is opened again later, for its model
        seconds=row.metrics.get("cost/seconds", (row.ended - row.started) if row.ended else 0.0),
        error=tags.get("dlcamp.error", ""),
        kind=tags.get(KIND_TAG, "run"),
    )


def cells(rows: Iterable[RunRow]) -> list[Cell]:
    """One cell a row, in the rows' order."""
    return [cell(row) for row in rows]
