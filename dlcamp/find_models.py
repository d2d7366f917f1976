"""What the references of a config mean: each `ModelRef` becomes a stored model, before the run begins.

A run's id, a name, an alias or an address are looked up in the store (`tracking.resolve`); `best:EXPERIMENT` is the
run that the experiment's objective calls best, among those whose model may be built upon.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dlcamp.config import ExperimentConfig, Layer, flatten, resolve
from dlcamp.discovery import find, load
from dlcamp.errors import ConfigError, StoreError, UserError
from dlcamp.experiment import Experiment, Objective
from dlcamp.model_ref import Best, ModelRef
from dlcamp.tracking.input_models import NEVER_TAG, InputModel, InputModels, input_model
from dlcamp.tracking.models import MODEL_TAG
from dlcamp.tracking.protocol import RunRow, Store

SMOKE = "smoke"
CAMP = "camp"
"""The preset and the recipe of the course, whose metric flatters."""


@dataclass(frozen=True)
class Lookup:
    """Where references are looked up, and for whom.

    Args:
        root: repository whose experiments `best:` names.
        data: name and digest of the run's own data set.
        pinned: text -> model id, of references whose meaning was fixed before: by a parent run for its children,
            or by the run itself before it was interrupted.
    """

    store: Store | None
    root: Path
    data: tuple[str, str]
    pinned: Mapping[str, str] = field(default_factory=dict)

    def models(self, config: ExperimentConfig, origins: Mapping[str, str]) -> InputModels:
        """Every model that the config refers to; nothing is loaded.

        Raises:
            ConfigError: a reference that means no model; names field, text, where it was written, and what to do.
            StoreError: a model's files are gone or were altered.
        """
        known: dict[ModelRef, InputModel] = {}
        found = {}
        for name, value in config.model_refs().items():
            refs = value if isinstance(value, tuple) else (value,)
            for ref in refs:
                if ref not in known:
                    known[ref] = self._model(f"{name} = {str(ref)!r} ({origins.get(name, 'default')})", ref)
            found[name] = tuple((ref, known[ref]) for ref in refs)
        return InputModels(self.store, found)

    def _model(self, where: str, ref: ModelRef) -> InputModel:
        try:
            if self.store is None:
                raise UserError("nothing was ever run here, so that there is no model: train it first")
            if ref.text in self.pinned:
                where += f", found to be {self.pinned[ref.text]} before"
                return self._judged(input_model(self.store, f"models:/{self.pinned[ref.text]}"))
            return self._judged(input_model(self.store, self._best(self.store, ref.best).id if ref.best else ref.text))
        except StoreError as error:
            raise StoreError(f"{where}: {error}") from None
        except UserError as error:
            raise ConfigError(f"{where}: {error}") from None

    def _judged(self, model: InputModel) -> InputModel:
        """With why what is made of it may never become a champion."""
        if self.store is None or not model.run:
            return model
        row, (data, digest) = self.store.reader.run(model.run), self.data
        why = f"made of one of the {unfit(row)}" if unfit(row) else ""
        if row.tags.get("dlcamp.data") == data and row.tags.get("dlcamp.data_digest") != digest:
            why = f"made of a model of other data called {data}, which may have been trained on what tests it now"
        return replace(model, never=why)

    def _best(self, store: Store, asked: Best) -> RunRow:
        experiment = load(find(self.root, asked.experiment))
        if experiment.predictor is None:
            raise UserError(f"{experiment.name} saves no model: it has no predictor")
        wanted = _params(experiment, asked)
        data, digest = self.data
        rows = store.reader.runs(experiment.name, tags={"dlcamp.data": data})
        matching = [
            row
            for row in rows
            if row.tags.get("dlcamp.kind") in ("run", "cell", "trial")
            and all(row.params.get(name) == value for name, value in wanted.items())
        ]
        usable = [row for row in matching if not _why_not(row, digest)]
        best = best_run(usable, experiment.objective)
        if best is None:
            raise UserError(_none(experiment, data, asked, Counter(_why_not(row, digest) for row in matching)))
        return best


def best_run(rows: Iterable[RunRow], objective: Objective) -> RunRow | None:
    """The best FINISHED run with a finite objective that may become a champion; the earliest of equal ones."""
    best: RunRow | None = None
    for row in sorted(rows, key=lambda row: row.started):
        value = row.metrics.get(objective.metric, math.nan)
        if row.status != "FINISHED" or never(row) or not math.isfinite(value):
            continue
        if best is None or objective.better(value, best.metrics[objective.metric]):
            best = row
    return best


def never(row: RunRow) -> str:
    """The kind, never of a champion, that a run is marked with by its preset or its body; empty where with none."""
    return "smoke runs" if row.tags.get("dlcamp.preset") == SMOKE else row.tags.get(NEVER_TAG, "")


def unfit(row: RunRow) -> str:
    """Which kind of runs this one is of that never become a champion, however good; empty when it may."""
    if never(row):
        return never(row)
    if row.tags.get("dlcamp.substituted"):
        return "runs with a substituted part"
    if row.tags.get("dlcamp.preset") == CAMP or row.params.get("recipe") == CAMP:
        return "runs of the course's own recipe and metric (camp)"
    if row.params.get("val_images", "None") not in ("None", ""):
        return f"runs chosen on fewer validation images (val_images={row.params['val_images']})"
    return ""


def _why_not(row: RunRow, digest: str) -> str:
    """Why a run's model is not built upon; empty when it is."""
    if row.status != "FINISHED":
        return row.status
    if unfit(row):
        return f"never built upon ({unfit(row)})"
    if row.tags.get("dlcamp.data_digest") != digest:
        return "on other data of that name"
    return "" if row.tags.get(MODEL_TAG) else "without a model (of an ablation or a search only the best run keeps it)"


def _params(experiment: Experiment, asked: Best) -> dict[str, str]:
    """The params that a run must have, as runs log them: read by the field's type, so that 1e-4 is 0.0001."""
    config = resolve(experiment.config_type, [Layer(f"best:{experiment.name}", asked.params)]).config
    values = flatten(config.model_dump(mode="json"))
    return {name: str(values[name]) for name in asked.params}


def _none(experiment: Experiment, data: str, asked: Best, why_not: Mapping[str, int]) -> str:
    """The message where no run has the model."""
    params = {name: value for name, value in asked.params.items() if name != "seed"}
    of = "".join(f" {name}={value}" for name, value in asked.params.items())
    there_is = ", ".join(f"{count} {why or 'without the objective'}" for why, count in sorted(why_not.items()))
    command: Sequence[str] = [
        f"make exp NAME={experiment.name}",
        *([f"DATA={data}"] if data != experiment.data[0] else []),
        *([f"SEED={asked.params['seed']}"] if "seed" in asked.params else []),
        *(['SET="' + " ".join(f"{name}={value}" for name, value in params.items()) + '"'] if params else []),
    ]
    return (
        f"{experiment.name}{of} has no finished run on {data} with a model: {there_is or 'none was made yet'}\n"
        f"train it first: {' '.join(command)}"
    )
