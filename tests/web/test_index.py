"""The first page, and an experiment's page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dlcamp.analysis.claims_file import remember
from dlcamp.registry.browse import Held, Version
from dlcamp.tracking import MemoryTracker
from tests.analysis.ablation_store import Ablation
from tests.web.conftest import MLFLOW, add, begin, keep, state, words

CLAIMS = json.dumps([["dropout beats none", "supported"]])


def test_an_empty_store_shows_the_experiments_and_says_what_to_do(client: TestClient) -> None:
    page = words(client.get("/").text)
    assert "regularizers 3.4 Regularisation no run yet Does any regulariser beat none?" in page
    assert "make exp NAME=" in page
    assert "make register NAME=" in page


def test_an_experiment_shows_its_runs_the_newest_and_its_verdicts(client: TestClient, tracker: MemoryTracker) -> None:
    add(tracker, claims=CLAIMS)
    add(tracker, seed=1, status="FAILED")
    page = words(client.get("/").text)
    assert "2 runs · failed just now" in page
    assert "✓ 1 supported noisy_digits" in page


def test_verdicts_of_a_smoke_run_are_not_shown(client: TestClient, tracker: MemoryTracker) -> None:
    add(tracker, claims=CLAIMS, preset="smoke")
    assert "supported" not in words(client.get("/").text)


def test_verdicts_of_runs_that_are_gone_are_remembered(client: TestClient) -> None:
    remember("regularizers", "mnist", "paper", "r", [["dropout beats none", "refuted"]])
    assert "✗ 1 refuted mnist paper" in words(client.get("/").text)


def test_an_experiment_whose_file_is_gone_is_still_there(client: TestClient, tracker: MemoryTracker) -> None:
    add(tracker, "forgotten")
    assert "only in the store forgotten 1 run" in words(client.get("/").text)
    assert client.get("/experiments/forgotten").status_code == 200


def test_a_broken_file_hides_no_other(client: TestClient, root: Path) -> None:
    (root / "experiments/deep_networks/broken.py").write_text("def (", "utf-8")
    page = words(client.get("/").text)
    assert "Left out:" in page
    assert "broken.py" in page
    assert "Does any regulariser" in page


def test_a_running_ablation_stands_at_the_top_with_how_far_it_is(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    keep(tracker, begin(tracker, tmp_path).id, tmp_path, "cells.json", json.dumps(state(1)["cells"]))
    page = words(client.get("/").text)
    assert page.index("running now") < page.index("Experiments 0 runs")
    assert "1 of 4 runs done" in page


def test_champions_are_listed_with_their_value(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    version = Version("3", "abc", 0.0, ("champion",), "", (), "maximize val/accuracy", 0.98)
    one = Held("regularizers-mnist", "regularizers", "mnist", (version,))
    monkeypatch.setattr("dlcamp.web.champions.held_models", lambda store: [one])
    page = client.get("/").text
    assert "version 3 · val/accuracy 0.98" in words(page)
    assert f"{MLFLOW}/#/models/regularizers-mnist/versions/3" in page


def test_a_failed_run_shows_its_error_escaped_and_a_smoke_run_is_marked(
    client: TestClient, tracker: MemoryTracker
) -> None:
    failed = add(tracker, status="FAILED", error="NaN loss <script>alert(1)</script>")
    add(tracker, seed=1, preset="smoke")
    page = client.get("/experiments/regularizers").text
    assert "NaN loss &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert f"{MLFLOW}/#/runs/{failed}" in page
    assert 'class="preset smoke"' in page
    assert "regularizers-s0" in words(client.get("/experiments/regularizers?kind=failed").text)
    assert "regularizers-s1" not in words(client.get("/experiments/regularizers?kind=failed").text)


def test_the_page_shows_question_claims_and_metrics_as_declared(client: TestClient, tracker: MemoryTracker) -> None:
    add(tracker, claims=CLAIMS, seed=2)
    answer = client.get("/experiments/regularizers").text
    page = words(answer)
    assert "<code>any</code> regulariser" in answer
    assert "✓ supported dropout beats none on noisy_digits" in page
    assert "would be refuted by: its difference is not above 0" in page
    assert "test/accuracy, % val/accuracy, %" in page
    assert "92.00 80.00" in page


def test_ablations_are_listed_with_their_runs(client: TestClient, tracker: MemoryTracker, tmp_path: Path) -> None:
    row = Ablation({"none": 0, "dropout": 0.02}, seeds=3, failed={("dropout", 1): "NaN loss"}).write(tracker, tmp_path)
    page = client.get("/experiments/regularizers").text
    assert f"/ablations/{row.id}" in page
    assert "regularizers-ablation noisy_digits finished 5/6 1 failed" in words(page)


def test_runs_past_the_first_are_shown_when_asked_for(client: TestClient, tracker: MemoryTracker) -> None:
    for seed in range(70):
        add(tracker, seed=seed)
    first, every = (words(client.get(f"/experiments/regularizers{more}").text) for more in ("", "?all=1"))
    assert "60 of 70 runs" in first
    assert (first.count("regularizers-s"), every.count("regularizers-s")) == (60, 70)


def test_a_file_that_does_not_import_is_said_and_its_runs_are_shown(
    client: TestClient, tracker: MemoryTracker, root: Path
) -> None:
    path = root / "experiments/deep_networks/regularizers.py"
    path.write_text(path.read_text("utf-8").replace("class Config", "1 / 0\n\n\nclass Config"), "utf-8")
    add(tracker)
    page = words(client.get("/experiments/regularizers").text)
    assert "does not import" in page
    assert "regularizers-s0" in page


@pytest.mark.parametrize("name", ["regularisers", "x" * 300, "<script>"])
def test_an_unknown_experiment_is_a_page_that_says_what_to_do(client: TestClient, name: str) -> None:
    answer = client.get(f"/experiments/{name}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert "All experiments" in answer.text
