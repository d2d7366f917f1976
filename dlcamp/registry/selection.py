"""Which run stands for an experiment on a data set: the best finished one that kept its model, or the one named.

Runs of their own compete with the best cell of an ablation and the best trial of a search, which keep theirs too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dlcamp.data import catalog
from dlcamp.errors import Refusal, UserError
from dlcamp.experiment import Experiment
from dlcamp.find_models import best_run, unfit
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.resolve import BEST_TAG

_TRAINING = ("run", "cell", "trial")


@dataclass(frozen=True)
class Chosen:
    """A run, and how it came to be chosen: "the best by val/cider of 12"."""

    row: RunRow
    how: str


def choose(store: Store, experiment: Experiment, data_name: str, run: str | None) -> Chosen:
    """The run to be judged.

    Args:
        run: id or name, of an ablation or a search too; the best one when None.

    Raises:
        Refusal: there is none; says what there is.
        UserError: the run named is of another experiment.
    """
    return _named(store, experiment, run) if run else _best(store, experiment, data_name)


def command(experiment: Experiment, data_name: str, word: str = "exp") -> str:
    """`make exp NAME=caption_lstm DATA=flickr8k`."""
    return f"make {word} NAME={experiment.name}" + (f" DATA={data_name}" if data_name != experiment.data[0] else "")


def _named(store: Store, experiment: Experiment, run: str) -> Chosen:
    row = store.reader.run(run)
    if row.experiment != experiment.name:
        raise UserError(
            f"run {row.name} is of {row.experiment}, not of {experiment.name}; make register NAME={row.experiment}"
        )
    if MODEL_TAG not in row.tags and row.tags.get(BEST_TAG):
        return Chosen(store.reader.run(row.tags[BEST_TAG]), f"the best of {row.name}")
    return Chosen(row, "as asked for")


def _best(store: Store, experiment: Experiment, data_name: str) -> Chosen:
    found = store.reader.runs(experiment.name, tags={"dlcamp.data": data_name})
    rows = [row for row in found if row.tags.get("dlcamp.kind") in _TRAINING]
    fit = [row for row in rows if not _why_not(row)]
    digest = catalog.entry(data_name).open().digest
    # values on other data do not compete; when there are no others, the gate says what is wrong with them
    present = [row for row in fit if row.tags.get("dlcamp.data_digest") == digest] or fit
    best = best_run(present, experiment.objective)
    if best is None:
        raise Refusal(
            f"{experiment.name} has no run on {data_name} to register: {_what_there_is(rows)}\n"
            f"make one: {command(experiment, data_name)}"
        )
    metric = experiment.objective.metric
    compared = sum(1 for row in rows if row.status == "FINISHED" and not unfit(row) and metric in row.metrics)
    return Chosen(best, f"the best by {metric} of {compared} runs" if compared > 1 else "the only finished run")


def _why_not(row: RunRow) -> str:
    if row.status != "FINISHED":
        return row.status
    if unfit(row):
        return f"never registered ({unfit(row)})"
    return "" if row.tags.get(MODEL_TAG) else "without a model (of an ablation or a search only the best keeps it)"


def _what_there_is(rows: Sequence[RunRow]) -> str:
    kinds = Counter(_why_not(row) or "without the objective" for row in rows)
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none was made yet"
