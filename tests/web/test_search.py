"""Searches in the dashboard: on the first page, on an experiment's page, and each on a page of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dlcamp.ablation.state import live_file
from dlcamp.analysis.searched import Searched
from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.lease import LEASE_TAG
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.search_live import SHOWN, search_live
from tests.analysis.ablation_store import Ablation
from tests.analysis.made_searches import made
from tests.web.conftest import MLFLOW, add, begin, keep, words
from tests.web.test_live import write

COMMAND = "make search NAME=regularizers TRIALS=6"


def search(tracker: MemoryTracker, objectives: str = "maximize val/accuracy", **tags: str) -> RunRow:
    """The parent of a search that runs."""
    parent = tracker.start("regularizers", "regularizers-search-5f2c", {"dlcamp.kind": "search"})
    parent.tags({"dlcamp.command": COMMAND, "dlcamp.data": "noisy_digits"})
    parent.tags({f"dlcamp.{name}": value for name, value in tags.items()})
    parent.params({"objectives": objectives, "space/units": "16 to 512", "space/optimizer": "adam, sgd"})
    return tracker.run(parent.id)


def trial(tracker: MemoryTracker, parent: RunRow, number: int, status: str = "FINISHED", **tags: str) -> str:
    """One trial's run; its id."""
    tags = {"dlcamp.kind": "trial", "dlcamp.trial": str(number)} | {f"dlcamp.{k}": v for k, v in tags.items()}
    run = tracker.start("regularizers", f"regularizers-t{number}", tags, parent.id)
    run.params({"seed": 1000 + number, "units": 16 * (number + 1), "optimizer": "adam"})
    if status == "PRUNED":
        run.tags({"dlcamp.state": "PRUNED"})
    if status == "FINISHED":
        run.final({"val/accuracy": 0.9 + number / 100, "test/accuracy": 0.5})
    if status != "RUNNING":
        run.end("KILLED" if status == "PRUNED" else status)  # type: ignore[arg-type]
    return run.id


def live_state(*statuses: str, **more: Any) -> dict[str, Any]:
    """What a search says of itself while it runs."""
    trials = [
        {"number": number, "status": status, "run": f"r{number}", "values": {"units": 16, "optimizer": "<b>"}}
        | {"objectives": [0.9 + number / 100] if status == "FINISHED" else []}
        | {"seconds": None if status == "RUNNING" else 2.0}
        for number, status in enumerate(statuses)
    ]
    told = {"kind": "search", "metric": "val/accuracy", "direction": "maximize", "eta_seconds": 8.0, "total": 6}
    return told | {"workers": 1, "trials": trials} | more


def finished(tracker: MemoryTracker, scratch: Path, record: Searched | None = None) -> RunRow:
    """A search that has ended with its record and its report."""
    row = search(tracker)
    record = record or made(30, run=row.id)
    keep(tracker, row.id, scratch, "search.json", json.dumps(record.to_json()))
    keep(tracker, row.id, scratch, "report.html", "<!doctype html><script>1</script>")
    parent = tracker.resume(row.id)
    counts = {"finished": "FINISHED", "pruned": "PRUNED", "failed": "FAILED"}
    parent.metrics({f"search/{word}": float(record.count(status)) for word, status in counts.items()}, 30)  # type: ignore[arg-type]
    parent.metrics({"search/best": record.ranked()[0].objectives[0]}, 30)
    parent.end("FINISHED")
    return tracker.run(row.id)


def test_the_live_page_shows_trials_the_best_and_the_time_left(client: TestClient, tracker: MemoryTracker) -> None:
    row = search(tracker)
    write(row.id, live_state("FINISHED", "PRUNED", "FINISHED", "FAILED", "RUNNING"))
    page = client.get(f"/searches/{row.id}").text
    told = words(page)
    assert "2 of 6 trials finished, 1 pruned, 1 failed" in told
    assert "time left about 8.0 s" in told
    assert "best so far val/accuracy 92.00 % (trial 2)" in told
    assert "trial state val/accuracy, % units optimizer took 4 running 16 <b> 3 failed 16 <b> 2.0 s 2 best" in told
    assert "<b></td>" not in page.replace("<b></b>", "")
    assert f"{MLFLOW}/#/runs/r4" in page


def test_the_json_says_the_same(client: TestClient, tracker: MemoryTracker) -> None:
    row = search(tracker)
    write(row.id, live_state("FINISHED", "RUNNING"))
    found = client.get(f"/searches/{row.id}/live.json").json()
    assert (found["done"], found["running"], found["all"], found["ended"]) == (1, 1, 6, False)
    assert found["summary"] == "1 of 6 trials finished"
    assert [(line["number"], line["state"], line["best"]) for line in found["rows"]] == [
        (1, "running", False),
        (0, "finished", True),
    ]


def test_without_a_live_file_the_runs_of_the_trials_are_asked(tracker: MemoryTracker) -> None:
    row = search(tracker)
    for number, status in enumerate(["FINISHED", "FINISHED", "PRUNED", "FAILED", "RUNNING"]):
        trial(tracker, row, number, status)
    trial(tracker, search(tracker), 9)
    live = search_live(tracker, row)
    assert (live.done, live.pruned, live.failed, live.running) == (2, 1, 1, 1)
    assert live.best == "val/accuracy 91.00 % (trial 1)"
    assert live.rows[1].values == ("64", "adam")


def test_of_a_trial_that_was_tried_again_the_newest_run_counts(tracker: MemoryTracker) -> None:
    row = search(tracker)
    trial(tracker, row, 0, "FAILED")
    trial(tracker, row, 0)
    assert (search_live(tracker, row).done, search_live(tracker, row).failed) == (1, 0)


def test_a_long_study_shows_its_newest_trials_its_best_and_all_counts(tracker: MemoryTracker) -> None:
    row = search(tracker)
    now = live_state("FINISHED", *["PRUNED"] * 60, total=2000, settled=1061)
    write(row.id, now)
    live = search_live(tracker, row)
    assert [line.number for line in live.rows] == [0, *range(60, 60 - SHOWN, -1)]
    assert (live.settled, live.all) == (1061, 2000)
    counts = {"FINISHED": 700, "PRUNED": 350, "FAILED": 11, "RUNNING": 0}
    write(row.id, now | {"counts": counts, "best": {"number": 33, "value": 0.97}})
    live = search_live(tracker, row)
    assert (live.done, live.pruned, live.failed, live.best) == (700, 350, 11, "val/accuracy 97.00 % (trial 33)")


def test_less_is_better_where_it_is_minimized_and_every_objective_has_a_column(tracker: MemoryTracker) -> None:
    row = search(tracker, "minimize val/loss, maximize val/accuracy")
    write(row.id, live_state("FINISHED", "FINISHED"))
    assert search_live(tracker, row).best == "val/loss 0.9 (trial 0)"
    assert search_live(tracker, row).metrics == ("val/loss", "val/accuracy, %")


def test_a_live_file_that_is_half_written_or_odd_breaks_nothing(client: TestClient, tracker: MemoryTracker) -> None:
    row = search(tracker)
    odd: list[object] = [{"number": "1"}, None, {"number": 1, "status": "LOST"}, {"number": 2, "status": "FINISHED"}]
    for content in (
        '{"trials": [',
        "[]",
        {"trials": {"done": 1}},
        {"trials": odd, "total": "x", "best": 3, "counts": 1},
    ):
        write(row.id, content)
        assert client.get(f"/searches/{row.id}").status_code == 200
        assert search_live(tracker, row).all <= 1


def test_a_search_that_has_only_just_begun_says_so(client: TestClient, tracker: MemoryTracker) -> None:
    page = words(client.get(f"/searches/{search(tracker).id}").text)
    assert "no trial has begun" in page
    assert "best so far no trial has finished" in page


def test_a_search_whose_process_is_gone_is_stale_and_says_how_to_go_on(
    client: TestClient, tracker: MemoryTracker
) -> None:
    row = search(tracker)
    lease = json.loads(row.tags[LEASE_TAG]) | {"pid": 2**22 + 1}
    tracker._runs[row.id].tags[LEASE_TAG] = json.dumps(lease)
    write(row.id, live_state("FINISHED", "RUNNING"))
    page = words(client.get(f"/searches/{row.id}").text)
    assert f"its process {2**22 + 1} is gone" in page
    assert COMMAND in page
    found = client.get(f"/searches/{row.id}/live.json").json()
    assert (found["running"], found["left"]) == (0, "")


def test_the_first_page_shows_a_running_search_and_the_latest(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    record = made(30)
    done, row = finished(tracker, tmp_path, record), search(tracker)
    write(row.id, live_state("FINISHED", "RUNNING"))
    page = client.get("/").text
    told = words(page)
    assert told.index("search running now") < told.index("Latest ablations and searches")
    assert "1 of 6 trials finished about 8.0 s left best so far: val/accuracy 90.00 % (trial 0)" in told
    assert f'data-live="/searches/{row.id}/live.json"' in page
    assert f'href="/searches/{done.id}"' in page
    count = [record.count(status) for status in ("FINISHED", "PRUNED", "FAILED")]
    assert "{} of 30 trials, {} pruned, {} failed · best".format(*count) in told


def test_searches_and_their_trials_are_not_mixed_up_with_those_of_ablations(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    begin(tracker, tmp_path)
    row = search(tracker)
    run = trial(tracker, row, 3)
    trial(tracker, row, 4, "PRUNED")
    add(tracker, kind="trial", seed=1000)
    add(tracker, kind="replication")
    add(tracker, kind="replicate", seed=2)
    page = words(client.get("/experiments/regularizers").text)
    assert "Searches search on state trials best trial when regularizers-search-5f2c noisy_digits running" in page
    assert "all 4 tuning trials 1 search trials 2 replicates 1" in page
    assert "regularizers-t4 pruned trial 4" in page
    assert "4 runs · running" not in words(client.get("/").text)
    only = words(client.get("/experiments/regularizers?kind=trial").text)
    assert ("regularizers-s1000" in only, "regularizers-t3" in only) == (True, False)
    only = words(client.get("/experiments/regularizers?kind=searched").text)
    assert ("regularizers-s1000" in only, "regularizers-t3" in only) == (False, True)
    assert "None of this kind" in words(client.get("/experiments/regularizers?kind=failed").text)
    answer = client.get(f"/ablations/{run}")
    assert answer.status_code == 404
    assert f'href="/searches/{row.id}"' in answer.text
    assert "its search" in words(answer.text)


def test_a_replication_has_the_page_of_an_ablation(client: TestClient, tracker: MemoryTracker, tmp_path: Path) -> None:
    row = Ablation({"defaults": 0, "trial 12": 0.02}, seeds=3).write(tracker, tmp_path)
    tracker._runs[row.id].tags["dlcamp.kind"] = "replication"
    assert "trial 12" in words(client.get(f"/ablations/{row.id}").text)
    assert "replication" in words(client.get("/").text)


def test_a_page_asked_for_as_the_other_kind_or_by_name_is_found(client: TestClient, tracker: MemoryTracker) -> None:
    row = search(tracker)
    for path in (f"/ablations/{row.id}", f"/searches/{row.name}", f"/searches/{row.id[:8]}"):
        answer = client.get(path, follow_redirects=False)
        assert answer.headers["location"] == f"/searches/{row.id}"
    for path in (f"/ablations/{row.id}/live.json", f"/searches/{add(tracker)}", "/searches/nothing"):
        assert client.get(path).status_code == 404


def test_a_finished_search_shows_its_report_and_all_its_trials_the_best_first(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    pytest.importorskip("dlcamp.analysis.search_report")
    record = made(60)
    row = finished(tracker, tmp_path, record)
    page = client.get(f"/searches/{row.id}").text
    assert page.count("<main>") == page.count("</main>") == 1
    assert page.count("/static/plotly-") == 1
    assert len(page) < 2_000_000
    best = record.ranked()[0]
    table = words(page).partition("All trials 60 trials, the best first")[2]
    assert f"took {best.number} best finished" in table
    assert "50 of 60 trials" in table
    assert "50 of 60" not in words(client.get(f"/searches/{row.id}?all=1").text)
    assert f"{MLFLOW}/#/runs/{best.run}" in page.partition("All trials")[2]


def test_the_logged_files_are_served_apart_from_the_dashboard(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    row = finished(tracker, tmp_path)
    keep(tracker, row.id, tmp_path, "secret.html", "no")
    answer = client.get(f"/searches/{row.id}/report.html")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert client.get(f"/searches/{row.id}/search.json").json()["experiment"] == "noisy_digits"
    for name in ("secret.html", "cells.json", "..%2fsecret.html", "nothing"):
        assert client.get(f"/searches/{row.id}/{name}").status_code == 404, name


@pytest.mark.parametrize("record", ["", "{", "[]", '{"trials": 3}'])
def test_without_a_record_the_trials_are_shown_as_their_runs_tell(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path, record: str
) -> None:
    row = search(tracker, error="RunFailed: <i>all</i>")
    trial(tracker, row, 0)
    trial(tracker, row, 1, "FAILED", error="NaN <script>")
    if record:
        keep(tracker, row.id, tmp_path, "search.json", record)
    tracker.resume(row.id).end("FAILED")
    page = client.get(f"/searches/{row.id}").text
    told = words(page)
    assert "It ended failed: 1 of 2 trials finished, 1 failed" in told
    assert f"Go on with what is missing: {COMMAND}" in told
    assert "0 best finished 90.00" in told
    assert "NaN &lt;script&gt;" in page
    assert "<i>all" not in page


def test_a_search_that_was_stopped_shows_the_trials_that_its_record_lacks(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    pytest.importorskip("dlcamp.analysis.search_report")
    row = finished(tracker, tmp_path, made(3))
    for number in range(5):
        trial(tracker, row, number)
    tracker.resume(row.id).end("KILLED")
    told = words(client.get(f"/searches/{row.id}").text)
    assert "It ended killed: 5 of 5 trials finished" in told
    assert "All trials 5 trials" in told


def test_the_live_file_of_a_search_that_was_killed_is_still_read(tracker: MemoryTracker) -> None:
    row = search(tracker)
    write(row.id, live_state("FINISHED", "RUNNING"))
    tracker.resume(row.id).end("KILLED")
    live = search_live(tracker, tracker.run(row.id))
    assert (live.done, live.running, live.all, live.quiet) == (1, 0, 6, "")
    assert live_file(row.id).exists()
