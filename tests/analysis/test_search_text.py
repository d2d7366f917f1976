"""The table of a search in a terminal: what it says first, what fits, and what it says of studies without results."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlcamp.analysis.scale import Scale
from dlcamp.analysis.search_text import table_lines
from dlcamp.analysis.search_words import assigned, counted, differing, objective_text, optimism, same, value_text
from dlcamp.analysis.searched import Searched
from dlcamp.experiment import minimize
from dlcamp.spaces import Choice, Int
from tests.analysis.made_searches import SPACES, made, replicated


def told(searched: Searched, width: int = 100) -> str:
    return "\n".join(table_lines(searched, width))


def test_counts_come_first_and_statuses_without_trials_are_left_out() -> None:
    lines = table_lines(made(30))
    assert lines[0] == "30 trials: 24 finished, 4 pruned, 2 failed"
    assert lines[1] == "  2 failed: ResourceExhaustedError: no memory for a batch"
    assert counted(made(0)) == "0 trials"
    assert counted(made(1)) == "1 trial: 1 finished"


def test_the_best_five_are_shown_with_what_they_change_and_the_defaults_with_their_rank() -> None:
    searched = made(30)
    lines = table_lines(searched)
    start = next(index for index, line in enumerate(lines) if line.startswith("rank"))
    ranks = [line.split()[:2] for line in lines[start + 1 :] if line[:4].strip()][:6]
    best = [str(trial.number) for trial in searched.ranked()[:5]]
    assert ranks == [*([str(place), number] for place, number in enumerate(best, 1)), ["8", "0"]]
    assert "the defaults" in told(searched)
    first = assigned(differing(searched.ranked()[0].values, searched), "\n").replace(" = ", "=").splitlines()
    assert all(one in told(searched) for one in first)


def test_a_default_among_the_best_is_shown_once() -> None:
    assert told(made(3)).count("the defaults\n") == 1


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    long = replace(made(20), spaces=SPACES | {"a_field_with_a_name_that_nobody_would_want_to_type": Int(1, 9)})
    trials = [replace(one, values={**one.values, list(long.spaces)[-1]: 3}, error="x" * 500) for one in long.trials]
    for searched in (replace(long, trials=tuple(trials)), made(60, 3), replicated(made(30))):
        assert max(map(len, table_lines(searched, width))) <= width


def test_without_a_replication_the_best_value_is_called_optimistic() -> None:
    text = " ".join(told(made(30)).split())
    assert "The best of 24 noisy trials is not the best config" in text
    assert "REPLICATE=3" in text
    assert "optimistic" in optimism(made(30, 2))
    assert optimism(replicated(made(30))) == ""


def test_a_replicated_ranking_says_what_may_be_concluded() -> None:
    text = " ".join(told(replicated(made(30))).split())
    assert "On 5 new seeds trial 2 is better than the defaults by 2.0 points [+1.2, +2.8]" in text
    assert "(p = 0.004, Holm over 3)" in text
    assert "trial 27 5 91.7 [91.1, 92.3] +0.7 [−0.1, +1.5] 0.20 ○ not separated" in text
    assert "test/accuracy, %" in text
    assert "is not the best config" not in text


def test_a_gain_that_vanished_on_new_seeds_is_not_called_one() -> None:
    text = " ".join(told(replicated(made(30), gain=0.004)).split())
    assert "has the best mean val/accuracy, but is not separated from the defaults" in text
    searched = replicated(made(30))
    assert searched.replication is not None
    turned = replace(searched.replication, rows=searched.replication.rows[::-1])
    assert "the search found nothing better" in " ".join(told(replace(searched, replication=turned)).split())


def test_one_new_seed_allows_no_test() -> None:
    text = told(replicated(made(30), seeds=1))
    assert "On 1 new seed trial 2 is ahead of the defaults" in text
    assert "95 % interval" not in text


def test_several_objectives_show_their_front() -> None:
    searched = made(60, 2)
    text = told(searched)
    assert f"the Pareto front, {len(searched.front())} of {len(searched.finished())}" in text
    assert "importances for cost/parameters" in text
    assert "the defaults" in text


def test_studies_without_results_say_so() -> None:
    assert told(replace(made(0), importances={})).endswith("No trial has begun.")
    for status in ("PRUNED", "FAILED", "RUNNING", "WAITING"):
        trials = [replace(trial, status=status, objectives=()) for trial in made(6).trials]
        text = told(replace(made(6), trials=tuple(trials), importances={}))
        assert f"6 {status.lower()}" in text
        assert text.endswith("No trial has finished, so there is nothing to say yet.")


def test_many_causes_of_failure_are_cut() -> None:
    trials = [replace(one, status="FAILED", error=f"E{one.number}\n<script>", objectives=()) for one in made(9).trials]
    lines = table_lines(replace(made(9), trials=tuple(trials)))
    assert lines[4] == "  and 6 other causes"
    assert lines[1] == "  1 failed: E0 <script>"


def test_a_loss_is_written_in_four_digits_and_the_lowest_is_best() -> None:
    searched = made(20)
    trials = [replace(t, objectives=tuple(v * 1234 for v in t.objectives)) for t in searched.trials]
    loss = replace(searched, objectives=(minimize("val/loss"),), trials=tuple(trials))
    best = min(trial.objectives[0] for trial in loss.finished())
    assert f"{best:.4g}" in table_lines(loss)[4]
    texts = [objective_text(value, Scale("val/loss")) for value in (1.09, 1.0984, 64.0, 1234.56, -1e-5, 50176.0, None)]
    assert texts == ["1.09", "1.098", "64", "1235", "−1e−05", "50,176", "–"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123456, "0.001235"), (1e-6, "1e-06"), (64, "64"), (None, "None"), (True, "True"), ((64,), "(64,)"),
        ([128, 64], "(128, 64)"), ((), "()"), ("two\nlines", "two lines"), ("x" * 60, "x" * 39 + "…"),
    ],
)  # fmt: skip
def test_values_are_one_short_line(value: object, text: str) -> None:
    assert value_text(value) == text


def test_values_out_of_a_file_are_those_in_memory() -> None:
    assert same((128, (64, 1)), [128, [64, 1]])
    assert same(1, 1.0)
    assert not same(True, 1)
    assert not same("1", 1)
    assert not same(None, "None")
    searched = replace(made(2), spaces={"hidden": Choice((64,), (32,))}, defaults={"hidden": (64,)})
    assert differing({"hidden": [64]}, searched) == {}
    assert differing({"hidden": [32]}, searched) == {"hidden": [32]}
    assert differing({}, searched) == {}
