"""Every experiment with a grid runs its smoke ablation, from the validated design to verdicts and a page."""

from __future__ import annotations

import pytest

from dlcamp.cli.commands import Given
from dlcamp.discovery import find, listing
from dlcamp.paths import REPOSITORY
from dlcamp.settings import settings

ABLATIONS = [name for name in sorted(listing(REPOSITORY)) if settings(REPOSITORY, find(REPOSITORY, name)).grid("smoke")]
SLOW = {"caption_decoders"}  # a run of it, and that it measures what is compared, are in test_caption_decoders.py
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in ABLATIONS]


@pytest.mark.parametrize("name", MARKED)
def test_the_smoke_ablation_ends_with_verdicts_and_a_report_and_again_runs_nothing(
    name: str, store_home: object
) -> None:
    from dlcamp.ablation.engine import run_ablation
    from dlcamp.cli.ablate import ablation_of
    from dlcamp.launch.inline import Inline
    from dlcamp.tracking import open_store

    store = open_store()
    ablation = ablation_of(Given({"NAME": name, "PRESET": "smoke"}), REPOSITORY)
    outcome = run_ablation(ablation, store, Inline(store), lambda line: None, lambda state, expected: None)
    assert outcome.row.status == "FINISHED"
    assert all(child.status == "FINISHED" for child in outcome.state.children.values())
    assert {"report.html", "cells.json", "summary.txt"} <= set(store.reader.artifacts(outcome.row.id))
    again = run_ablation(ablation, store, Inline(store), lambda line: None, lambda state, expected: None)
    assert again.row.id == outcome.row.id
    assert all(child.cached for child in again.state.children.values())
