"""From a trained captioner to a better one: what is compared with what, and what is claimed of it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.discovery import find, load
from dlcamp.paths import REPOSITORY
from dlcamp.runner import Outcome, execute, prepare


def test_each_claim_is_judged_by_the_gain_it_speaks_of() -> None:
    cider, bleu, _ = load(find(REPOSITORY, "caption_scst")).claims
    metrics = {"test/gain_cider_low": 0.01, "test/gain_cider_high": 0.03}
    metrics |= {"test/gain_bleu_4_low": -0.03, "test/gain_bleu_4_high": -0.01}
    assert (cider.verdict(metrics), bleu.verdict(metrics)) == ("supported", "refuted")


def run(said: list[str], **given: str) -> Outcome:
    from dlcamp.tracking import open_store

    return execute(
        prepare(request(Given({"PRESET": "smoke", **given}), REPOSITORY), REPOSITORY), open_store(), said.append
    )


@pytest.mark.slow
def test_it_goes_on_from_a_stored_captioner_and_is_compared_with_it(store_home: Path) -> None:
    from dlcamp.tracking import open_store

    said: list[str] = []
    start = run(said, NAME="caption_attention").row
    outcome = run(said, NAME="caption_scst", SET=f"start={start.name}")
    row, store = outcome.row, open_store()
    assert outcome.proof is not None
    assert outcome.proof.holds
    assert row.metrics["cost/parameters"] == start.metrics["cost/parameters"]
    for split in ("val", "test"):
        assert row.metrics[f"{split}/start_cider"] == start.metrics[f"{split}/cider"], "the start, as it spoke before"
        gain = row.metrics[f"{split}/cider"] - start.metrics[f"{split}/cider"]
        assert row.metrics[f"{split}/gain_cider"] == pytest.approx(gain)
        assert row.metrics[f"{split}/gain_cider_low"] <= gain <= row.metrics[f"{split}/gain_cider_high"]
        assert f"{split}, CIDEr" in store.reader.fetch(row.id, "summary.txt").read_text("utf-8")
    table = list(csv.DictReader(store.reader.fetch(row.id, "start/test.csv").read_text("utf-8").splitlines()))
    assert len(table) == 8
    assert set(table[0]) == {"item", "start", "start_cider", "caption", "cider"}
