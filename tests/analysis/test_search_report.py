"""The report of a search as its readers open it: what it says first, what it escapes, and that a browser shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.analysis.search_report import ALL, context, page, table_rows
from dlcamp.analysis.search_words import objective_scale
from dlcamp.analysis.searched import Searched
from dlcamp.spaces import Choice
from tests.analysis.made_searches import made, replicated
from tests.analysis.test_report import ALL_DRAWN, LOADED, NASTY, OPEN_ALL, Targets, Text
from tests.pages import Browser

SECTION = re.compile(r'<section id="([\w-]+)"')


def text(searched: Searched) -> str:
    return Text.of(page(searched))


def nasty() -> Searched:
    """A search whose names, values, errors and questions try to break out of the page."""
    searched = replicated(
        made(20, 2, question=NASTY, fixed={NASTY: NASTY}, sampler=NASTY, command=NASTY, journal=NASTY)
    )
    field = f"f {NASTY}"
    trials = [
        replace(one, values={**one.values, field: (NASTY, "b")[one.number % 2]}, error=one.error and NASTY)
        for one in searched.trials
    ]
    spaces = {**searched.spaces, field: Choice(NASTY, "b")}
    return replace(searched, spaces=spaces, defaults={**searched.defaults, field: "b"}, trials=tuple(trials))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


def test_sections_come_in_order() -> None:
    found = SECTION.findall(page(replicated(made(30, 2))))
    assert found == ["space", "ranking", "history", "importances", "slices", "parallel", "curves", "front",
                     "searched-trials", "reproduce"]  # fmt: skip


def test_without_a_replication_a_notice_says_that_the_best_value_is_optimistic() -> None:
    told = text(made(30))
    assert "Not replicated yet" in told
    assert "The best of 24 noisy trials is not the best config" in told
    assert "make search NAME=noisy_digits TRIALS=30 WORKERS=2 REPLICATE=3" in told
    assert "30 trials: 24 finished, 4 pruned, 2 failed" in told
    assert "2 × ResourceExhaustedError: no memory for a batch" in told


def test_a_replicated_ranking_shows_new_means_beside_what_the_search_had_promised() -> None:
    searched = replicated(made(30))
    told = text(searched).replace("\u00a0", " ")
    assert told.index("On 5 new seeds trial 2 is better than the defaults by 2.0 points") < told.index("In the search")
    assert "trial 2 5 93.0 [92.4, 93.6] +2.0 [+1.2, +2.8] 0.004 ▲better 95.60 learning_rate" in told
    assert "test/accuracy chose nothing" in told
    assert "Holm's correction over 3 differences" in told
    assert "REPLICATE=3" not in told


def test_every_trial_of_a_small_study_is_in_the_table_with_run_seed_and_error() -> None:
    searched = made(30)
    told = text(searched)
    assert all(trial.run in told and str(trial.seed) in told for trial in searched.trials)
    scales = [objective_scale(searched)]
    rows = table_rows(searched, scales)
    assert [row.rank for row in rows[:24]] == list(range(1, 25))
    assert [row.trial.number for row in rows[24:]] == [28, 26, 21, 14, 13, 7]


def test_a_study_of_2000_trials_shows_the_best_and_the_newest_and_stays_small() -> None:
    searched = made(2000, 1)
    written = page(searched)
    assert len(written.encode()) < 8_000_000
    rows = context(searched)["rows"]
    numbers = {row.trial.number for row in rows}
    assert len(rows) <= ALL + 1
    assert {*range(1900, 2000), 0, *(trial.number for trial in searched.ranked()[:100])} == numbers
    assert f"the best and the newest, {len(rows)} of 2,000" in Text.of(written)


def test_a_large_study_of_three_objectives_and_long_curves_stays_under_eight_megabytes() -> None:
    assert len(page(made(2000, 3, steps=60)).encode()) < 8_000_000


def test_names_values_and_errors_are_text() -> None:
    written = page(nasty())
    assert "<script>boom" not in written
    assert "<img src=x" not in written
    assert NASTY in Text.of(written)
    assert set(Targets.of(written)) <= {"http://127.0.0.1:5000"}


def test_trials_continued_with_other_code_are_marked() -> None:
    searched = made(10)
    trials = [replace(trial, changed=trial.number > 7) for trial in searched.trials]
    told = text(replace(searched, trials=tuple(trials)))
    assert "2 trials ran with CONTINUE=1" in told
    assert told.count("finished changed") == 2


@pytest.mark.parametrize("status", ["PRUNED", "FAILED", "RUNNING", "WAITING"])
def test_a_search_without_a_finished_trial_has_a_page(status: str) -> None:
    trials = [replace(one, status=status, objectives=(), started=None, values={}) for one in made(5).trials]
    told = text(replace(made(5), trials=tuple(trials), importances={}))
    assert "No trial has finished" in told
    assert "REPLICATE=3" not in told
    assert "No trial has begun" in text(made(0, importances={}))


def test_a_search_out_of_its_file_has_the_same_page() -> None:
    searched = replicated(made(30, 2))
    read = Searched.from_json(json.loads(json.dumps(searched.to_json())))
    assert page(read) == page(searched)


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
def test_a_report_opens_without_errors_fits_the_window_and_sorts_its_table(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(nasty()), "utf-8")
    opened = browser.open(path, width=width, ready=LOADED)
    opened.ask(OPEN_ALL)
    opened.wait(ALL_DRAWN)
    assert [line for line in opened.errors if "GL" not in line] == []  # of a browser that draws WebGL in software
    assert opened.ask("document.documentElement.scrollWidth") <= width
    assert opened.ask(ALL_DRAWN)
    assert opened.ask("document.querySelectorAll('img[src=x], script:not([data-figure])').length") == 2
    numbers = "[...document.querySelectorAll('#searched-trials tbody tr')].map(row => +row.cells[1].textContent)"
    for wanted in (list(range(20)), list(range(19, -1, -1))):
        opened.ask("document.querySelectorAll('#searched-trials th')[1].click()")
        assert opened.ask(numbers) == wanted
