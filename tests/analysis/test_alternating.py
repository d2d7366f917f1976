"""Ways timed in turns: who runs when, what a ratio says, and what a claim makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dlcamp.analysis.alternating import FULL_SIZE, Rounds, Way, alternate, at_least, busy, peak_gib, table
from dlcamp.experiment import Claim


class Bar:
    """Counts what a progress bar is told."""

    def __init__(self) -> None:
        self.total, self.done = 0, 0

    @contextmanager
    def __call__(self, total: int, what: str, unit: str) -> Iterator[Bar]:
        self.total = total
        yield self

    def advance(self, n: int = 1, **shown: Any) -> None:
        self.done += n


def noted(calls: list[str], name: str, units: int = 1) -> Way:
    def once() -> int:
        calls.append(name)
        return units

    return Way(name, name.title(), once)


def rounds(slow: list[float], fast: list[float], units: tuple[int, int] = (1, 1)) -> Rounds:
    """As if measured; the first value of each is the round that is not counted."""
    names = ("slow", "fast")
    seconds = dict(zip(names, (slow, fast), strict=True))
    done = {name: [count] * len(slow) for name, count in zip(names, units, strict=True)}
    ways = (Way("slow", "the slow way", int), Way("fast", "the fast way", int))
    return Rounds(ways, "image", seconds, {"slow": [1.0] * len(slow), "fast": [0.5] * len(slow)}, done)


def test_each_way_runs_once_a_round_back_and_forth_after_a_round_that_is_not_counted() -> None:
    calls: list[str] = []
    bar = Bar()
    measured = alternate([noted(calls, name) for name in "abc"], 2, "image", bar)
    assert "".join(calls) == "abc" + "cba" + "abc"
    assert measured.count == 2
    assert bar.total == bar.done == 9
    assert [row["output"] for row in measured.rows()] == ["not counted", "", ""]
    assert all(row["a_seconds"] >= 0 and row["a_images"] == 1 for row in measured.rows())


def test_a_ratio_is_that_of_the_times_a_unit_and_leaves_the_first_round_out() -> None:
    ratio = rounds([1000, 40, 60, 80], [1, 10, 10, 40], units=(2, 4)).ratio("slow", "fast", target=3)
    assert ratio.values == (8, 12, 4)
    assert ratio.median == 8
    assert 4 <= ratio.low < 180 / 60 * 2 < ratio.high <= 12
    assert ratio.processor == pytest.approx(4)
    metrics = ratio.metrics()
    assert (metrics["cost/fast_ratio"], metrics["cost/fast_ratio_min"], metrics["cost/fast_ratio_max"]) == (8, 4, 12)
    assert (metrics["cost/fast_ratio_low"], metrics["cost/fast_ratio_high"]) == (ratio.low, ratio.high)


def test_the_interval_of_a_ratio_is_a_function_of_the_seed_and_of_one_round_it_is_that_round() -> None:
    measured = rounds([0, 40, 60, 81], [0, 10, 11, 40])
    assert measured.ratio("slow", "fast", seed=3) == measured.ratio("slow", "fast", seed=3)
    alone = rounds([9, 40], [9, 10]).ratio("slow", "fast")
    assert (alone.low, alone.median, alone.high) == (4, 4, 4)


def test_the_times_of_a_way_are_medians_in_milliseconds_a_unit() -> None:
    metrics = rounds([7, 1, 3, 2], [7, 1, 1, 1], units=(4, 1)).metrics()
    assert metrics["cost/slow_ms_per_image"] == 500
    assert (metrics["cost/slow_ms_per_image_min"], metrics["cost/slow_ms_per_image_max"]) == (250, 750)


@pytest.mark.parametrize(
    ("low", "high", "full", "verdict"),
    [(5.0, 6.0, 1, "supported"), (4.9, 6.0, 1, "undecided"), (4.0, 4.9, 1, "refuted"), (9.0, 9.0, 0, "undecided")],
)
def test_a_target_is_judged_by_the_interval_and_only_at_full_size(
    low: float, high: float, full: float, verdict: str
) -> None:
    metrics = {"cost/fast_ratio_low": low, "cost/fast_ratio_high": high, FULL_SIZE: full}
    assert at_least(metrics, "fast", 5) == verdict


def test_a_target_without_its_metrics_is_undecided() -> None:
    assert Claim("fast", "it is not", lambda metrics: at_least(metrics, "fast", 5)).verdict({}) == "undecided"


@pytest.mark.parametrize(
    "measure",
    [
        lambda: alternate([], 1, "image", Bar()),
        lambda: alternate([noted([], "a"), noted([], "a")], 1, "image", Bar()),
        lambda: alternate([noted([], "a")], 0, "image", Bar()),
        lambda: alternate([noted([], "a", units=0)], 1, "image", Bar()),
    ],
)
def test_nothing_to_compare_is_an_error(measure: Callable[[], Rounds]) -> None:
    with pytest.raises(ValueError, match=r"give one round or more|nothing to compare"):
        measure()


def test_a_way_that_fails_ends_the_measurement_with_its_own_error() -> None:
    def broken() -> int:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        alternate([Way("broken", "broken", broken)], 1, "image", Bar())


def test_the_table_names_every_way_ratio_and_target() -> None:
    measured = rounds([9, 4000, 6000], [9, 2, 2])
    text = "\n".join(table(measured, [measured.ratio("slow", "fast", target=500)]))
    for part in ("2 rounds in turns", "the slow way", "5,000,000", "2,500", "2,000 to 3,000", ">= 500"):
        assert part in text


def test_a_busy_machine_is_told_and_an_idle_one_is_not() -> None:
    assert busy(0.4) == ""
    assert "load of 3.2" in busy(3.2)


def test_the_peak_of_memory_is_in_gibibytes() -> None:
    assert 0.01 < peak_gib() < 1000
