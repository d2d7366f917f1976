"""Identical, within tolerance, or different, and where first: config, data, environment, metric and step."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlcamp.reproduce.causes import config, environment, fingerprint_parts
from dlcamp.reproduce.difference import Difference, close, same
from dlcamp.reproduce.recorded import Recorded
from dlcamp.reproduce.results import Compared, compare, is_timed
from dlcamp.reproduce.verdict import Verdict, cause_lines, lines
from dlcamp.tracking import ActiveRun, MemoryTracker, open_store
from dlcamp.tracking.handle import PREDICTIONS
from dlcamp.tracking.models import MODEL_TAG, log_model, save_model
from dlcamp.tracking.protocol import RunRow, Store
from tests.tracking.tiny_predictors import Sum

CURVES = {"train/loss": [1.0, 0.5, 0.25], "val/loss": [2.0, 1.0, math.nan], "cost/seconds": [1.0]}
ROWS = [{"item": "a.jpg", "output": "a dog", "score": 0.5}, {"item": "b.jpg", "output": "a cat", "score": 0.25}]


def logged(
    store: Store, folder: Path, curves: Mapping[str, Sequence[float]], rows: Sequence[Mapping[str, Any]]
) -> RunRow:
    """A finished run; its metrics are logged epoch by epoch."""
    run = ActiveRun(store.tracker.start("steady", f"steady-{len(store.reader.runs())}"), folder)
    for epoch in range(max(map(len, curves.values()))):
        run.metrics({name: values[epoch] for name, values in curves.items() if epoch < len(values)}, epoch + 1)
    if rows:
        run.predictions(rows)
    run.end("FINISHED")
    return store.reader.run(run.id)


def verdict_of(
    folder: Path,
    curves: Mapping[str, Sequence[float]] | None = None,
    rows: Sequence[Mapping[str, Any]] = ROWS,
    causes: Sequence[Difference] = (),
    tolerance: float = 1e-6,
) -> Verdict:
    """The verdict of CURVES and ROWS against others."""
    store = MemoryTracker()
    before = logged(store, folder, CURVES, ROWS)
    now = logged(store, folder, {**CURVES, **(curves or {})}, rows)
    return between(store, before, now, causes, tolerance)


def between(
    store: Store, before: RunRow, now: RunRow, causes: Sequence[Difference] = (), tolerance: float = 1e-6
) -> Verdict:
    """The verdict of two runs."""
    of = Recorded(before, "c" * 40, None, {}, {}, {}, {})
    return Verdict(of, now, tuple(causes), compare(store, before, now, tolerance), tolerance)


def test_equal_histories_and_predictions_are_identical_whatever_it_took(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, {"cost/seconds": [99.0]})
    assert (verdict.word, verdict.first) == ("identical", None)
    assert (verdict.compared.metrics, verdict.compared.values, verdict.compared.items) == (2, 6, 2)
    shown = "\n".join(lines(verdict))
    assert "bit for bit: 2 metrics (6 values), 2 predictions" in shown
    assert "cost/seconds" in shown


def test_the_first_difference_is_the_earliest_in_time_with_both_values(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, {"train/loss": [1.0, 0.5, 0.3], "val/loss": [2.0, 1.1, math.nan]})
    assert verdict.word == "different"
    assert verdict.first is not None
    assert str(verdict.first) == "val/loss at step 2: 1.0 then, 1.1 now (relative 9.1e-02)"
    assert "first            metric: val/loss at step 2" in "\n".join(lines(verdict))
    assert "2 metrics beyond a relative 1e-06" in lines(verdict)[0]


def test_small_differences_are_within_the_tolerance_and_their_first_is_named(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, {"train/loss": [1.0, 0.5 * (1 + 1e-8), 0.25]})
    assert verdict.word == "within tolerance"
    assert "train/loss at step 2" in str(verdict.first)
    assert verdict_of(tmp_path, {"train/loss": [1.0, 0.5 * (1 + 1e-8), 0.25]}, tolerance=0).word == "different"
    grown = verdict_of(tmp_path, {"train/loss": [1.0, 0.5 * (1 + 1e-8), 0.26]})
    assert grown.word == "different"
    shown = "\n".join(lines(grown))
    assert "first            metric: train/loss at step 2" in shown
    assert "in the results   metric: train/loss at step 3" in shown


@pytest.mark.parametrize(
    ("curve", "what", "now"),
    [
        ([1.0, 0.5], "train/loss at step 3", "nothing"),
        ([1.0, 0.5, 0.25, 0.1], "train/loss at step 4", "0.1 at step 4"),
    ],
)
def test_a_history_that_ends_elsewhere_is_different(tmp_path: Path, curve: list[float], what: str, now: str) -> None:
    verdict = verdict_of(tmp_path, {"train/loss": curve})
    assert verdict.word == "different"
    assert verdict.first is not None
    assert (verdict.first.what, verdict.first.now) == (what, now)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([ROWS[0], {**ROWS[1], "output": "a cow"}], "row 2 ('b.jpg'), output"),
        ([ROWS[0], {**ROWS[1], "score": 0.26}], "row 2 ('b.jpg'), score"),
        (ROWS[:1], "rows"),
        ([{"item": "a.jpg", "output": "a dog"}, {"item": "b.jpg", "output": "a cat"}], "columns"),
        ([], "predictions.parquet"),
    ],
)
def test_predictions_are_compared_item_by_item(tmp_path: Path, rows: Sequence[Mapping[str, Any]], what: str) -> None:
    verdict = verdict_of(tmp_path, rows=rows)
    assert verdict.word == "different"
    assert verdict.first is not None
    assert (verdict.first.part, verdict.first.what) == ("predictions", what)


def test_other_packages_with_equal_results_are_said_and_harmless(tmp_path: Path) -> None:
    causes = environment({"packages": {"keras": "3.1"}}, {"packages": {"keras": "3.2"}})
    harmless = verdict_of(tmp_path, causes=causes)
    assert harmless.word == "identical"
    assert "on another environment" in lines(harmless)[0]
    harmful = verdict_of(tmp_path, {"train/loss": [1.0, 0.6, 0.25]}, causes=causes)
    shown = "\n".join(lines(harmful))
    assert "first            environment: keras: 3.1 then, 3.2 now" in shown
    assert "in the results   metric: train/loss at step 2" in shown
    assert "git show cccccccccccc:requirements.lock" in shown
    record = json.loads(json.dumps(harmful.record()))
    assert (record["first"]["part"], record["verdict"]) == ("environment", "different")


def test_a_models_files_count_only_where_the_numbers_are_equal(tmp_path: Path) -> None:
    files = Difference("model", "files", "1" * 32, "2" * 32)
    close_by = Difference("metric", "train/loss at step 2", "0.5", "0.50000001", within=True)
    base = verdict_of(tmp_path)
    assert Verdict(base.recorded, base.again, (), Compared((files,), model=True), 1e-6).word == "different"
    assert (
        Verdict(base.recorded, base.again, (), Compared((close_by, files), model=True), 1e-6).word == "within tolerance"
    )


def test_a_model_that_only_one_of_both_has_is_different_however_close_the_numbers(tmp_path: Path) -> None:
    for tags in ([{MODEL_TAG: "m-1"}, {}], [{}, {MODEL_TAG: "m-1"}]):
        store = MemoryTracker()
        before, now = (
            replace(logged(store, tmp_path, curves, ROWS), tags=found)
            for curves, found in zip(
                (CURVES, {**CURVES, "train/loss": [1.0, 0.5 * (1 + 1e-8), 0.25]}), tags, strict=True
            )
        )
        verdict = between(store, before, now)
        assert verdict.word == "different"
        texts = [(one.before, one.now) for one in verdict.compared.differences if one.part == "model"]
        assert texts == [("there", "none") if tags[0] else ("none", "there")]


def test_a_model_of_the_original_that_is_gone_is_said_and_one_of_the_reproduction_is_different(
    tmp_path: Path, store_home: Path
) -> None:
    store = open_store()
    before, now = (logged(store, tmp_path, CURVES, ROWS) for _ in range(2))
    save_model(Sum({"x": 1.0}), tmp_path / "sum", example={"x": 1.0}, requirements=[])
    model = log_model(store, before.id, tmp_path / "sum", name="toy")
    there, gone = {MODEL_TAG: model}, {MODEL_TAG: "m-" + "0" * 32}
    lost = between(store, replace(before, tags=gone), replace(now, tags=there))
    assert lost.word == "identical in what could be compared"
    shown = lines(lost)
    assert "bit for bit" not in shown[0]
    assert shown[1].startswith("not compared     the model of the original is gone or damaged")
    made = between(store, replace(before, tags=there), replace(now, tags=gone))
    assert (made.word, made.compared.differences[0].before) == ("different", "there")
    assert between(store, replace(before, tags=there), replace(now, tags=there)).word == "identical"


def test_predictions_that_cannot_be_read_are_said_of_the_original_and_different_of_the_reproduction(
    tmp_path: Path,
) -> None:
    store = MemoryTracker()
    good, bad = logged(store, tmp_path, CURVES, ROWS), logged(store, tmp_path, CURVES, [])
    (tmp_path / PREDICTIONS).write_bytes(b"PAR1 cut off")
    store.resume(bad.id).artifact(tmp_path / PREDICTIONS)
    assert between(store, bad, good).word == "identical in what could be compared"
    assert "predictions.parquet of the original cannot be read" in lines(between(store, bad, good))[1]
    made = between(store, good, bad)
    assert made.word == "different"
    assert made.first is not None
    assert "unreadable" in made.first.now


def test_nothing_compared_proves_nothing(tmp_path: Path) -> None:
    store = MemoryTracker()
    before, now = (logged(store, tmp_path, {"cost/seconds": [1.0]}, []) for _ in range(2))
    verdict = between(store, before, now)
    assert (verdict.word, verdict.first) == ("different", None)
    assert "nothing of steady-0 could be compared" in lines(verdict)[0]
    assert json.dumps(verdict.record())


def test_other_data_is_a_difference_that_nothing_was_run_for(tmp_path: Path) -> None:
    data = fingerprint_parts({"data": "scenes:1"}, {"data": "scenes:2"})
    verdict = Verdict(verdict_of(tmp_path).recorded, None, tuple(data), Compared(), 1e-6)
    assert verdict.word == "different"
    shown = "\n".join(lines(verdict))
    assert "was not run again" in shown
    assert "first            data: data set scenes: 1 then, 2 now" in shown


def test_causes_come_in_order_and_what_changes_numbers_comes_first() -> None:
    before = {
        "python": "3.11.1",
        "cpu": "A",
        "usable_cores": 4,
        "platform": "x",
        "packages": {"Zope": "1", "numpy": "1"},
    }
    now = {"python": "3.11.2", "cpu": "B", "usable_cores": 2, "platform": "y", "packages": {"ruff": "1", "numpy": "2"}}
    found = environment(before, now)
    assert [one.what for one in found] == [
        "numpy", "python", "processor", "usable processors", "ruff", "zope", "system"
    ]  # fmt: skip
    assert len(cause_lines(found)) == 7
    assert cause_lines(found)[-1].strip() == "and 1 more (reproduction.json)"
    assert environment(before, {**before, "usable_cores": 16}) == []
    assert environment({"packages": {"scikit_learn": "1"}}, {"packages": {"scikit-learn": "1"}}) == []


def test_config_code_inputs_and_switches_are_named() -> None:
    assert [one.what for one in config({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}})] == ["a.b", "c"]
    before = {"data": "d:1", "code": {"m": "1", "n": "1"}, "inputs": {"start": "x"}, "environment": {"numpy": "1"}}
    now = {"data": "d:1", "code": {"m": "2", "n": "1"}, "inputs": {}, "environment": {"numpy": "2", "XLA_FLAGS": "-a"}}
    found = [(one.part, one.what) for one in fingerprint_parts(before, now)]
    assert found == [("data", "start"), ("code", "m"), ("environment", "XLA_FLAGS")]


def test_values_are_close_by_their_own_size() -> None:
    assert same([math.nan, "a", None], [math.nan, "a", None])
    assert close([1.0, {"x": 2.0}], [1.0 + 1e-9, {"x": 2.0}], 1e-6)
    assert not close(1e-20, 2e-20 + 1e-14, 1e-6)
    assert close(4.4e-16, 0.0, 1e-6)  # what two equal doubles about one differ by
    assert not close(3, 4, 0.5)
    assert not close(math.inf, 1.0, 1e-6)
    assert not close(0.5, None, 1e-6)


def test_times_are_told_from_results_by_their_names() -> None:
    timed = ("cost/seconds", "cost/anything", "latency/slowest_ms", "seconds", "test/images_per_second")
    assert all(map(is_timed, timed))
    assert not any(map(is_timed, ("cost/parameters", "test/bleu_1", "val/mse", "item", "train/loss")))
