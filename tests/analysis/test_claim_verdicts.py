"""Claims: supported, refuted or undecided, by the contrasts they name and with the numbers that decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlcamp.analysis.findings import ClaimResult, find
from dlcamp.comparison import Comparison, Contrast
from dlcamp.experiment import Claim
from tests.analysis.made_cells import ACCURACY, made  # type: ignore[import-not-found]

NONE = [0.90, 0.91, 0.92, 0.90, 0.91]
HIGH = [0.95, 0.97, 0.97, 0.96, 0.96]
NEAR = [0.901, 0.909, 0.921, 0.902, 0.908]
LOOSE = [0.95, 0.88, 0.93, 0.95, 0.90]
CELLS = [*made("none", NONE), *made("high", HIGH), *made("near", NEAR), *made("loose", LOOSE)]
COMPARISON = Comparison(ACCURACY, smallest_interesting=0.005, margin=0.01)


def judged(claim: Claim, comparison: Comparison = COMPARISON, preset: str = "", cells: object = CELLS) -> ClaimResult:
    (found,) = find(comparison, [claim], cells, preset).claims  # type: ignore[arg-type]
    return found


def claim(*pairs: tuple[str, str | float], **fields: object) -> Claim:
    return Claim("said", "what refutes it", contrasts=[Contrast(*pair) for pair in pairs], **fields)  # type: ignore[arg-type]


def test_higher_holds_when_the_corrected_test_says_so_and_fails_when_the_interval_rules_it_out() -> None:
    supported = judged(claim(("high", "none")))
    assert supported.verdict == "supported"
    assert supported.why.startswith("high - none +5.4 points [+")
    assert judged(claim(("none", "high"))).verdict == "refuted"
    assert judged(claim(("loose", "none"))).verdict == "undecided"
    assert supported.refuted_by == "what refutes it"


def test_lower_mirrors_higher() -> None:
    assert judged(claim(("none", "high"), expect="lower")).verdict == "supported"
    assert judged(claim(("high", "none"), expect="lower")).verdict == "refuted"
    assert judged(claim(("loose", "none"), expect="lower")).verdict == "undecided"


def test_a_gain_that_is_surely_too_small_to_interest_fails() -> None:
    assert judged(claim(("near", "none"))).verdict == "refuted"
    assert judged(claim(("near", "none"), expect="lower")).verdict == "refuted"
    assert judged(claim(("near", "none")), Comparison(ACCURACY)).verdict == "undecided"


def test_same_holds_within_the_margin_and_fails_beyond_it() -> None:
    found = judged(claim(("near", "none"), expect="same"))
    assert found.verdict == "supported"
    assert "within ±1 points: p < 0.001 (TOST)" in found.why
    assert judged(claim(("high", "none"), expect="same")).verdict == "refuted"
    assert judged(claim(("loose", "none"), expect="same")).verdict == "undecided"
    assert judged(claim(("high", "none"), expect="same", margin=0.1)).verdict == "supported"


def test_same_without_any_margin_is_undecided() -> None:
    found = judged(claim(("near", "none"), expect="same"), Comparison(ACCURACY))
    assert found.verdict == "undecided"
    assert "no margin given" in found.why


def test_a_law_holds_within_three_standard_errors() -> None:
    assert judged(claim(("none", 0.908), expect="law")).verdict == "supported"
    found = judged(claim(("none", 0.95), expect="law"))
    assert found.verdict == "refuted"
    assert found.why.endswith("11.2 standard errors")


def test_a_law_without_spread_must_be_met_exactly() -> None:
    cells = made("net", [0.5, 0.5, 0.5])
    assert judged(claim(("net", 0.5), expect="law"), cells=cells).verdict == "supported"
    assert judged(claim(("net", 0.6), expect="law"), cells=cells).verdict == "refuted"


def test_all_need_all_and_any_needs_one() -> None:
    both = (("high", "none"), ("loose", "none"))
    found = judged(claim(*both))
    assert (found.verdict, found.why.startswith("1 of 2 hold; open: loose - none")) == ("undecided", True)
    assert judged(claim(*both, need="any")).why.startswith("1 of 2 hold: high - none")
    assert judged(claim(*both, need="any")).verdict == "supported"
    assert judged(claim(("high", "none"), ("none", "high"))).verdict == "refuted"
    assert judged(claim(("none", "high"), ("near", "high"), need="any")).verdict == "refuted"
    assert judged(claim(("none", "high"), ("loose", "none"), need="any")).verdict == "undecided"


def test_the_reason_counts_the_family_that_holm_corrects_over() -> None:
    assert "(Holm over 2)" in judged(claim(("high", "none"), ("high", "near"))).why
    assert "Holm" not in judged(claim(("high", "none"))).why


def test_other_metrics_are_judged_in_their_own_units() -> None:
    cells = [*made("l1", [0.6, 0.62, 0.61], "weights/sparsity"), *made("none", [0.6, 0.6, 0.6], "weights/sparsity")]
    one = Claim("sparser", "", contrasts=[Contrast("l1", "none", metric="weights/sparsity")])
    wide = Comparison(ACCURACY, smallest_interesting=50.0)
    found = judged(one, wide, cells=cells)
    assert found.verdict == "undecided"
    assert "in weights/sparsity" in found.why


def test_claims_of_another_preset_are_undecided_and_say_where_they_are_judged() -> None:
    found = judged(claim(("high", "none"), presets=["paper"]))
    assert (found.verdict, found.why) == ("undecided", "judged under PRESET=paper only")
    assert judged(claim(("high", "none"), presets=["paper"]), preset="paper").verdict == "supported"
    either = claim(("high", "none"), presets=["", "smoke"])
    assert judged(either).verdict == "supported"
    assert judged(either, preset="size").why == "judged under no preset or PRESET=smoke only"


def test_claims_about_another_data_set_are_undecided_and_add_no_test() -> None:
    here, elsewhere = claim(("high", "none"), data=["digits"]), claim(("high", "near"), data=["mnist"])
    found = find(COMPARISON, [here, elsewhere], CELLS)
    assert [one.verdict for one in found.claims] == ["supported", "undecided"]
    assert found.claims[1].why == "judged on mnist only"
    assert [one.label for one in found.contrasts] == ["high - none"]
    both = claim(("high", "near"), data=["mnist"], presets=["paper"])
    assert judged(both).why == "judged on mnist and under PRESET=paper only"


def test_runs_that_do_not_say_their_data_are_judged() -> None:
    nameless = [replace(cell, data="") for cell in CELLS]
    assert judged(claim(("high", "none"), data=["mnist"]), cells=nameless).verdict == "supported"


def test_one_seed_and_no_runs_leave_claims_undecided_and_say_so() -> None:
    one = [*made("high", [0.9]), *made("none", [0.8])]
    assert judged(claim(("high", "none")), cells=one).why == "one seed: no test"
    assert judged(claim(("l1", "none"), ("l2", "none"))).why == "no finished run of l1, l2"
    assert judged(claim(("l1", "none"))).verdict == "undecided"


def decided(metrics: object) -> str:
    return "supported" if metrics[ACCURACY] > 0.9 else "refuted"  # type: ignore[index]


@pytest.mark.parametrize(
    ("values", "verdict", "why"),
    [
        ([0.95, 0.96], "supported", "judged run by run: supported by 2 of 2 runs"),
        ([0.5], "refuted", "judged run by run: refuted by 1 of 1 runs"),
        ([0.95, 0.5, 0.96], "undecided", "judged run by run: supported by 2 and refuted by 1 of 3 runs"),
    ],
)
def test_claims_without_contrasts_are_judged_run_by_run(values: list[float], verdict: str, why: str) -> None:
    found = judged(Claim("s", "r", judge=decided), cells=made("none", values))  # type: ignore[arg-type]
    assert (found.verdict, found.why) == (verdict, why)


def test_claims_that_no_run_decides_stay_undecided() -> None:
    found = judged(Claim("s", "r", judge=decided), cells=made("none", [1.0], "val/loss"))  # type: ignore[arg-type]
    assert (found.verdict, found.why) == ("undecided", "no run here decides it")
