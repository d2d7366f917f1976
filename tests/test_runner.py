"""execute(): cache, explain, promises, failures, interruption, resume; on the in-memory store."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.errors import BrokenPromise, RunFailed, RunInterrupted, UnknownName, UserError
from dlcamp.runner import Outcome, Plan, execute, explain, prepare, resume
from dlcamp.tracking import MemoryTracker

MODULE = '''"""Does it run?"""
import os, signal, time
from dlcamp import Claim, ExperimentConfig, Int, experiment, maximize, tune

class Config(ExperimentConfig):
    epochs: int = tune(2, valid=Int(1, 9))
    mood: str = "well"

@experiment(config=Config, data=["purchases"], objective=maximize("val/accuracy"),
            claims=[Claim("it is high", "it is low", lambda m: "supported" if m["val/accuracy"] > 0.5 else "refuted")])
def toy(config, data, run):
    start = 1
    mark = run.folder / "checkpoint"
    if mark.exists():
        start = int(mark.read_text()) + 1
    for epoch in range(start, config.epochs + 1):
        run.metrics({"train/loss": 1.0 / epoch}, step=epoch)
        run.flush()
        mark.write_text(str(epoch))
        if config.mood == "stopped" and epoch == 1 and not run.resumed:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        if config.mood == "interrupted":
            raise KeyboardInterrupt
    print("said by the body")
    if config.mood == "ill":
        raise ValueError("the cause")
    if config.mood == "forgetful":
        return {"test/accuracy": 1.0}
    return {"val/accuracy": float("nan") if config.mood == "nan" else 0.75}
'''


@pytest.fixture
def root(tmp_path: Path, fresh_home: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "experiments" / "basics").mkdir(parents=True)
    (folder / "experiments" / "basics" / "toy.py").write_text(MODULE, "utf-8")
    return folder


@pytest.fixture
def store() -> MemoryTracker:
    return MemoryTracker()


def plan_of(root: Path, **variables: str) -> Plan:
    return prepare(request(Given({"NAME": "toy", **variables}), root), root)


def run_of(root: Path, store: MemoryTracker, **variables: str) -> Outcome:
    return execute(plan_of(root, **variables), store, lambda line: None)


def test_a_run_keeps_params_metrics_tags_and_what_the_body_said(root: Path, store: MemoryTracker) -> None:
    outcome = run_of(root, store, NOTE="why", TAGS="try,wide", SEED="3")
    row = outcome.row
    assert row.status == "FINISHED"
    assert row.params["seed"] == "3"
    assert row.metrics["val/accuracy"] == 0.75
    assert row.metrics["cost/seconds"] >= 0
    assert row.tags["mlflow.note.content"] == "why"
    assert row.tags["dlcamp.label.wide"] == "yes"
    assert json.loads(row.tags["dlcamp.origins"]) == {"seed": "SEED"}
    assert json.loads(row.tags["dlcamp.claims"]) == [["it is high", "supported"]]
    assert [point.step for point in store.history(row.id, "train/loss")] == [1, 2]
    assert "said by the body" in store.fetch(row.id, "output.log").read_text("utf-8")
    assert row.name.startswith("toy-s3-")


def test_the_same_request_again_comes_from_the_cache_and_force_runs_it(root: Path, store: MemoryTracker) -> None:
    first = run_of(root, store)
    again = run_of(root, store)
    forced = run_of(root, store, FORCE="1")
    assert (again.cached, again.row.id) == (True, first.row.id)
    assert not forced.cached
    assert forced.row.id != first.row.id


def test_a_change_of_config_or_code_is_another_run_and_can_be_explained(root: Path, store: MemoryTracker) -> None:
    run_of(root, store)
    assert "nothing changed" in explain(plan_of(root), store)[0]
    assert any("epochs 2 -> 3" in line for line in explain(plan_of(root, SET="epochs=3"), store))
    path = root / "experiments" / "basics" / "toy.py"
    path.write_text(MODULE.replace('print("said by the body")', 'print("a new word")'), "utf-8")
    assert explain(plan_of(root), store)[1:] == ["  code: experiments.basics.toy changed"]
    assert not run_of(root, store).cached


def test_an_edit_of_words_keeps_the_cache(root: Path, store: MemoryTracker) -> None:
    run_of(root, store)
    path = root / "experiments" / "basics" / "toy.py"
    path.write_text(MODULE.replace("Does it run?", "Does it still run?") + "\n# a remark\n", "utf-8")
    assert run_of(root, store).cached


def test_an_exception_ends_the_run_failed_with_its_traceback(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunFailed, match="the cause"):
        run_of(root, store, SET="mood=ill")
    (row,) = store.runs("toy")
    assert row.status == "FAILED"
    assert "ValueError: the cause" in store.fetch(row.id, "traceback.txt").read_text("utf-8")
    assert "said by the body" in store.fetch(row.id, "output.log").read_text("utf-8")
    assert not run_of(root, store).cached


@pytest.mark.parametrize(("mood", "said"), [("forgetful", "promised val/accuracy"), ("nan", "not finite")])
def test_a_broken_promise_ends_the_run_failed(root: Path, store: MemoryTracker, mood: str, said: str) -> None:
    with pytest.raises(BrokenPromise, match=said):
        run_of(root, store, SET=f"mood={mood}")
    assert store.runs("toy")[0].status == "FAILED"


@pytest.mark.parametrize(("mood", "code"), [("stopped", 143), ("interrupted", 130)])
def test_a_signal_ends_the_run_killed_with_what_was_logged(
    root: Path, store: MemoryTracker, mood: str, code: int
) -> None:
    with pytest.raises(RunInterrupted, match="RESUME=") as caught:
        run_of(root, store, SET=f"mood={mood}")
    assert caught.value.exit_code == code
    (row,) = store.runs("toy")
    assert row.status == "KILLED"
    assert [point.step for point in store.history(row.id, "train/loss")] == [1]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_killed_run_goes_on_as_the_same_run_without_doubled_steps(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunInterrupted):
        run_of(root, store, SET="mood=stopped epochs=4")
    killed = store.runs("toy")[0]
    outcome = resume(killed.name, store, root, lambda line: None)
    assert outcome.row.id == killed.id
    assert outcome.row.status == "FINISHED"
    assert [point.step for point in store.history(killed.id, "train/loss")] == [1, 2, 3, 4]


def test_resume_refuses_what_cannot_be_resumed(root: Path, store: MemoryTracker) -> None:
    finished = run_of(root, store).row
    with pytest.raises(UserError, match="is FINISHED"):
        resume(finished.id, store, root, lambda line: None)
    with pytest.raises(RunInterrupted):
        run_of(root, store, SET="mood=stopped")
    path = root / "experiments" / "basics" / "toy.py"
    path.write_text(MODULE.replace("1.0 / epoch", "2.0 / epoch"), "utf-8")
    with pytest.raises(UserError, match=r"(?s)cannot be resumed exactly.*code: experiments.basics.toy changed"):
        resume(store.runs("toy")[0].id, store, root, lambda line: None)
    with pytest.raises(UnknownName):
        resume("no-such-run", store, root, lambda line: None)


def test_two_at_once_run_one_and_the_second_takes_it_from_the_cache(root: Path, store: MemoryTracker) -> None:
    outcomes: list[Outcome] = []
    plans = [plan_of(root), plan_of(root)]
    threads = [
        threading.Thread(target=lambda plan=plan: outcomes.append(execute(plan, store, lambda line: None)))
        for plan in plans
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.cached for outcome in outcomes) == [False, True]
    assert len(store.runs("toy")) == 1


def test_a_data_set_the_experiment_does_not_run_on_is_refused_before_anything_is_written(
    root: Path, store: MemoryTracker
) -> None:
    with pytest.raises(UnknownName, match="did you mean 'purchases'"):
        plan_of(root, DATA="purchase")
    assert not store.runs()
    assert not list(Path(os.environ["DLCAMP_HOME"]).iterdir())


def test_a_forced_resume_after_a_change_is_never_taken_for_an_exact_result(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunInterrupted):
        run_of(root, store, SET="mood=stopped")
    path = root / "experiments" / "basics" / "toy.py"
    path.write_text(MODULE.replace("1.0 / epoch", "2.0 / epoch"), "utf-8")
    mixed = resume(store.runs("toy")[0].id, store, root, lambda line: None, force=True).row
    assert mixed.status == "FINISHED"
    assert mixed.tags["dlcamp.fingerprint"].startswith("mixed:")
    path.write_text(MODULE, "utf-8")
    with pytest.raises(RunInterrupted):
        run_of(root, store, SET="mood=stopped")


def test_resuming_adds_its_provenance_and_keeps_the_first(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunInterrupted):
        run_of(root, store, SET="mood=stopped")
    row = resume(store.runs("toy")[0].id, store, root, lambda line: None).row
    files = store.artifacts(row.id)
    assert "provenance.json" in files
    assert any(name.startswith("resumed/") and name.endswith("provenance.json") for name in files)
    assert json.loads(store.fetch(row.id, "config_origins.json").read_text("utf-8"))["mood"] == "SET"
