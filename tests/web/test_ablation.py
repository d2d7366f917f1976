"""A finished ablation's page, its report, and addresses that lead nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dlcamp.errors import StoreError
from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.protocol import RunRow
from tests.analysis.ablation_store import Ablation
from tests.web.conftest import MLFLOW, add, begin, keep, words


@pytest.fixture
def parent(tracker: MemoryTracker, tmp_path: Path) -> RunRow:
    """Two variants, three seeds, one failure with a hostile error."""
    made = Ablation({"none": 0, "dropout": 0.02}, seeds=3, failed={("none", 2): "<img src=x onerror=alert(1)>"})
    return made.write(tracker, tmp_path)


def test_the_page_holds_the_reports_table_and_figures(client: TestClient, parent: RunRow) -> None:
    page = client.get(f"/ablations/{parent.id}").text
    assert "Mean difference to none with 95 % intervals" in words(page)
    assert 'data-figure="figure-0"' in page
    for heading in ("Claims", "Results", "Learning curves", "Cost", "How to reproduce this"):
        assert f"<h2>{heading}" in page
    assert f"{MLFLOW}/#/runs/{parent.id}" in page
    assert page.count("<main>") == page.count("</main>") == 1


def test_text_of_runs_is_escaped(client: TestClient, parent: RunRow) -> None:
    page = client.get(f"/ablations/{parent.id}").text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_scripts_come_from_files_and_plotly_only_once(client: TestClient, parent: RunRow) -> None:
    page = client.get(f"/ablations/{parent.id}").text
    assert len(page) < 500_000
    assert page.count("/static/plotly-") == 1


def test_a_name_or_the_beginning_of_an_id_leads_to_the_page(client: TestClient, parent: RunRow) -> None:
    for word in (parent.name, parent.id[:8]):
        assert client.get(f"/ablations/{word}", follow_redirects=False).headers["location"] == f"/ablations/{parent.id}"


def test_a_page_is_made_once_as_long_as_nothing_changes(
    client: TestClient, tracker: MemoryTracker, parent: RunRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(f"/ablations/{parent.id}").text
    monkeypatch.setattr("dlcamp.analysis.study.assemble", None)
    assert client.get(f"/ablations/{parent.id}").text == first
    tracker.resume(parent.id).end("KILLED")
    assert client.get(f"/ablations/{parent.id}").status_code == 500


def test_the_logged_report_is_served_apart_from_the_dashboard(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path, parent: RunRow
) -> None:
    assert "The report, one file" not in client.get(f"/ablations/{parent.id}").text
    keep(tracker, parent.id, tmp_path, "report.html", "<!doctype html><script>1</script>")
    tracker.resume(parent.id).end("FINISHED")
    assert "The report, one file" in client.get(f"/ablations/{parent.id}").text
    answer = client.get(f"/ablations/{parent.id}/report.html")
    assert answer.text.startswith("<!doctype html>")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in answer.headers["Content-Security-Policy"]


def test_known_files_only_are_served(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path, parent: RunRow
) -> None:
    keep(tracker, parent.id, tmp_path, "secret.html", "no")
    tracker.resume(parent.id).end("FINISHED")
    assert client.get(f"/ablations/{parent.id}/cells.json").json()[0]["variant"] == "none"
    for name in ("secret.html", "provenance.json", "..%2fsecret.html", "report.html", "nothing"):
        answer = client.get(f"/ablations/{parent.id}/{name}")
        assert answer.status_code == 404, name


def test_an_ablation_that_was_stopped_says_how_to_go_on(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    row = begin(tracker, tmp_path, error="RunFailed: <b>all</b>")
    tracker.resume(row.id).end("FAILED")
    page = client.get(f"/ablations/{row.id}").text
    assert "It ended failed" in words(page)
    assert "make exp NAME=regularizers" in words(page)
    assert "<b>all</b>" not in page


def test_an_ablation_of_an_experiment_that_is_gone_is_still_shown(
    client: TestClient, parent: RunRow, root: Path
) -> None:
    (root / "experiments/deep_networks/regularizers.py").unlink()
    assert "Results" in client.get(f"/ablations/{parent.id}").text


def test_data_that_differ_are_refused_in_words(client: TestClient, tracker: MemoryTracker, tmp_path: Path) -> None:
    row = Ablation({"none": 0, "dropout": 0.02}).write(tracker, tmp_path)
    child = json.loads(tracker.fetch(row.id, "cells.json").read_text("utf-8"))[0]["run"]
    tracker._runs[child].tags["dlcamp.data_digest"] = "sha256:other"
    assert "cannot be compared" in words(client.get(f"/ablations/{row.id}").text)


def test_a_single_run_has_no_page_and_a_cell_leads_to_its_ablation(
    client: TestClient, tracker: MemoryTracker, parent: RunRow
) -> None:
    run = add(tracker)
    answer = client.get(f"/ablations/{run}")
    assert answer.status_code == 404
    assert "is one run of regularizers, not an ablation" in words(answer.text)
    assert f"{MLFLOW}/#/runs/{run}" in answer.text
    cell = next(row for row in tracker.runs(tags={"dlcamp.kind": "cell"}))
    assert f'href="/ablations/{parent.id}"' in client.get(f"/ablations/{cell.id}").text


@pytest.mark.parametrize("run", ["nothing", "0" * 32, "%3Cscript%3E", "x" * 1000, "..%2f..%2fetc"])
def test_an_unknown_run_is_a_page_that_says_what_to_do(client: TestClient, run: str, parent: RunRow) -> None:
    answer = client.get(f"/ablations/{run}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert "All experiments" in answer.text


def test_errors_of_the_json_are_json(client: TestClient) -> None:
    answer = client.get("/ablations/nothing/live.json")
    assert answer.status_code == 404
    assert "unknown run" in answer.json()["error"]


def test_a_store_that_does_not_answer_and_a_mistake_of_ours_are_pages(
    client: TestClient, tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StoreError("the server at http://store is away")

    monkeypatch.setattr(tracker, "runs", broken)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "the server at http://store is away" in words(answer.text)
    monkeypatch.setattr(tracker, "runs", None)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "make ui" in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
