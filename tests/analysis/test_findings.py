"""What an ablation shows: rows, contrasts with verdicts, what is left out; claims are in test_claim_verdicts."""

from __future__ import annotations

import json
import math

import pytest

from dlcamp.analysis.findings import ContrastResult, Findings, find
from dlcamp.comparison import Comparison, Contrast
from dlcamp.errors import Refusal
from dlcamp.experiment import Claim
from tests.analysis.made_cells import ACCURACY, lost, made, written  # type: ignore[import-not-found]

NONE = [0.90, 0.91, 0.92, 0.90, 0.91]
BETTER = [0.95, 0.97, 0.97, 0.96, 0.96]
NEAR = [0.901, 0.909, 0.921, 0.902, 0.908]
COMPARISON = Comparison(ACCURACY, baseline="none", smallest_interesting=0.005, margin=0.01, shown=["test/loss"])


def claiming(*contrasts: Contrast, expect: str = "higher") -> Claim:
    return Claim("a claim", "its opposite", contrasts=contrasts, expect=expect)  # type: ignore[arg-type]


def contrast(findings: Findings, label: str) -> ContrastResult:
    (found,) = [one for one in findings.contrasts if one.label == label]
    return found


def at(size: int) -> dict[str, str]:
    return {"size": str(size)}


def test_each_variant_is_compared_with_the_baseline_on_shared_seeds() -> None:
    found = find(COMPARISON, [], [*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR)])
    assert [one.label for one in found.contrasts] == ["dropout - none", "l2 - none"]
    one = contrast(found, "dropout - none")
    assert (one.verdict, one.n, one.seeds) == ("better", 5, (0, 1, 2, 3, 4))
    assert one.paired.difference == pytest.approx(0.054)
    assert (one.first_mean, one.second_mean) == (pytest.approx(0.962), pytest.approx(0.908))
    assert one.p_adjusted == pytest.approx(2 * one.paired.p)  # type: ignore[operator]
    assert contrast(found, "l2 - none").verdict == "equivalent"


def test_where_less_is_better_the_verdict_turns_around() -> None:
    less = Comparison(ACCURACY, baseline="none", higher_is_better=False)
    (one,) = find(less, [], [*made("none", NONE), *made("dropout", BETTER)]).contrasts
    assert one.verdict == "worse"
    (one,) = find(less, [], [*made("none", BETTER), *made("dropout", NONE)]).contrasts
    assert one.verdict == "better"


def test_not_separated_says_how_many_seeds_the_smallest_interesting_difference_takes() -> None:
    noisy = Comparison(ACCURACY, baseline="none", smallest_interesting=0.005)
    (one,) = find(noisy, [], [*made("none", NONE), *made("l2", [0.91, 0.90, 0.93, 0.89, 0.92])]).contrasts
    assert one.verdict == "not separated"
    assert one.seeds_needed is not None
    assert 30 < one.seeds_needed < 100
    many = find(noisy, [], [*made("none", NONE), *(c for v in "abc" for c in made(v, [0.91, 0.90, 0.93, 0.89, 0.92]))])
    assert many.contrasts[0].seeds_needed > one.seeds_needed  # type: ignore[operator]


def test_a_separated_difference_inside_the_margin_says_so() -> None:
    little = [value + 0.003 + 0.0001 * seed for seed, value in enumerate(NONE)]
    (one,) = find(COMPARISON, [], [*made("none", NONE), *made("l2", little)]).contrasts
    assert (one.verdict, one.note) == ("better", "but within the margin")


def test_one_seed_gives_a_difference_and_no_test() -> None:
    (one,) = find(COMPARISON, [], [*made("none", [0.9]), *made("l2", [0.8])]).contrasts
    assert (one.verdict, one.note, one.n) == ("one seed", "one seed: no test", 1)
    assert one.paired.difference == pytest.approx(-0.1)
    assert one.paired.p is one.paired.low is one.p_adjusted is one.seeds_needed is None


def test_seeds_that_one_side_lacks_are_left_out_and_said() -> None:
    none, l2 = {0: 0.9, 1: 0.91, 7: 0.2}, {0: 0.8, 1: 0.82, 2: 0.5, 3: 0.5}
    (one,) = find(COMPARISON, [], [*made("none", none), *made("l2", l2)]).contrasts
    assert one.seeds == (0, 1)
    assert one.note == "seeds 2, 3 of l2 left out: not on both sides; seed 7 of none left out: not on both sides"


def test_no_shared_seed_and_no_runs_are_no_data() -> None:
    (one,) = find(COMPARISON, [], [*made("none", {0: 0.9}), *made("l2", {1: 0.9})]).contrasts
    assert one.verdict == "no data"
    (one,) = find(COMPARISON, [], made("l2", NONE)).contrasts
    assert (one.verdict, one.note) == ("no data", "no finished run of none")
    (one,) = find(COMPARISON, [], [*made("none", NONE), lost("l2", 0)]).contrasts
    assert (one.verdict, one.paired.difference, one.first_mean) == ("no data", None, None)


def test_without_baseline_only_the_claims_are_compared() -> None:
    plain = Comparison(ACCURACY)
    cells = [*made("none", NONE), *made("l2", NEAR)]
    assert find(plain, [], cells).contrasts == []
    assert [one.label for one in find(plain, [claiming(Contrast("l2", "none"))], cells).contrasts] == ["l2 - none"]


def test_identical_runs_are_equivalent_and_never_nan() -> None:
    found = find(COMPARISON, [], [*made("none", NONE), *made("same", NONE)])
    (one,) = found.contrasts
    assert (one.verdict, one.p_adjusted, one.note) == ("equivalent", 1.0, "the same value on every seed")
    assert (one.paired.low, one.paired.high) == (0, 0)
    json.dumps(found.to_json(), allow_nan=False)


def test_the_same_difference_on_two_seeds_is_not_separated() -> None:
    (one,) = find(COMPARISON, [], [*made("none", [0.9, 0.8]), *made("l2", [0.95, 0.85])]).contrasts
    assert (one.verdict, one.seeds_needed) == ("not separated", None)
    assert one.note == "the same difference on every seed"


def test_holm_counts_each_declared_contrast_once_however_it_is_written() -> None:
    cells = [*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR)]
    claims = [
        claiming(Contrast("dropout", "none"), Contrast("dropout", "none", metric=ACCURACY)),
        claiming(Contrast("none", "dropout"), expect="lower"),
        claiming(Contrast("dropout", "none", at={}), Contrast("dropout", "l2")),
    ]
    found = find(COMPARISON, claims, cells)
    assert [one.label for one in found.contrasts] == ["dropout - none", "l2 - none", "none - dropout", "dropout - l2"]
    smallest = min(found.contrasts, key=lambda one: one.paired.p or 1)
    assert smallest.p_adjusted == pytest.approx(3 * smallest.paired.p)  # type: ignore[operator]
    assert contrast(found, "none - dropout").p_adjusted == contrast(found, "dropout - none").p_adjusted


def test_claims_of_other_presets_add_nothing_to_the_family() -> None:
    cells = [*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR)]
    elsewhere = Claim("s", "r", contrasts=[Contrast("dropout", "l2")], presets=["paper"])
    assert len(find(COMPARISON, [elsewhere], cells).contrasts) == 2
    assert len(find(COMPARISON, [elsewhere], cells, "paper").contrasts) == 3


def test_pairs_are_all_pairs_and_are_not_corrected() -> None:
    found = find(COMPARISON, [], [*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR)])
    assert [one.label for one in found.pairs] == ["none - dropout", "none - l2", "dropout - l2"]
    assert all(one.p_adjusted is None and one.note == "not declared, not corrected" for one in found.pairs)


def test_rows_count_failed_and_waiting_runs_and_name_what_failed() -> None:
    cells = [
        *made("none", NONE[:3]),
        lost("none", 3, error="RunFailed: loss is NaN\nTraceback ..."),
        lost("none", 4, "KILLED"),
        lost("l2", 0, "WAITING"),
        lost("l2", 1, "RUNNING"),
        lost("none", 0, error="an earlier try"),
    ]
    found = find(COMPARISON, [], cells)
    none, l2 = found.variants
    assert (none.n, none.failed, none.waiting) == (3, 2, 0)
    assert (l2.n, l2.failed, l2.waiting, l2.mean.mean, l2.seconds) == (0, 0, 2, None, None)
    assert found.excluded == ["none, seed 3: failed, RunFailed: loss is NaN", "none, seed 4: stopped"]
    assert none.seconds is not None
    assert none.seconds.mean == 2.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_left_out_and_named(bad: float) -> None:
    found = find(COMPARISON, [], [*made("none", NONE), *made("l2", [*NEAR[:4], bad])])
    assert found.variants[1].n == 4
    assert found.excluded == [f"l2, seed 4: {ACCURACY} is {bad}"]
    (one,) = found.contrasts
    assert (one.n, one.note) == (4, f"l2: seed 4 without {ACCURACY}; seed 4 of none left out: not on both sides")
    json.dumps(found.to_json(), allow_nan=False)


def test_a_metric_that_some_runs_lack_leaves_them_out_of_its_contrasts_only() -> None:
    claim = claiming(Contrast("l1", "none", metric="weights/sparsity"))
    cells = [
        *written("none", [{ACCURACY: value, "weights/sparsity": value - 0.8} for value in NONE[:4]]),
        *written("l1", [{ACCURACY: value, "weights/sparsity": 0.6} for value in NEAR[:3]] + [{ACCURACY: 0.9}]),
    ]
    found = find(COMPARISON, [claim], cells)
    sparsity = next(one for one in found.contrasts if one.metric == "weights/sparsity")
    assert (sparsity.n, sparsity.verdict) == (3, "better")
    assert "l1: seed 3 without weights/sparsity" in sparsity.note
    assert found.contrasts[0].n == 4


def test_of_runs_of_one_seed_the_newest_counts_and_it_is_said() -> None:
    found = find(COMPARISON, [], [*made("none", [0.9]), *made("none", [0.1])])
    assert found.variants[0].mean.mean == 0.9
    assert found.warnings == ["none, seed 0: 2 finished runs of one seed; the newest counts"]


def test_data_that_differ_are_refused_and_commits_are_warned_about() -> None:
    with pytest.raises(Refusal):
        find(COMPARISON, [], [*made("none", NONE), *made("l2", NONE, digest="sha256:2")])
    found = find(COMPARISON, [], [*made("none", NONE), *made("l2", NONE, commit="other")])
    assert found.warnings == ["the runs come from 2 commits: abc (5), other (5)"]


def test_axes_that_a_contrast_does_not_name_are_averaged_within_a_seed() -> None:
    cells = [
        *made("none", [0.80, 0.81, 0.82], axes=at(100)), *made("none", [0.90, 0.91, 0.92], axes=at(1000)),
        *made("dropout", [0.80, 0.82, 0.83], axes=at(100)), *made("dropout", [0.94, 0.95, 0.97], axes=at(1000)),
    ]  # fmt: skip
    found = find(COMPARISON, [claiming(Contrast("dropout", "none", at={"size": 1000}))], cells)
    averaged, named = found.contrasts
    assert averaged.label == "dropout - none"
    assert averaged.paired.difference == pytest.approx((0 + 0.01 + 0.01 + 0.04 + 0.04 + 0.05) / 6)
    assert averaged.n == 3
    assert named.paired.difference == pytest.approx(0.13 / 3)
    assert [row.axes for row in found.variants] == [at(100), at(1000), at(100), at(1000)]
    assert [one.contrast.at for one in found.pairs] == [at(100), at(1000)]


def test_averages_use_the_places_that_both_sides_have() -> None:
    cells = [
        *made("none", [0.80, 0.81], axes=at(100)), *made("none", {0: 0.90}, axes=at(1000)),
        *made("l2", [0.81, 0.84], axes=at(100)), *made("l2", [0.93, 0.0], axes=at(1000)),
    ]  # fmt: skip
    (one,) = find(COMPARISON, [], cells).contrasts
    assert one.paired.difference == pytest.approx(0.025)
    assert one.note == "not every seed has every size"


def test_axis_values_are_compared_as_numbers_too() -> None:
    cells = [*made("none", NONE, axes={"rate": "0.001"}), *made("l2", NEAR, axes={"rate": "0.001"})]
    (_, one) = find(COMPARISON, [claiming(Contrast("l2", "none", at={"rate": 1e-3}))], cells).contrasts
    assert one.n == 5
    (_, none) = find(COMPARISON, [claiming(Contrast("l2", "none", at={"rate": 0.1}))], cells).contrasts
    assert none.note == "no finished run of l2 at rate=0.1; no finished run of none at rate=0.1"


def test_the_two_sides_may_stand_at_different_axis_values() -> None:
    places = {("2", "8"): 0.9, ("2", "16"): 0.8, ("30", "8"): 0.6, ("30", "16"): 0.4}
    cells = [
        cell
        for (depth, width), value in places.items()
        for cell in made("relu", [value, value + 0.01, value + 0.02], axes={"depth": depth, "width": width})
    ]
    deep = Contrast("relu", "relu", at={"depth": 2}, second_at={"depth": 30})
    (one,) = find(Comparison(ACCURACY), [claiming(deep)], cells).contrasts
    assert one.paired.difference == pytest.approx(0.35)
    assert one.label == "relu at depth=2 - relu at depth=30"


def test_minus_gives_differences_of_differences_seed_by_seed() -> None:
    gain = {100: [0.00, 0.01, 0.02, 0.01], 1000: [0.05, 0.04, 0.06, 0.07]}
    cells = [
        cell
        for size, more in gain.items()
        for variant, extra in (("none", [0.0] * 4), ("dropout", more))
        for cell in made(variant, [v + x for v, x in zip(NONE, extra, strict=False)], axes=at(size))
    ]
    grows = Contrast("dropout", "none", at={"size": 1000}, minus=Contrast("dropout", "none", at={"size": 100}))
    one = find(COMPARISON, [claiming(grows)], cells).contrasts[1]
    assert one.label == "(dropout - none at size=1000) - (dropout - none at size=100)"
    assert (one.first_mean, one.second_mean) == (pytest.approx(0.055), pytest.approx(0.01))
    assert one.paired.sd == pytest.approx(math.sqrt(((0.005) ** 2 + 0.015**2 + 0.005**2 + 0.015**2) / 3))
    assert one.verdict == "better"


def test_a_number_may_stand_on_the_second_side() -> None:
    claim = claiming(Contrast("relu", 0.9), expect="law")
    (one,) = find(Comparison(ACCURACY), [claim], made("relu", NONE)).contrasts
    assert (one.second_mean, one.p_adjusted, one.verdict) == (0.9, None, "not separated")
    (one,) = find(Comparison(ACCURACY), [claiming(Contrast("relu", 0.5), expect="law")], made("relu", NONE)).contrasts
    assert (one.verdict, one.p_adjusted) == ("better", None)


def test_other_metrics_of_the_table_are_shown_where_some_run_has_them() -> None:
    cells = written("none", [{ACCURACY: 0.9, "test/loss": 0.3 + seed} for seed in range(3)])
    (row, bare) = find(COMPARISON, [], [*cells, *made("l2", NONE)]).variants
    assert row.shown["test/loss"].mean == pytest.approx(1.3)
    assert bare.shown == {}


def test_nothing_at_all_is_found_in_nothing() -> None:
    found = find(COMPARISON, [claiming(Contrast("l2", "none"))], [])
    assert (found.variants, found.pairs, found.excluded, found.warnings) == ([], [], [], [])
    assert [one.verdict for one in found.contrasts] == ["no data"]
    assert found.claims[0].verdict == "undecided"


def test_findings_are_plain_json() -> None:
    found = find(COMPARISON, [claiming(Contrast("l2", "none"))], [*made("none", NONE), *made("l2", NEAR)])
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["contrasts"][0]["paired"]["n"] == 5
    assert told["comparison"]["metric"] == ACCURACY
    assert told["variants"][0]["mean"]["mean"] == pytest.approx(0.908)
    assert told["claims"][0].keys() == {"statement", "refuted_by", "verdict", "why"}
