"""The pages as a browser shows them: no script errors under the policy, nothing wider than a telephone, live."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from dlcamp.ablation.state import live_file
from dlcamp.tracking import MemoryTracker
from dlcamp.web.app import create_app
from tests.analysis.ablation_store import Ablation
from tests.pages import Browser
from tests.web.conftest import add, begin, state
from tests.web.test_live import write
from tests.web.test_search import live_state, search, trial

# how the first figure of a page is drawn; a page without one is as it should be
BOX = 'document.querySelector(".chart")'
DRAWN = f'({BOX} ? {BOX}.dataset.drawn : window.innerWidth > 620 ? "wide" : "narrow")'


@pytest.fixture
def address(tracker: MemoryTracker, root: Path) -> Iterator[str]:
    """The dashboard on a free port."""
    config = uvicorn.Config(create_app(tracker, root, fresh=0), port=0, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.slow
def test_every_page_is_drawn_without_errors_and_fits_a_telephone(
    address: str, tracker: MemoryTracker, tmp_path: Path
) -> None:
    grid = Ablation({"none": 0, "dropout": 0.02}, seeds=3, axes={"train_images": ["100", "200"]})
    done = grid.write(tracker, tmp_path)
    add(tracker, status="FAILED", error="a" * 300)
    running = begin(tracker, tmp_path)
    searching, searched = search(tracker), search(tracker)
    write(searching.id, live_state("FINISHED", "PRUNED", "FAILED", "RUNNING"))
    for number in range(3):
        trial(tracker, searched, number)
    tracker.resume(searched.id).end("KILLED")
    paths = ["/", "/experiments/regularizers", f"/ablations/{done.id}", f"/ablations/{running.id}", "/no/such/page"]
    paths += [f"/searches/{searching.id}", f"/searches/{searched.id}"]
    with Browser() as browser:
        for path in [*paths, "/explore?name=regularizers"]:
            page = browser.open(address + path, ready=f"{DRAWN} === 'wide'")
            assert page.ask("document.documentElement.scrollWidth") <= 1280, path
            page.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
            page.wait(f"{DRAWN} === 'narrow'")
            assert page.ask("document.documentElement.scrollWidth") <= 390, path
            assert [line for line in page.errors if "404" not in line] == [], path
        assert page.ask('document.querySelectorAll(".chart .main-svg").length') > 0
        assert page.ask(DRAWN) == "narrow"


@pytest.mark.slow
def test_the_live_page_follows_the_ablation_and_ends_at_its_figures(
    address: str, tracker: MemoryTracker, tmp_path: Path
) -> None:
    row = begin(tracker, tmp_path)
    write(row.id, state(1))
    with Browser() as browser:
        page = browser.open(f"{address}/ablations/{row.id}")
        assert "1 of 4 runs done" in page.ask("document.body.innerText")
        now = state(3)
        now["cells"][0] |= {"status": "FAILED", "error": "<b>NaN</b>"}
        write(row.id, now)
        page.wait('document.body.innerText.includes("2 of 4 runs done, 1 failed")')
        assert "2 of 4 runs done, 1 failed" in page.ask("document.body.innerText")
        assert page.ask('document.querySelectorAll("tbody tr").length') == 2
        assert page.ask("document.querySelector('tbody .lost').title") == "<b>NaN</b>"
        assert page.ask("document.title").startswith("2/4")
        (tmp_path / "cells.json").write_text(json.dumps(now["cells"]), "utf-8")
        run = tracker.resume(row.id)
        run.artifact(tmp_path / "cells.json")
        run.end("KILLED")
        live_file(row.id).unlink()
        page.wait('document.body?.innerText.includes("It ended killed")')
        assert "It ended killed: 2 of 4 runs done, 1 failed" in page.ask("document.body.innerText")
        assert page.errors == []


@pytest.mark.slow
def test_the_live_page_of_a_search_follows_it_and_ends_at_its_trials(address: str, tracker: MemoryTracker) -> None:
    row = search(tracker)
    write(row.id, live_state("FINISHED", "RUNNING"))
    with Browser() as browser:
        page = browser.open(f"{address}/searches/{row.id}")
        assert "1 of 6 trials finished" in page.ask("document.body.innerText")
        drawn = page.ask("document.querySelector('tbody').innerText")
        write(row.id, live_state("FINISHED", "PRUNED", "FINISHED", "RUNNING"))
        page.wait('document.body.innerText.includes("2 of 6 trials finished, 1 pruned")')
        assert "92.00 % (trial 2)" in page.ask("document.body.innerText")
        assert page.ask("document.querySelectorAll('tbody tr').length") == 4
        assert page.ask("document.querySelector('tr.best th').innerText") == "2 best"
        write(row.id, live_state("FINISHED", "RUNNING"))
        page.wait('document.body.innerText.includes("1 of 6 trials finished")')
        assert page.ask("document.querySelector('tbody').innerText") == drawn
        for number in range(3):
            trial(tracker, row, number)
        live_file(row.id).unlink()
        tracker.resume(row.id).end("KILLED")
        page.wait('document.body?.innerText.includes("It ended killed")')
        assert "3 of 3 trials finished" in page.ask("document.body.innerText")
        assert page.errors == []
