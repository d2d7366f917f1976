"""What references mean: found in a store, in the fingerprint, logged as inputs, and loaded unaltered."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from dlcamp.ablation.engine import run_ablation
from dlcamp.cli.ablate import ablation_of
from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.data import catalog
from dlcamp.errors import ConfigError, RunInterrupted, StoreError, UserError
from dlcamp.launch.inline import Inline
from dlcamp.model_ref import ModelRef
from dlcamp.runner import Outcome, Plan, execute, explain, prepare, resume, with_models
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.models import DIGEST_TAG, client_of, log_model, save_model
from dlcamp.tracking.protocol import RunRow, Store
from tests.tracking.tiny_predictors import Sum

SOURCE = '''"""Which weight?"""
from dlcamp import ExperimentConfig, experiment, minimize

class Config(ExperimentConfig):
    rate: float = 0.1

@experiment(config=Config, data=["noisy_digits", "purchases"], objective=minimize("val/loss"),
            predictor="tests.tracking.tiny_predictors:Sum", scorer="experiments.basics.source:scorer")
def source(config, data, run):
    return {"val/loss": 1.0}
'''
BLEND = '''"""Do several say more than one?"""
import os, signal, time
from dlcamp import ExperimentConfig, ModelRef, experiment, maximize

class Config(ExperimentConfig):
    start: ModelRef | None = None
    members: tuple[ModelRef, ...] = ()
    mood: str = "well"

@experiment(config=Config, data=["purchases"], objective=maximize("val/sum"))
def blend(config, data, run):
    refs = ([config.start] if config.start else []) + list(config.members)
    values = [run.predictor(ref).predict([{"a": 1.0}])[0] for ref in refs]
    if config.mood == "stopped" and not run.resumed:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    if config.mood == "foreign":
        run.predictor(ModelRef("best:source"))
    return {"val/sum": sum(values)}
'''
YAML = """
seeds: 1
variants:
  alone: {start: "best:source"}
  all: {members: [best:source:seed=1,rate=0.1, best:source]}
"""


@dataclass(frozen=True)
class World:
    """A repository of two experiments and a store; runs of `source` are written as the runner would, without proof.

    `saved` is a model as `save_model` writes it; each run gets a copy with other weights.
    """

    root: Path
    store: Store
    saved: Path

    def source(self, seed: int, loss: float, weight: float, status: str = "FINISHED", **tags: str) -> str:
        """The name of a new run of `source` whose model multiplies by `weight`."""
        kept = {"dlcamp.kind": "run", "dlcamp.data": "purchases"} | {f"dlcamp.{k}": v for k, v in tags.items()}
        kept.setdefault("dlcamp.data_digest", catalog.entry("purchases").open().digest)
        run = self.store.tracker.start("source", f"source-s{seed}-{weight:g}", kept)
        run.params({"seed": seed, "rate": 0.1})
        if "unmodelled" not in tags:
            folder = self.root / "model"
            shutil.copytree(self.saved, folder, dirs_exist_ok=True)
            next(folder.rglob("weights.json")).write_text(json.dumps({"a": weight}), "utf-8")
            run.tags({"dlcamp.model_id": log_model(self.store, run.id, folder, name="source")})
        run.final({"val/loss": loss})
        run.end(status)  # type: ignore[arg-type]
        return run.name

    def plan(self, **values: str) -> Plan:
        """Of `blend` with these values."""
        words = " ".join(f"{name}={value}" for name, value in values.items())
        return prepare(request(Given({"NAME": "blend", "SET": words, "SEED": "0"}), self.root), self.root)

    def run(self, said: list[str] | None = None, **values: str) -> Outcome:
        """`blend` executed."""
        return execute(self.plan(**values), self.store, [].append if said is None else said.append)

    def meaning(self, **values: str) -> dict[str, str]:
        """Field -> names of the runs that it refers to."""
        models = with_models(self.plan(**values), self.store).models
        return models.names() if models else {}

    def row(self, name: str) -> RunRow:
        """A run by its name."""
        return self.store.reader.run(name)

    def weights_file(self, name: str) -> Path:
        """The file of a run's model that holds its weights."""
        model = client_of(self.store).get_logged_model(self.row(name).tags["dlcamp.model_id"])
        return next(Path(model.artifact_location.removeprefix("file://")).rglob("weights.json"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    (folder / "package").mkdir()
    save_model(Sum({"a": 1.0}), folder / "model", example={"a": 1.0}, requirements=[], package=folder / "package")
    return folder / "model"


@pytest.fixture
def world(tmp_path: Path, store_home: Path, saved: Path) -> World:
    root = tmp_path / "repository"
    for folder, name, text in (
        ("experiments", "source.py", SOURCE),
        ("experiments", "blend.py", BLEND),
        ("configs", "blend.yaml", YAML),
    ):
        (root / folder / "basics").mkdir(parents=True, exist_ok=True)
        (root / folder / "basics" / name).write_text(text, "utf-8")
    return World(root, open_store(store_home), saved)


def test_one_model_under_all_its_names_is_one_run_that_logs_it_as_its_input(world: World) -> None:
    worse, best = world.source(0, 2.0, 3.0), world.source(1, 1.0, 5.0)
    said: list[str] = []
    first = world.run(said, start="best:source").row
    model = world.row(best).tags["dlcamp.model_id"]
    assert first.metrics["val/sum"] == 5.0
    assert said == [f"start = best:source: {best}, model {model}"]
    logged = {name: first.params[f"start.{name}"] for name in ("run", "run_name", "model", "data")}
    assert logged == {"run": world.row(best).id, "run_name": best, "model": model, "data": "purchases"}
    assert first.params["start.digest"] == client_of(world.store).get_logged_model(model).tags[DIGEST_TAG]
    inputs = client_of(world.store).get_run(first.id).inputs.model_inputs
    assert [one.model_id for one in inputs] == [model]
    parent = world.store.tracker.start("source", "source-ablation-1", {"dlcamp.best_run": world.row(best).id})
    parent.end("FINISHED")
    for same in (
        best,
        parent.name,
        world.row(best).id[:10],
        f"models:/{model}",
        "best:source:seed=1",
        "best:source:rate=1e-1",
    ):
        assert world.run(start=same).row.id == first.id, same
    assert world.run(start=worse).row.id != first.id


def test_best_that_means_another_model_is_another_run_and_explain_says_why(world: World) -> None:
    old = world.source(0, 2.0, 3.0)
    first = world.run(start="best:source")
    better = world.source(1, 1.0, 5.0)
    plan = with_models(world.plan(start="best:source"), world.store)
    assert f"  model: start was {old}, is now {better}" in explain(plan, world.store.reader)
    again = world.run(start="best:source")
    assert (again.cached, again.row.metrics["val/sum"]) == (False, 5.0)
    assert again.row.tags["dlcamp.fingerprint"] != first.row.tags["dlcamp.fingerprint"]


def test_a_tuple_takes_several_and_its_order_counts(world: World) -> None:
    one, two = world.source(0, 2.0, 3.0), world.source(1, 1.0, 5.0)
    row = world.run(members=f"{one},best:source:seed=1,rate=0.1").row
    assert row.metrics["val/sum"] == 8.0
    assert row.params["members.run_name"] == f"{one},{two}"
    assert len(client_of(world.store).get_run(row.id).inputs.model_inputs) == 2
    assert not world.run(members=f"{two},{one}").cached


def test_best_takes_no_smoke_run_no_substitute_no_other_data_and_nothing_unfinished(world: World) -> None:
    world.source(0, 0.1, 1.0, preset="smoke")
    world.source(1, 0.2, 1.0, never_champion="runs with a substituted encoder")
    world.source(2, 0.3, 1.0, substituted="the encoder")
    world.source(3, 0.4, 1.0, data_digest="of another version")
    world.source(4, 0.5, 1.0, data="noisy_digits")
    world.source(5, 0.6, 1.0, unmodelled="yes")
    world.source(6, 0.7, 1.0, status="FAILED")
    world.source(8, 0.8, 1.0, preset="camp")
    with pytest.raises(ConfigError, match="source has no finished run on purchases with a model") as error:
        world.meaning(start="best:source")
    for part in (
        "start = 'best:source' (SET)",
        "1 FAILED",
        "smoke runs",
        "metric (camp)",
        "train it first: make exp NAME=source DATA=",
    ):
        assert part in str(error.value)
    good = world.source(7, 9.0, 1.0)
    assert world.meaning(start="best:source") == {"start": good}


def test_what_means_no_model_is_refused_before_a_run_begins(world: World) -> None:
    name = world.source(0, 1.0, 3.0)
    bare, failed = world.source(1, 1.0, 4.0, unmodelled="yes"), world.source(2, 1.0, 5.0, status="FAILED")
    refused = {
        "source-s0-33": f"did you mean '{name}'",
        "nobody@champion": "unknown registered model",
        "models:/m-1": "there is no model",
        "best:sauce": "did you mean 'source'",
        "best:blend": "blend saves no model",
        "best:source:sed=1": "did you mean 'seed'",
        "best:source:seed=9": "make exp NAME=source DATA=purchases SEED=9",
        bare: "has no model",
        failed: "is FAILED",
    }
    for text, message in refused.items():
        with pytest.raises(ConfigError, match=message) as error:
            world.run(start=text)
        assert str(error.value).startswith(f"start = '{text}' (SET): "), text
    assert world.store.reader.runs("blend") == []
    with pytest.raises(ConfigError, match="nothing was ever run here"):
        with_models(world.plan(start=name), None)
    with pytest.raises(StoreError, match="the store in memory keeps no models"):
        with_models(world.plan(start="models:/m-1"), MemoryTracker())


def test_altered_files_are_refused_before_the_run_and_when_they_are_loaded(world: World) -> None:
    name = world.source(0, 1.0, 3.0)
    plan, file = with_models(world.plan(start=name), world.store), world.weights_file(name)
    file.write_text('{"a": 4.0}', "utf-8")
    with pytest.raises(StoreError, match=f"start = '{name}' .*were altered since they were stored"):
        world.run(start=name)
    assert world.store.reader.runs("blend") == []
    assert plan.models is not None
    with pytest.raises(StoreError, match="were altered"):
        plan.models.predictor(ModelRef(name))
    file.write_text('{"a": 3.0}', "utf-8")
    assert plan.models.predictor(ModelRef(name)).predict([{"a": 2.0}]) == [6.0]


def test_a_body_loads_only_what_its_config_refers_to(world: World) -> None:
    name = world.source(0, 1.0, 3.0)
    with pytest.raises(UserError, match=f"'best:source' is no reference of the config, which names {name}"):
        world.run(start=name, mood="foreign")
    with pytest.raises(UserError, match="no model to load"):
        world.run(mood="foreign")


def test_a_model_of_another_data_set_is_taken_and_said_to_be(world: World) -> None:
    name, said = world.source(0, 1.0, 3.0, data="noisy_digits"), []
    row = world.run(said, start=name).row
    assert row.params["start.data"] == "noisy_digits"
    assert said[0].endswith("trained on noisy_digits")


def test_what_is_made_of_a_model_that_never_becomes_a_champion_never_becomes_one(world: World) -> None:
    names = {
        "made of one of the smoke runs": world.source(0, 1.0, 3.0, preset="smoke"),
        "made of one of the runs with a substituted encoder": world.source(
            1, 1.0, 4.0, never_champion="runs with a substituted encoder"
        ),
        "made of one of the runs with a substituted part": world.source(6, 1.0, 9.0, substituted="the encoder"),
        "made of one of the runs of the course's own recipe": world.source(7, 1.0, 10.0, preset="camp"),
        "made of a model of other data called purchases": world.source(2, 1.0, 5.0, data_digest="of another version"),
    }
    good = world.source(3, 1.0, 6.0)
    for why, name in names.items():
        said: list[str] = []
        row = world.run(said, members=f"{good},{name}").row
        assert row.tags["dlcamp.never_champion"].startswith(f"runs {why}")
        assert f"; what is {why}" in said[1]
    for name in (world.source(4, 1.0, 7.0), world.source(5, 1.0, 8.0, data="noisy_digits", data_digest="its own")):
        assert "dlcamp.never_champion" not in world.run(start=name).row.tags


def test_resume_goes_on_with_the_model_that_the_run_began_with(world: World) -> None:
    old = world.source(0, 2.0, 3.0)
    with pytest.raises(RunInterrupted):
        world.run(start="best:source", mood="stopped")
    world.source(1, 1.0, 5.0)
    begun = world.store.reader.runs("blend")[0]
    row = resume(begun.id, world.store, world.root, lambda line: None).row
    assert (row.id, row.status, row.metrics["val/sum"]) == (begun.id, "FINISHED", 3.0)
    assert row.params["start.run_name"] == old
    inputs = client_of(world.store).get_run(row.id).inputs.model_inputs
    assert [one.model_id for one in inputs] == [world.row(old).tags["dlcamp.model_id"]]


def test_resume_without_the_model_it_began_with_is_refused(world: World) -> None:
    old = world.source(0, 2.0, 3.0)
    with pytest.raises(RunInterrupted):
        world.run(start="best:source", mood="stopped")
    model = world.row(old).tags["dlcamp.model_id"]
    client_of(world.store).delete_logged_model(model)
    world.source(1, 1.0, 5.0)
    begun = world.store.reader.runs("blend")[0]
    with pytest.raises(ConfigError, match=f"found to be {model} before: there is no model"):
        resume(begun.id, world.store, world.root, lambda line: None)


def test_all_runs_of_an_ablation_take_the_models_that_were_found_when_it_began(world: World) -> None:
    world.source(1, 2.0, 3.0)
    ablation, added = ablation_of(Given({"NAME": "blend"}), world.root), []

    def watch(state: object, expected: int) -> None:
        if not added:
            added.append(world.source(2, 1.0, 5.0))

    state = run_ablation(ablation, world.store, Inline(world.store), lambda line: None, watch).state
    sums = {(cell.place.variant, cell.seed): cell.metrics["val/sum"] for cell in state.of("cell")}
    assert sums == {("alone", 0): 3.0, ("all", 0): 6.0}
    assert added, "a better model came while the ablation ran"


def test_the_tracker_in_memory_keeps_each_model_once() -> None:
    tracker = MemoryTracker()
    run = tracker.start("toy", "toy-1")
    run.models(["m-1", "m-2"])
    run.models(["m-2", "m-3"])
    run.end("FINISHED")
    assert tracker.models(run.id) == ["m-1", "m-2", "m-3"]
