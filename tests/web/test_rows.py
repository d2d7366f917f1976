"""Which verdicts count, and what a run that says RUNNING may be."""

from __future__ import annotations

import json

from dlcamp.analysis.claims_file import Remembered
from dlcamp.experiment import Claim
from dlcamp.tracking import MemoryTracker
from dlcamp.web.rows import by_claim, judged, newest, why_stale
from tests.web.conftest import add


def said(verdict: str) -> str:
    return json.dumps([["a holds", verdict], ["b holds", "undecided"]])


def test_an_ablation_counts_before_a_newer_single_run_and_a_smoke_run_never(tracker: MemoryTracker) -> None:
    ablation = add(tracker, kind="ablation", claims=said("supported"))
    add(tracker, seed=1, claims=said("refuted"))
    add(tracker, seed=2, kind="ablation", claims=said("refuted"), preset="smoke")
    found = newest(tracker.runs())
    assert found is not None
    assert (found.run, found.counts()) == (ablation, {"supported": 1, "undecided": 1})


def test_each_claim_has_the_newest_verdict_of_a_preset_that_judges_it(tracker: MemoryTracker) -> None:
    add(tracker, kind="ablation", claims=said("supported"), preset="size")
    add(tracker, kind="ablation", claims=said("refuted"))
    claims = [Claim("a holds", "", presets=["size"]), Claim("b holds", ""), Claim("c holds", "")]
    found = by_claim(claims, tracker.runs())
    assert {statement: (verdict, by.preset) for statement, (verdict, by) in found.items()} == {
        "a holds": ("supported", "size"),
        "b holds": ("undecided", ""),
    }


def test_what_is_remembered_stands_in_for_runs_that_are_gone() -> None:
    kept = [
        Remembered("mnist", "smoke", "r", 1.0, (("a holds", "refuted"),)),
        Remembered("mnist", "", "q", 0.0, (("a", "b"),)),
    ]
    assert newest([], kept) == kept[1]


def test_tags_that_are_no_verdicts_are_none(tracker: MemoryTracker) -> None:
    for text in ("", "[]", "{", "3", '[["a"]]', "null"):
        add(tracker, claims=text)
    assert {judged(row) for row in tracker.runs()} == {None}


def test_a_run_of_this_process_is_not_stale_and_one_without_a_lease_may_live(tracker: MemoryTracker) -> None:
    run = tracker.start("regularizers", "open").id
    assert why_stale(tracker.run(run)) == ""
    tracker._runs[run].tags.clear()
    assert why_stale(tracker.run(run)) == ""
