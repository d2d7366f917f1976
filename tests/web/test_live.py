"""A running ablation: its page and the JSON that the page asks for."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient

from dlcamp.ablation.state import live_file
from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.lease import LEASE_TAG
from dlcamp.web.live import live_of
from tests.web.conftest import begin, keep, state, words


def write(run: str, content: object) -> None:
    """The live file of a parent."""
    path = live_file(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def test_the_page_shows_one_line_a_variant_progress_and_time_left(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    run = begin(tracker, tmp_path).id
    write(run, state(3, trials={"done": 2, "all": 6}))
    page = words(client.get(f"/ablations/{run}").text)
    assert "3 of 4 runs done" in page
    assert "time left about 8.0 s" in page
    assert "2 of 6 trials" in page
    assert "none 90.00 2/2 dropout 90.00 1/2 seed 1" in page


def test_the_json_says_the_same_and_what_is_still_to_come(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    run = begin(tracker, tmp_path).id
    write(run, state(1))
    found = client.get(f"/ablations/{run}/live.json").json()
    assert (found["done"], found["running"], found["all"], found["ended"]) == (1, 1, 4, False)
    assert [(row["label"], row["done"], row["all"]) for row in found["rows"]] == [("none", 1, 2), ("dropout", 0, 2)]
    assert found["summary"] == "1 of 4 runs done"


def test_a_failed_cell_is_counted_and_tells_its_error(tracker: MemoryTracker, tmp_path: Path) -> None:
    row = begin(tracker, tmp_path)
    now = state(2)
    now["cells"][1] |= {"status": "FAILED", "error": "NaN loss\n  at epoch 3", "metrics": {}}
    write(row.id, now)
    live = live_of(tracker, row)
    assert (live.done, live.failed) == (1, 1)
    assert live.rows[0].error == "NaN loss"


def test_without_a_live_file_the_parents_own_list_counts(tracker: MemoryTracker, tmp_path: Path) -> None:
    row = begin(tracker, tmp_path)
    keep(tracker, row.id, tmp_path, "cells.json", json.dumps(state(4)["cells"]))
    assert live_of(tracker, row).done == 4


def test_an_ablation_that_has_only_just_begun_shows_what_was_declared(tracker: MemoryTracker, tmp_path: Path) -> None:
    live = live_of(tracker, begin(tracker, tmp_path))
    assert (live.done, live.all, live.left) == (0, 4, "")


def test_a_live_file_that_is_half_written_or_odd_breaks_nothing(tracker: MemoryTracker, tmp_path: Path) -> None:
    row = begin(tracker, tmp_path)
    for content in ('{"cells": [', "[]", {"cells": 3, "trials": 4}, {"cells": [None, {"variant": "none"}]}):
        write(row.id, content)
        assert live_of(tracker, row).all == 4


def test_an_ablation_whose_process_is_gone_is_stale_and_says_how_to_go_on(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    row = begin(tracker, tmp_path)
    lease = json.loads(row.tags[LEASE_TAG]) | {"pid": 2**22 + 1}
    tracker._runs[row.id].tags[LEASE_TAG] = json.dumps(lease)
    write(row.id, state(1))
    page = words(client.get(f"/ablations/{row.id}").text)
    assert f"its process {2**22 + 1} is gone" in page
    assert "make exp NAME=regularizers" in page
    found = client.get(f"/ablations/{row.id}/live.json").json()
    assert (found["running"], found["left"]) == (0, "")
    assert "died" in words(client.get("/").text)


def test_silence_is_said(tracker: MemoryTracker, tmp_path: Path) -> None:
    row = begin(tracker, tmp_path)
    write(row.id, state(1))
    written = live_file(row.id).stat().st_mtime
    assert live_of(tracker, row, now=written + 5).quiet == ""
    assert live_of(tracker, row, now=written + 125).quiet == "2 min 5 s"


def test_figures_of_what_has_finished_can_be_asked_for(
    client: TestClient, tracker: MemoryTracker, tmp_path: Path
) -> None:
    run = begin(tracker, tmp_path).id
    write(run, state(4))
    page = words(client.get(f"/ablations/{run}?view=figures").text)
    assert "It is still running: 4 of 4 runs done" in page
    assert "Results" in page
