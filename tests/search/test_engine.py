"""run_search(): what a study holds, how it goes on, what stops it, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from dlcamp.ablation import cell
from dlcamp.analysis.searched import Searched
from dlcamp.errors import ConfigError, Refusal, RunFailed, RunInterrupted, StoreError, UnknownName, UserError
from dlcamp.launch.inline import Inline
from dlcamp.search.doctor import settle_stale, stale_trials
from dlcamp.search.engine import SearchOutcome, run_search
from dlcamp.search.space import trial_seed
from dlcamp.tracking import MemoryTracker
from tests.search.toy import asked, toy_repository


@pytest.fixture
def root(tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "mark"))
    return toy_repository(tmp_path / "repository")


@pytest.fixture
def store() -> MemoryTracker:
    return MemoryTracker()


def made(root: Path, store: MemoryTracker, said: list[str] | None = None, **variables: str) -> SearchOutcome:
    lines = said if said is not None else []
    return run_search(asked(root, **variables), store, Inline(store), lines.append, lambda progress: None)


def bodies(root: Path) -> list[str]:
    mark = root.parent / "mark"
    lines = mark.read_text().splitlines() if mark.exists() else []
    mark.unlink(missing_ok=True)
    return lines


def test_a_search_is_a_parent_with_a_child_a_trial_linked_both_ways(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store)
    children = {row.tags["dlcamp.trial"]: row for row in store.runs("toy", tags={"dlcamp.parent": outcome.row.id})}
    assert sorted(children, key=int) == [str(number) for number in range(6)]
    for trial in outcome.found.trials:
        row = children[str(trial.number)]
        assert trial.run == row.id
        assert row.params["seed"] == str(trial.seed) == str(trial_seed(0, trial.number))
        assert row.params["x"] == str(trial.values["x"])
        assert row.tags["dlcamp.kind"] == "trial"
    assert outcome.row.status == "FINISHED"
    assert outcome.row.tags["dlcamp.kind"] == "search"
    assert {"search.json", "summary.txt", "report.html"} <= set(store.artifacts(outcome.row.id))


def test_trial_0_is_the_defaults_though_one_lies_outside_of_its_range(root: Path, store: MemoryTracker) -> None:
    first = made(root, store, TRIALS="1").found.trials[0]
    assert first.defaults
    assert first.values == {"x": 0.9, "size": 10, "mode": "plain", "decay": 0.0}
    assert store.run(first.run).params["decay"] == "0.0"


def test_trials_is_the_total_and_the_same_command_runs_only_what_is_missing(root: Path, store: MemoryTracker) -> None:
    made(root, store, TRIALS="3")
    assert len(bodies(root)) == 3
    again = made(root, store, TRIALS="5")
    assert len(bodies(root)) == 2
    assert [trial.number for trial in again.found.trials] == list(range(5))
    assert again.ended == 2
    assert len(store.runs("toy", tags={"dlcamp.kind": "search"})) == 1


def test_a_study_in_two_sessions_proposes_what_it_would_have_in_one(root: Path, store: MemoryTracker) -> None:
    made(root, store, TRIALS="7", SEED="3")
    whole = made(root, store, TRIALS="14", SEED="3").found
    (Path(whole.journal)).rename(root.parent / "kept")
    once = made(root, store, TRIALS="14", SEED="3").found
    assert [trial.values for trial in once.trials] == [trial.values for trial in whole.trials]
    other = made(root, store, TRIALS="14", SEED="4").found
    assert other.journal != once.journal
    assert other.trials[5].values != once.trials[5].values


def test_a_changed_space_or_fixed_value_is_another_study(root: Path, store: MemoryTracker) -> None:
    journals = {
        Path(made(root, store, TRIALS="1", **more).found.journal).name
        for more in ({}, {"SPACE": "x"}, {"SET": "size=12"}, {"OBJECTIVES": "cost/parameters"}, {"PRESET": "slow"})
    }
    assert len(journals) == 5


def test_the_yaml_says_what_is_usual_and_a_preset_and_variables_say_otherwise(root: Path) -> None:
    path = root / "configs" / "basics" / "toy.yaml"
    path.write_text(
        "search: {trials: 9, sampler: random, space: [x, size]}\n"
        + path.read_text()
        + "  brief: {search: {trials: 3}}\n"
    )
    usual = asked(root, TRIALS="")
    assert (usual.total, usual.sampler, list(usual.space.spaces)) == (9, "random", ["x", "size"])
    assert asked(root, TRIALS="", PRESET="brief").total == 3
    other = asked(root, TRIALS="4", ENGINE="keras_tuner", SPACE="x")
    assert (other.total, other.sampler, list(other.space.spaces)) == (4, "bayesian", ["x"])


def test_set_fixes_and_space_searches_a_part(root: Path) -> None:
    assert list(asked(root, SET="size=12 x=0.5").space.spaces) == ["mode", "decay"]
    assert list(asked(root, SPACE="x,mode").space.spaces) == ["x", "mode"]
    with pytest.raises(ConfigError, match="SPACE searches x and SET fixes it"):
        asked(root, SPACE="x", SET="x=0.5")


def test_trials_have_what_fields_declare_of_trials_unless_set_says_otherwise(root: Path, store: MemoryTracker) -> None:
    search = asked(root)
    assert search.space.fixed["tested"] is False
    assert search.space.resolved({"x": 0.5}, 0).config.tested, "a run of its own, as a replication and PRESET=best are"
    assert asked(root, SET="tested=no").digest == search.digest
    assert asked(root, SET="tested=yes").digest != search.digest
    found = made(root, store, TRIALS="1").found.trials[0]
    assert not [name for name in store.run(found.run).metrics if name.startswith("test/")]
    found = made(root, store, TRIALS="1", SET="tested=yes").found.trials[0]
    assert "test/score" in store.run(found.run).metrics


def test_the_end_and_the_page_say_how_often_test_was_scored(root: Path, store: MemoryTracker) -> None:
    assert made(root, store, TRIALS="2").found.scorings == ""
    outcome = made(root, store, TRIALS="3", SET="tested=yes")
    assert (
        outcome.found.scorings
        == "test of purchases was scored for 3 configurations of toy so far (3 runs in this store)"
    )
    for name in ("summary.txt", "report.html"):
        assert "scored for 3 configurations of toy" in store.fetch(outcome.row.id, name).read_text("utf-8")


def test_a_failing_trial_keeps_its_traceback_and_the_study_goes_on(root: Path, store: MemoryTracker) -> None:
    said: list[str] = []
    found = made(root, store, said, SET="fails=1", TRIALS="5").found
    assert [trial.status for trial in found.trials] == ["FINISHED", "FAILED", "FINISHED", "FINISHED", "FINISHED"]
    assert "the cause" in found.trials[1].error
    assert "ValueError" in store.fetch(found.trials[1].run, "traceback.txt").read_text()
    assert any("trial 1 FAILED" in line for line in said)


@pytest.mark.parametrize("preset", ["hopeless", "varied"])
def test_three_failures_in_a_row_stop_the_study_and_show_the_cause(
    root: Path, store: MemoryTracker, preset: str
) -> None:
    with pytest.raises(RunFailed, match="three trials") as caught:
        made(root, store, PRESET=preset, TRIALS="20")
    assert "the cause" in str(caught.value)
    (parent,) = store.runs("toy", tags={"dlcamp.kind": "search"})
    assert parent.status == "FAILED"
    assert len(bodies(root)) == 3


def test_after_a_stop_and_a_mending_the_same_command_tries_the_defaults_again(root: Path, store: MemoryTracker) -> None:
    with pytest.raises(RunFailed):
        made(root, store, PRESET="hopeless", TRIALS="20")
    module = root / "experiments" / "basics" / "toy.py"
    module.write_text(module.read_text().replace('raise ValueError(f"the cause', 'str(f"the cause'), "utf-8")
    cell.load_once.cache_clear()  # what a new worker process begins with
    cell._PLANS.clear()
    found = made(root, store, PRESET="hopeless", TRIALS="6").found
    assert [trial.status for trial in found.trials] == ["FAILED"] * 3 + ["FINISHED"] * 3
    assert found.trials[3].defaults


def test_changed_code_is_refused_with_the_changes_and_continue_tags_the_trials(
    root: Path, store: MemoryTracker
) -> None:
    made(root, store, TRIALS="3")
    module = root / "experiments" / "basics" / "toy.py"
    module.write_text(module.read_text().replace("0.001", "0.002"), "utf-8")
    with pytest.raises(Refusal, match=r"code: experiments\.basics\.toy changed") as caught:
        made(root, store, TRIALS="5")
    assert "CONTINUE=1" in str(caught.value)
    found = made(root, store, TRIALS="5", CONTINUE="1").found
    assert [trial.changed for trial in found.trials] == [False] * 3 + [True] * 2
    assert "toy changed" in store.run(found.trials[4].run).tags["dlcamp.continued"]
    module.write_text(module.read_text() + "\n# a remark\n", "utf-8")
    with pytest.raises(Refusal):
        made(root, store, TRIALS="6")


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruned_trials_are_tagged_and_keep_their_curve(root: Path, store: MemoryTracker, pruner: str) -> None:
    found = made(root, store, TRIALS="20", PRESET="slow", PRUNER=pruner).found
    pruned = [trial for trial in found.trials if trial.status == "PRUNED"]
    assert pruned
    for trial in pruned:
        row = store.run(trial.run)
        assert (row.status, row.tags["dlcamp.state"]) == ("KILLED", "PRUNED")
        curve = [(point.step, point.value) for point in store.history(row.id, "val/score")]
        assert curve == list(trial.curve)
        assert 0 < len(curve) < 8
    assert made(root, store, TRIALS="20", PRESET="slow", PRUNER="none").ended == 0


def test_without_a_pruner_every_trial_runs_to_its_end(root: Path, store: MemoryTracker) -> None:
    found = made(root, store, TRIALS="12", PRESET="slow", PRUNER="none").found
    assert {trial.status for trial in found.trials} == {"FINISHED"}
    assert {len(trial.curve) for trial in found.trials} == {8}


def test_several_objectives_give_a_front(root: Path, store: MemoryTracker) -> None:
    found = made(root, store, TRIALS="12", OBJECTIVES="val/score:max,cost/parameters:min").found
    front = found.front()
    assert front
    for trial in found.trials:
        assert any(t.objectives[0] >= trial.objectives[0] and t.objectives[1] <= trial.objectives[1] for t in front)
    assert set(found.importances) == {"val/score", "cost/parameters"}
    with pytest.raises(UserError, match="goes by one objective"):
        asked(root, OBJECTIVES="val/score,cost/parameters", PRUNER="median")


def test_grid_goes_through_choices_once_and_ends(root: Path, store: MemoryTracker) -> None:
    said: list[str] = []
    found = made(root, store, said, SAMPLER="grid", SPACE="mode", TRIALS="9").found
    assert sorted(trial.values["mode"] for trial in found.trials) == ["fine", "plain", "rough"]
    assert any("nothing more to propose" in line for line in said)
    with pytest.raises(UserError, match="SPACE=mode"):
        asked(root, SAMPLER="grid")


def test_an_interrupted_search_is_killed_and_the_same_command_goes_on(
    root: Path, store: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_STOP", str(trial_seed(0, 2)))
    with pytest.raises(RunInterrupted, match="2 trials are kept"):
        made(root, store, PRUNER="none")
    (parent,) = store.runs("toy", tags={"dlcamp.kind": "search"})
    assert parent.status == "KILLED"
    monkeypatch.delenv("TOY_STOP")
    found = made(root, store, PRUNER="none").found
    assert [trial.status for trial in found.trials] == ["FINISHED"] * 6
    assert found.trials[2].attempts == 2
    assert len(store.runs("toy", tags={"dlcamp.kind": "trial"})) == 6


def test_the_record_reads_back(root: Path, store: MemoryTracker) -> None:
    outcome = made(root, store)
    kept = json.loads(store.fetch(outcome.row.id, "search.json").read_text())
    assert json.loads(json.dumps(Searched.from_json(kept).to_json())) == kept


def test_an_unknown_objective_stops_after_the_first_trial_and_names_what_there_is(
    root: Path, store: MemoryTracker
) -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'val/score'"):
        made(root, store, OBJECTIVES="val/scor:max")
    assert len(bodies(root)) == 1


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SAMPLER": "tpee"}, "did you mean 'tpe'"),
        ({"SAMPLER": "gp"}, "PyTorch"),
        ({"PRUNER": "medium"}, "did you mean 'median'"),
        ({"OBJECTIVES": "test/score:max"}, "choosing by test data is not allowed"),
        ({"OBJECTIVES": "val/loss"}, "val/loss:max or val/loss:min"),
        ({"OBJECTIVES": "score:max"}, "must be a val/ metric or a cost/"),
        ({"OBJECTIVES": "val/score:best"}, "direction is max or min"),
        ({"OBJECTIVES": "val/score,val/score:min"}, "names val/score twice"),
        ({"SPACE": "y"}, "unknown parameter of toy's space 'y'"),
        ({"SPACE": "fails"}, "a field without a space"),
        ({"SET": "x=1 size=10 mode=plain decay=0.1"}, "a space of one point"),
        ({"SPACE": "mode", "SET": "mode=plain"}, "SPACE searches mode and SET fixes it"),
        ({"TRIALS": "0"}, "TRIALS='0'"),
        ({"TRIALS": "many"}, "TRIALS='many'"),
        ({"ENGINE": "hyperopt"}, "unknown engine"),
        ({"TUNER": "hyperband"}, "belongs to ENGINE=keras_tuner"),
        ({"ENGINE": "keras_tuner", "SAMPLER": "tpe"}, "belongs to ENGINE=optuna"),
        ({"SEED": "-1"}, "SEED='-1'"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_written(
    root: Path, variables: dict[str, str], message: str
) -> None:
    if variables == {"SAMPLER": "gp"} and importlib.util.find_spec("torch"):
        pytest.skip("PyTorch is installed")
    with pytest.raises(UserError, match=message):
        asked(root, **variables)
    assert not (root.parent / "home" / "mlruns" / "studies").exists()


@pytest.mark.parametrize("content", [b"not a journal\n", b'{"a": 1}\n', b'{"op_code": 0', b"[]\n", b"\x00\xff\n"])
def test_a_corrupt_journal_is_refused_and_kept(root: Path, store: MemoryTracker, content: bytes) -> None:
    path = asked(root).path
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="corrupt: line 1"):
        made(root, store)
    assert path.read_bytes() == content
    assert not store.runs("toy")


def test_records_that_optuna_cannot_replay_are_refused_and_kept(root: Path, store: MemoryTracker) -> None:
    path = Path(made(root, store, TRIALS="1").found.journal)
    content = path.read_bytes() + b'{"op_code": 99}\n'
    path.write_bytes(content)
    with pytest.raises(StoreError, match="corrupt: Optuna cannot replay it"):
        made(root, store)
    assert path.read_bytes() == content
    assert len(stale_trials()[1]) == 1


def test_a_read_only_journal_is_refused_and_kept(root: Path, store: MemoryTracker) -> None:
    path = Path(made(root, store, TRIALS="1").found.journal)
    content = path.read_bytes()
    path.chmod(0o444)
    with pytest.raises(StoreError, match="cannot be written"):
        made(root, store, TRIALS="2")
    assert path.read_bytes() == content


def test_a_trial_that_a_kill_left_with_values_and_no_note_gets_its_seed(root: Path, store: MemoryTracker) -> None:
    made(root, store, TRIALS="2")
    search = asked(root, TRIALS="3")
    journal = search.journal()
    from dlcamp.search.translate import distributions

    number = journal.study.ask(distributions(search.space.spaces)).number
    trial = made(root, store, TRIALS="3").found.trials[number]
    assert (trial.status, trial.seed, trial.sampler) == ("FINISHED", trial_seed(0, number), "tpe")


def test_a_journal_of_another_study_is_refused_and_kept(root: Path, store: MemoryTracker) -> None:
    other = Path(made(root, store, TRIALS="2", SPACE="x").found.journal)
    path = asked(root).path
    path.write_bytes(other.read_bytes())
    with pytest.raises(StoreError, match="holds another study"):
        made(root, store)
    assert path.read_bytes() == other.read_bytes()


def test_a_torn_last_line_is_cut_off_and_kept_aside(root: Path, store: MemoryTracker) -> None:
    path = Path(made(root, store, TRIALS="2").found.journal)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"wor')
    assert [trial.number for trial in made(root, store, TRIALS="3").found.trials] == [0, 1, 2]
    (aside,) = path.parent.glob("*.torn-*")
    assert aside.read_bytes() == whole + b'{"op_code":4,"wor'


def test_two_sessions_of_one_study_do_not_run_at_once(root: Path, store: MemoryTracker) -> None:
    from dlcamp.search.journal_file import locked

    with locked(asked(root).path) as held:
        assert held
        with pytest.raises(UserError, match="another process runs this search"):
            made(root, store)


def test_trials_that_a_dead_process_left_running_are_settled_by_doctor(root: Path, store: MemoryTracker) -> None:
    search = asked(root)
    made(root, store, TRIALS="2")
    journal = search.journal()
    number = journal.study.ask().number
    assert stale_trials() == ([], [])  # this process, which lives, holds the lease
    lease = json.loads(journal.get("lease"))
    journal.put("lease", json.dumps({**lease, "started": 0.0}))
    (stale,), wrong = stale_trials()
    assert (stale.number, wrong) == (number, [])
    assert settle_stale(store, [stale]) == [stale]
    assert journal.trial(number).status == "WAITING"
    assert stale_trials() == ([], [])
    assert [trial.status for trial in made(root, store, TRIALS="4").found.trials] == ["FINISHED"] * 4
