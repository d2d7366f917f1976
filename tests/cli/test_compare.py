"""`compare`, over runs in memory, in MLflow's store, and over none."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow
import pytest
from pyarrow import parquet

from dlcamp.cli.commands import Given
from dlcamp.cli.compare import compared, run
from dlcamp.errors import Refusal, UnknownName, UserError
from dlcamp.paths import REPOSITORY
from dlcamp.tracking import MemoryTracker, open_store
from dlcamp.tracking.protocol import Tracker

Ended = Literal["FINISHED", "FAILED", "KILLED"]
MODULE = '''"""Does b beat a?"""
from dlcamp import Claim, Comparison, Contrast, ExperimentConfig, experiment, maximize

class Config(ExperimentConfig):
    """Nothing."""

@experiment(
    config=Config,
    data=["digits"],
    objective=maximize("val/accuracy"),
    claims=[Claim("b beats a", "b does not", contrasts=[Contrast("b", "a")])],
    compare=Comparison(
        "test/accuracy",
        baseline="a",
        smallest_interesting=0.01,
        shown=["test/loss"],
        items={"test/accuracy": "correct"},
    ),
)
def asked(config, data, run):
    return {"val/accuracy": 1.0}
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one experiment, `asked`, with the variants b, a and c in its yaml."""
    folder = tmp_path / "repository"
    (folder / "experiments/basics").mkdir(parents=True)
    (folder / "configs/basics").mkdir(parents=True)
    (folder / "experiments/basics/asked.py").write_text(MODULE, "utf-8")
    (folder / "configs/basics/asked.yaml").write_text("variants: {b: {}, a: {}, c: {}}\nseeds: 3\n", "utf-8")
    return folder


def add(
    tracker: Tracker,
    experiment: str,
    variant: str,
    values: Sequence[float],
    *,
    metric: str = "test/accuracy",
    status: Ended = "FINISHED",
    tags: Mapping[str, str] | None = None,
    predictions: Path | None = None,
) -> None:
    """A run a seed, all with the same predictions."""
    for seed, value in enumerate(values):
        own = {
            "dlcamp.kind": "cell" if variant else "run",
            "dlcamp.variant": variant,
            "dlcamp.data": "digits",
            "dlcamp.data_digest": "sha256:1",
            "dlcamp.git_commit": "c" * 40,
        }
        one = tracker.start(experiment, f"{experiment}-{variant}-s{seed}", own | dict(tags or {}))
        one.params({"seed": seed, "epochs": 3})
        one.metrics({metric: value})
        if predictions is not None:
            one.artifact(predictions)
        one.end(status)


A, B = (0.90, 0.91, 0.92, 0.90, 0.91), (0.95, 0.97, 0.97, 0.96, 0.96)


@pytest.fixture
def tracker() -> MemoryTracker:
    made = MemoryTracker()
    add(made, "asked", "a", A)
    add(made, "asked", "b", B)
    return made


def ask(root: Path, tracker: MemoryTracker, form: str = "json", **variables: str) -> str:
    names = variables.setdefault("NAMES", "asked").split(",")
    return compared(names, Given(variables), root, tracker, form)


def asked_json(root: Path, tracker: MemoryTracker, **variables: str) -> dict:
    return json.loads(ask(root, tracker, **variables))


def groups(text: str) -> dict[str, dict[str, str]]:
    """The lines of a CSV about groups, by label."""
    return {row["label"]: row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "group"}


def contrasts(text: str) -> list[dict[str, str]]:
    return [row for row in csv.DictReader(io.StringIO(text)) if row["kind"] == "contrast"]


def test_the_variants_of_one_experiment_are_compared_with_its_declared_baseline(
    root: Path, tracker: MemoryTracker
) -> None:
    text = ask(root, tracker, "csv")
    assert list(groups(text)) == ["b", "a"]
    assert groups(text)["a"]["n"] == "5"
    (one,) = contrasts(text)
    assert one["label"] == "b - a"
    assert one["verdict"] == "better"
    assert float(one["estimate"]) == pytest.approx(0.054)


def right(folder: Path, share: float, items: int = 200) -> Path:
    """Predictions of which the first so many are right."""
    folder.mkdir()
    rows = [{"item": f"i{number}", "correct": int(number < share * items)} for number in range(items)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "predictions.parquet")
    return folder / "predictions.parquet"


def test_one_seed_is_compared_over_the_items_that_both_have(root: Path, tracker: MemoryTracker, tmp_path: Path) -> None:
    assert " items, " not in ask(root, tracker, "table")
    tracker = MemoryTracker()
    for variant, share in (("a", 0.9), ("b", 0.95)):
        add(tracker, "asked", variant, (share,), predictions=right(tmp_path / variant, share))
    text = ask(root, tracker, "table")
    assert "over 200 items, 1 seed: b − a +0.0500 [+0.01" in text


def test_its_claims_are_judged_where_all_they_need_is_compared(root: Path, tracker: MemoryTracker) -> None:
    assert [claim["verdict"] for claim in asked_json(root, tracker)["claims"]] == ["supported"]
    add(tracker, "asked", "c", A)
    assert asked_json(root, tracker, VARIANT="a,c")["claims"] == []


def test_experiments_are_compared_with_the_first_and_less_of_a_loss_is_better(root: Path) -> None:
    tracker = MemoryTracker()
    add(tracker, "first", "", A, metric="test/loss")
    add(tracker, "second", "", B, metric="test/loss")
    add(tracker, "asked", "b", B, metric="test/loss")
    text = ask(root, tracker, "csv", NAMES="first,second,asked:b", METRIC="test/loss")
    assert list(groups(text)) == ["first", "second", "asked:b"]
    assert [(one["label"], one["verdict"]) for one in contrasts(text)] == [
        ("second - first", "worse"), ("asked:b - first", "worse"),
    ]  # fmt: skip


def test_the_newest_finished_run_of_a_seed_counts_and_failures_are_counted(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "a", [0.1], status="FAILED")
    add(tracker, "asked", "a", [0.5, 0.5, 0.5, 0.5, 0.5])
    add(tracker, "asked", "b", [0.0] * 6, status="FAILED")
    rows = groups(ask(root, tracker, "csv"))
    assert float(rows["a"]["estimate"]) == 0.5
    assert (rows["b"]["n"], rows["b"]["failed"]) == ("5", "1")


def test_trials_parents_and_smoke_runs_do_not_count_unless_smoke_is_asked_for(
    root: Path, tracker: MemoryTracker
) -> None:
    add(tracker, "asked", "a", [0.0] * 9, tags={"dlcamp.kind": "trial"})
    add(tracker, "asked", "", [0.0] * 9, tags={"dlcamp.kind": "ablation"})
    add(tracker, "asked", "a", [0.3, 0.3], tags={"dlcamp.preset": "smoke"})
    assert groups(ask(root, tracker, "csv"))["a"]["n"] == "5"
    smoke = groups(ask(root, tracker, "csv", PRESET="smoke"))
    assert list(smoke) == ["a"]
    assert float(smoke["a"]["estimate"]) == 0.3


def test_presets_are_never_mixed_and_what_is_left_out_is_said(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "a", [0.2, 0.2], tags={"dlcamp.preset": "size"})
    found = asked_json(root, tracker)
    assert "asked: runs without a preset; left out: those under size (PRESET=...)" in found["notes"]
    assert {one["n"] for one in found["variants"]} == {5}
    with pytest.raises(UserError, match=r"preset size: FINISHED \(2\)"):
        ask(root, tracker, PRESET="large")


def test_another_digest_of_the_data_is_refused_with_the_runs_named(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "c", A, tags={"dlcamp.data_digest": "sha256:2"})
    with pytest.raises(Refusal) as refused:
        ask(root, tracker)
    assert "sha256:1" in str(refused.value)
    assert "sha256:2" in str(refused.value)
    assert "asked-c-s0" in str(refused.value)


def test_other_data_are_refused_and_data_picks_one_of_them(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "c", A, tags={"dlcamp.data": "mnist", "dlcamp.data_digest": "sha256:2"})
    with pytest.raises(Refusal, match="DATA="):
        ask(root, tracker)
    assert list(groups(ask(root, tracker, "csv", DATA="digits"))) == ["b", "a"]
    with pytest.raises(UserError, match=r"mnist: FINISHED \(5\)"):
        ask(root, tracker, DATA="fashion")


def test_several_commits_and_configs_are_warned_about(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "c", A, tags={"dlcamp.git_commit": "d" * 40})
    one = tracker.start("asked", "by-hand", {"dlcamp.kind": "cell", "dlcamp.variant": "c", "dlcamp.data": "digits",
                                             "dlcamp.data_digest": "sha256:1"})  # fmt: skip
    one.params({"seed": 9, "epochs": 1})
    one.metrics({"test/accuracy": 0.5})
    one.end("FINISHED")
    found = asked_json(root, tracker)
    assert any("commit" in line for line in found["warnings"])
    assert "c: runs differ in more than the seed, epochs is 1 (1), 3 (5)" in found["notes"]


def plain_runs(tracker: Tracker, experiment: str, values: Sequence[float]) -> None:
    """Runs as another program writes them."""
    for value in values:
        one = tracker.start(experiment, "clever-name-1")
        one.metrics({"accuracy": value})
        one.end("FINISHED")


@pytest.mark.parametrize("form", ["table", "csv", "latex", "json"])
def test_runs_that_dlcamp_did_not_write_are_compared_and_marked_in_every_format(root: Path, form: str) -> None:
    tracker = MemoryTracker()
    plain_runs(tracker, "old_net", A)
    plain_runs(tracker, "new_net", B)
    text = ask(root, tracker, form, NAMES="new_net,old_net", METRIC="accuracy")
    assert "unverified data" in text
    assert "old_net" in text.replace("\\_", "_")


def test_a_metric_that_some_runs_lack_leaves_those_out_by_name(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "c", [0.9, 0.8])
    add(tracker, "asked", "c", [0.0] * 3, metric="test/other", tags={"dlcamp.preset": ""})
    found = asked_json(root, tracker)
    assert any("asked-c-s2" in line for line in found["notes"])
    assert {one["variant"] for one in found["variants"]} >= {"a", "b"}


def test_a_metric_that_no_run_has_is_an_error_with_the_nearest(root: Path, tracker: MemoryTracker) -> None:
    with pytest.raises(UnknownName, match="did you mean 'test/accuracy'"):
        ask(root, tracker, METRIC="test/acuracy")


def test_without_a_declaration_the_metric_must_be_named(root: Path) -> None:
    tracker = MemoryTracker()
    plain_runs(tracker, "old_net", A)
    with pytest.raises(UnknownName, match="known: accuracy"):
        ask(root, tracker, NAMES="old_net")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("askd", "did you mean 'asked'"),
        ("asked:d", "known: a, b, c"),
        ("asked:c", "make exp NAME=asked VARIANT=c SEEDS=5"),
        ("askd:a", "did you mean 'asked'"),
    ],
)
def test_a_name_that_nothing_answers_to_gets_the_nearest(
    names: str, said: str, root: Path, tracker: MemoryTracker
) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        ask(root, tracker, NAMES=names)


def test_single_runs_do_not_mix_with_the_variants_of_an_ablation(root: Path, tracker: MemoryTracker) -> None:
    add(tracker, "asked", "", [0.1, 0.2])
    found = asked_json(root, tracker)
    assert {one["variant"] for one in found["variants"]} == {"a", "b"}
    assert "asked: 2 runs that belong to no ablation are left out" in found["notes"]


def test_one_group_is_shown_though_there_is_nothing_to_compare_it_with(root: Path, tracker: MemoryTracker) -> None:
    text = ask(root, tracker, "table", NAMES="asked:a")
    assert "nothing to compare it with" in text


def test_a_store_that_does_not_exist_says_how_to_make_runs_and_is_not_made(root: Path, fresh_home: Path) -> None:
    with pytest.raises(UserError, match="make exp NAME=asked SEEDS=5"):
        run(Given({"NAMES": "asked"}), root)
    with pytest.raises(UnknownName, match="did you mean 'purchase_odds'"):
        run(Given({"NAMES": "purchase_ods"}), REPOSITORY)
    assert not list(fresh_home.iterdir())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"NAMES": "asked", "FORMAT": "tex"}, "did you mean 'latex'"),
        ({"NAMES": ","}, "names nothing"),
        ({"NAMES": "asked,asked"}, "twice"),
    ],
)
def test_what_cannot_be_asked_ends_before_the_store_is_opened(
    variables: dict[str, str], said: str, root: Path, fresh_home: Path
) -> None:
    with pytest.raises(UserError, match=said):
        run(Given(variables), root)


def test_a_machine_format_is_all_that_goes_to_stdout(
    root: Path, store_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = open_store().tracker
    add(tracker, "asked", "a", A[:3])
    add(tracker, "asked", "b", B[:3], tags={"dlcamp.git_commit": "d" * 40})
    assert run(Given({"NAMES": "asked", "FORMAT": "json"}), root) == 0
    shown = capsys.readouterr()
    assert {one["variant"] for one in json.loads(shown.out)["variants"]} == {"a", "b"}
    assert "commit" in shown.err
    assert run(Given({"NAMES": "asked"}), root) == 0
    shown = capsys.readouterr()
    assert "b - a" in shown.out
    assert shown.err == ""


def test_runs_of_plain_mlflow_in_the_same_store_are_compared(
    root: Path, store_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = open_store().client
    for name, values in (("their nets: wide", A[:3]), ("their_nets", B[:3])):
        experiment = client.create_experiment(name)
        for value in values:
            made = client.create_run(experiment).info.run_id
            client.log_metric(made, "acc", value)
            client.set_terminated(made)
    assert run(Given({"NAMES": "their nets: wide,their_nets", "METRIC": "acc", "FORMAT": "csv"}), root) == 0
    shown = capsys.readouterr()
    assert list(groups(shown.out)) == ["their nets: wide", "their_nets"]
    assert groups(shown.out)["their_nets"]["n"] == "3"
    assert "unverified data" in shown.err
