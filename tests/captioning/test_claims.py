"""Claims that one run judges by two intervals: apart, the other way round, or overlapping."""

from __future__ import annotations

import pytest

from dlcamp.captioning.claims import BEATS_BLIND, FITS_ITS_IMAGE
from dlcamp.experiment import Claim

JUDGED = [
    ((0.5, 0.6), (0.3, 0.4), "supported"),
    ((0.3, 0.4), (0.5, 0.6), "refuted"),
    ((0.3, 0.5), (0.4, 0.6), "undecided"),
    ((0.4, 0.6), (0.3, 0.5), "undecided"),
]


@pytest.mark.parametrize(
    ("claim", "score", "floor"),
    [(BEATS_BLIND, "truthful", "blind_truthful"), (FITS_ITS_IMAGE, "cider", "shuffled_cider")],
)
@pytest.mark.parametrize(("own", "other", "verdict"), JUDGED)
def test_intervals_that_overlap_decide_nothing(
    claim: Claim, score: str, floor: str, own: tuple[float, float], other: tuple[float, float], verdict: str
) -> None:
    metrics = {f"test/{score}_low": own[0], f"test/{score}_high": own[1]}
    metrics |= {f"test/{floor}_low": other[0], f"test/{floor}_high": other[1]}
    assert claim.verdict(metrics) == verdict
    assert "overlap" not in claim.refuted_by


def test_a_run_that_left_test_alone_decides_nothing() -> None:
    assert BEATS_BLIND.verdict({"val/truthful": 0.5}) == FITS_ITS_IMAGE.verdict({"val/cider": 0.5}) == "undecided"
