"""A repository of one tiny experiment, a store, and runs of it whose models are right on a share of 200 items."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.experiment import Experiment
from dlcamp.registry.judgement import Asked, Judgement, NotPromoted
from dlcamp.registry.register import register
from dlcamp.tracking import open_store
from dlcamp.tracking.models import DIGEST_TAG, MODEL_TAG, client_of, log_model, save_model
from dlcamp.tracking.protocol import RunRow, Store
from tests.tracking.tiny_predictors import Sum

NAME, DATA = "skilled-purchases", "purchases"
FLOOR = 0.4
ITEMS = 200
SOURCE = f'''"""How much skill is enough?"""
from dlcamp import ExperimentConfig, experiment, maximize

class Config(ExperimentConfig):
    skill: float = 0.5

@experiment(config=Config, data=["purchases", "digits"], objective=maximize("val/accuracy"),
            predictor="tests.tracking.tiny_predictors:Sum", scorer="experiments.basics.skilled:score",
            floor="experiments.basics.skilled:floor")
def skilled(config, data, run):
    return {{"val/accuracy": 0.0}}

def score(predictor, data, config, split):
    rows = _rows(predictor.predict([{{"a": 1.0}}])[0])
    return rows, {{"val/accuracy": sum(row["correct"] for row in rows) / len(rows)}}

def floor(data, config, split):
    return "who knows {FLOOR:.0%}", _rows({FLOOR})

def _rows(skill):
    hard = [(number * 37 % {ITEMS}) / {ITEMS} for number in range({ITEMS})]
    return [{{"item": f"item {{n:03d}}", "output": n, "correct": int(one < skill)}} for n, one in enumerate(hard)]
'''


@dataclass
class World:
    """A repository and a store; runs are written as the runner would, without training and proof.

    `saved` is a model as `save_model` writes it; each run gets a copy with another skill.
    """

    root: Path
    store: Store
    experiment: Experiment
    saved: Path
    made: int = 0

    def run(
        self,
        skill: float,
        status: Literal["FINISHED", "FAILED"] = "FINISHED",
        *,
        model: bool = True,
        parameters: float = 1000.0,
        logged: float | None = None,
        params: dict[str, str] | None = None,
        **tags: str,
    ) -> RunRow:
        """A new run whose model is right on a share of the items; `logged`: another accuracy that it claims."""
        self.made += 1
        kept = {
            "dlcamp.kind": "run",
            "dlcamp.data": DATA,
            "dlcamp.data_digest": catalog.entry(DATA).open().digest,
            "dlcamp.config": json.dumps({"skill": skill}),
            "dlcamp.git_commit": "0123456789abcdef",
            "dlcamp.git_dirty": "false",
        } | {f"dlcamp.{name}": value for name, value in tags.items()}
        run = self.store.tracker.start("skilled", f"skilled-s{self.made}-{skill:g}", kept)
        run.params({"skill": skill, **(params or {})})
        if model:
            folder = self.root / "model"
            shutil.copytree(self.saved, folder, dirs_exist_ok=True)
            next(folder.rglob("weights.json")).write_text(json.dumps({"a": skill}), "utf-8")
            run.tags({"dlcamp.model_id": log_model(self.store, run.id, folder, name="skilled")})
        accuracy = round(skill * ITEMS) / ITEMS if logged is None else logged
        run.final({"val/accuracy": accuracy, "cost/parameters": parameters})
        run.end(status)
        return self.store.reader.run(run.id)

    def register(self, run: RunRow | None = None, **asked: object) -> Judgement:
        """The judgement, whether the gate says yes or no."""
        data = run.tags["dlcamp.data"] if run else DATA
        try:
            return register(
                self.store,
                self.experiment,
                data,
                run=run.id if run else None,
                asked=Asked(by="ada", **asked),  # type: ignore[arg-type]
            )
        except NotPromoted as refused:
            return refused.judgement

    def files(self, run: RunRow) -> Path:
        """The folder of a run's model in the store."""
        model = client_of(self.store).get_logged_model(run.tags["dlcamp.model_id"])
        return Path(model.artifact_location.removeprefix("file://"))

    def titles(self) -> dict[str, str]:
        """Alias -> version."""
        return {
            alias: str(version) for alias, version in client_of(self.store).get_registered_model(NAME).aliases.items()
        }

    def versions(self) -> int:
        """How many versions the registered model has."""
        return len(client_of(self.store).search_model_versions(f"name='{NAME}'"))


def world_in(folder: Path) -> World:
    """A world whose repository lies in a folder, and whose store in the present home."""
    source = folder / "repository/experiments/basics/skilled.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE, "utf-8")
    (folder / "package").mkdir()
    save_model(Sum({"a": 1.0}), folder / "saved", example={"a": 1.0}, requirements=[], package=folder / "package")
    root = folder / "repository"
    return World(root, open_store(), load(find(root, "skilled")), folder / "saved")


def put(world: World, skill: float) -> RunRow:
    """A version without a judgement."""
    run, client = world.run(skill), client_of(world.store)
    if not client.search_registered_models(f"name='{NAME}'"):
        client.create_registered_model(NAME, tags={"dlcamp.experiment": "skilled", "dlcamp.data": "purchases"})
    model = run.tags[MODEL_TAG]
    tags = {
        MODEL_TAG: model,
        DIGEST_TAG: client.get_logged_model(model).tags[DIGEST_TAG],
        "dlcamp.data_digest": run.tags["dlcamp.data_digest"],
    }
    client.create_model_version(NAME, str(world.files(run)), run.id, tags=tags)
    return run


def answer(judgement: Judgement, question: str) -> str:
    """`no: altered since ...`."""
    check = next(check for check in judgement.verdict.checks if check.question == question)
    return f"{'ok' if check.passed else 'no'}: {check.answer}"
