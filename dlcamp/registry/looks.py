"""How often candidates were judged on the same validation items: the more looks, the luckier the best of them.

Each look is a tag of the candidate's MLflow experiment, whose name no other look has, so that looks of processes that
judge at once never overwrite each other, and looks with DRY=1 need no registered model.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass

from dlcamp.tracking.mlflow_client import pages
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import RunRow, Store

LOOK_TAG = "dlcamp.judged"


@dataclass(frozen=True)
class Looks:
    """How many other candidates were judged on the items before, and how often any was, this one included."""

    others: int
    times: int


def looks(store: Store, data_digest: str, split: str, digest: str) -> Looks:
    """The looks so far at a split of the data, of whatever experiment.

    A split is counted by the data's digest and its name: where configs draw it anew (split_seed, limits), looks at
    other items of the same data count too. That says too many rather than too few; such models cannot be paired anyway.

    Args:
        digest: of the candidate's files; its own looks make it no other candidate.
    """
    from mlflow.entities import ViewType

    seen = [
        one
        for experiment in pages(client_of(store).search_experiments, view_type=ViewType.ALL)
        for name, one in experiment.tags.items()
        if name.startswith(_prefix(data_digest, split))
    ]
    return Looks(len({*seen} - {digest}), len(seen))


def count(store: Store, row: RunRow, data_digest: str, split: str, digest: str) -> None:
    """Count one more look at the split, by the model of a run."""
    client = client_of(store)
    name = f"{_prefix(data_digest, split)}{time.time_ns()}-{os.getpid()}"
    client.set_experiment_tag(client.get_run(row.id).info.experiment_id, name, digest)


def _prefix(data_digest: str, split: str) -> str:
    # a digest may be longer than a tag's name, and need not differ in its beginning
    return f"{LOOK_TAG}.{split}.{hashlib.sha256(data_digest.encode()).hexdigest()[:16]}."
