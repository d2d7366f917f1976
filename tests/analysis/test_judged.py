"""What a study is said to show: the sentences on top of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.analysis.charts import metric_scale
from dlcamp.analysis.judged import answer, coverage, fairness
from dlcamp.analysis.study import Study, assemble
from dlcamp.comparison import Comparison
from dlcamp.tracking.memory import MemoryTracker
from tests.analysis.ablation_store import Ablation


def build(folder: Path, ablation: Ablation) -> Study:
    tracker = MemoryTracker()
    return assemble(tracker, ablation.write(tracker, folder), ablation.experiment())


def said(study: Study) -> str:
    return " ".join(answer(study, metric_scale(study))).replace("\u00a0", " ")


def test_the_best_separated_variant_comes_first_with_its_interval_and_correction(tmp_path: Path) -> None:
    gains = {"none": 0.0, "l2": 0.0, "dropout": 0.03, "gaussian": -0.05}
    text = said(build(tmp_path, Ablation(gains, seeds=5, noise=0.002, curve=1)))
    assert text.startswith("dropout is better than none by ")
    assert "points [" in text
    assert "n = 5 seeds, p" in text
    assert "(Holm over 3)" in text
    assert "Worse: gaussian." in text
    assert "l2" in text


def test_worse_is_said_with_positive_amounts(tmp_path: Path) -> None:
    text = said(build(tmp_path, Ablation({"none": 0.0, "bad": -0.05}, seeds=5, noise=0.002, curve=1)))
    assert text.startswith("Nothing is better than none. bad is worse than none by ")
    low, high = text.split("[")[1].split("]")[0].split(", ")
    assert 0 < float(low) < float(high)


def test_where_lower_is_better_a_negative_difference_is_the_better_one(tmp_path: Path) -> None:
    comparison = Comparison("cost/seconds", baseline="dropout", higher_is_better=False)
    text = said(build(tmp_path, Ablation({"dropout": 0.0, "none": 0.0}, seeds=5, curve=1, comparison=comparison)))
    assert text.startswith("none is better than dropout by ")


def test_nothing_separated_says_how_many_seeds_would_tell(tmp_path: Path) -> None:
    comparison = Comparison("test/accuracy", baseline="none", smallest_interesting=0.005)
    text = said(build(tmp_path, Ablation({"none": 0.0, "l2": 0.0}, noise=0.02, curve=1, comparison=comparison)))
    assert text.startswith("No variant is separated from none with n = 3 seeds. The largest difference is that of l2")
    assert "to see 0.5 points takes about" in text or "to see 0 points" in text


def test_equivalence_names_its_margin(tmp_path: Path) -> None:
    comparison = Comparison("test/accuracy", baseline="none", margin=0.05)
    text = said(build(tmp_path, Ablation({"none": 0.0, "l2": 0.0}, seeds=5, curve=1, comparison=comparison)))
    assert text.startswith("Every variant is equivalent to none within ±5")


def test_differences_that_average_an_axis_say_so(tmp_path: Path) -> None:
    ablation = Ablation({"none": 0.0, "dropout": 0.05}, axes={"depth": ["2", "4"]}, curve=1, noise=0.001)
    assert ", averaged over depth, n = 3 seeds" in said(build(tmp_path, ablation))


def test_without_a_baseline_there_is_no_answer_but_means(tmp_path: Path) -> None:
    ablation = Ablation({"a": 0.0, "b": 0.1}, curve=1, comparison=Comparison("test/accuracy"))
    object_claimless = build(tmp_path, ablation)
    assert "means of test/accuracy are below" in said(object_claimless)


def test_tuning_is_fair_when_everyone_had_the_same_number_of_trials(tmp_path: Path) -> None:
    even = {"l1": {"l1": [1.0, 2.0, 3.0]}, "l2": {"l2": [1.0, 2.0, 3.0]}}
    gains = {"none": 0.0, "l1": 0.0, "l2": 0.0, "maxnorm": 0.0}
    lines = fairness(build(tmp_path, Ablation(gains, tuned=even, curve=1)))
    assert lines[0].startswith("Every tuned variant had the same number of trials, 3")
    assert lines[1] == "Fixed, not tuned: maxnorm."
    uneven = even | {"l2": {"l2": [1.0, 2.0]}}
    assert fairness(build(tmp_path, Ablation(gains, tuned=uneven, curve=1)))[0].startswith("Unequal chances")


@pytest.mark.parametrize(("seeds", "begins"), [(1, "One seed:"), (3, "The 95 % intervals (Student's t, n = 3 seeds)")])
def test_coverage_says_what_intervals_leave_out(tmp_path: Path, seeds: int, begins: str) -> None:
    assert coverage(build(tmp_path, Ablation({"none": 0.0, "l2": 0.0}, seeds=seeds, curve=1)))[0].startswith(begins)
