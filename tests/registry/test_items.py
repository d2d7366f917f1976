"""The objective item by item: from a column, from a named statistic, and what cannot be paired."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from dlcamp.comparison import Comparison
from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.experiment import Experiment, minimize
from dlcamp.paths import REPOSITORY
from dlcamp.registry.gate import Files
from dlcamp.registry.items import NotPaired, difference, item_wise, value
from dlcamp.registry.judge import Candidate, Rival, lighter
from dlcamp.registry.rescore import Rescored
from dlcamp.tracking.protocol import RunRow


@pytest.fixture(scope="module")
def purchase_odds() -> Experiment:
    return load(find(REPOSITORY, "purchase_odds"))


def rows(values: Sequence[float], first: int = 0) -> list[dict[str, Any]]:
    return [{"item": f"item {first + n}", "log_loss": one} for n, one in enumerate(values)]


def test_the_rows_of_purchase_odds_give_its_objective_and_its_floor_has_them_too(purchase_odds: Experiment) -> None:
    module, data = sys.modules[purchase_odds.module], catalog.entry("purchases").open()
    config = purchase_odds.config_type.model_validate({"solver": "liblinear"})
    own, totals = module.rescore(module._fit(config, data.rows), data, config, "val")
    objective = item_wise(purchase_odds, Rescored(own, totals))
    assert value(objective, own).value == pytest.approx(totals["val/log_loss"])
    _, floor = module.base_rate(data, config, "val")
    assert value(objective, floor).value == pytest.approx(0.9163, abs=1e-4)
    assert difference(purchase_odds, objective, own, floor).low > 0, "less loss is better"


def test_items_are_paired_by_name_and_turned_by_the_direction(purchase_odds: Experiment) -> None:
    own = rows([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    rival = [{**row, "log_loss": row["log_loss"] + 0.5} for row in reversed(own)]
    objective = item_wise(purchase_odds, Rescored(own, {"val/log_loss": 0.4}))
    found = difference(purchase_odds, objective, own, rival)
    assert (found.value, found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.5))


def test_a_metric_that_is_no_mean_is_computed_by_the_statistic_that_the_comparison_names() -> None:
    compare = Comparison(
        "test/told_relation", items={"test/told_relation": "dlcamp.captioning.item_scores:TOLD_RELATION"}
    )
    experiment = Experiment(
        "told",
        lambda *_: {},
        object,
        ("scenes",),
        minimize("val/told_relation"),
        "none",
        "",
        compare=compare,  # type: ignore[arg-type]
    )
    own = [{"item": str(n), "told_relation": [True, False, None][n % 3]} for n in range(9)]
    objective = item_wise(experiment, Rescored(own, {"val/told_relation": 0.5}))
    assert value(objective, own).value == 0.5


@pytest.mark.parametrize(
    ("own", "total", "rival", "says"),
    [
        (rows([0.1] * 8), 0.2, rows([0.1] * 8), "gives val/log_loss = 0.1, its total is 0.2"),
        ([{"item": "a"}] * 8, 0.1, rows([0.1] * 8), "no column for val/log_loss"),
        (rows([0.1] * 8), 0.1, rows([0.1] * 8, first=4), "4 of the 8 items are not among the 8"),
        (rows([0.1] * 5), 0.1, rows([0.1] * 5), "5 items cannot show a difference"),
        (rows([0.1] * 8), 0.1, [{"item": f"item {n}"} for n in range(8)], "the rival's rows have no finite numbers"),
    ],
)
def test_what_cannot_be_paired_says_why(
    purchase_odds: Experiment, own: list[dict[str, Any]], total: float, rival: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises(NotPaired, match=says):
        difference(purchase_odds, item_wise(purchase_odds, Rescored(own, {"val/log_loss": total})), own, rival)


def test_without_the_objective_among_the_totals_nothing_is_compared(purchase_odds: Experiment) -> None:
    with pytest.raises(NotPaired, match="gives no val/log_loss"):
        item_wise(purchase_odds, Rescored(rows([0.1] * 8), {}))


@pytest.mark.parametrize(
    ("own", "theirs", "sizes", "says"),
    [
        ({"cost/parameters": 9.0}, {"cost/parameters": 10.0}, (5, 5), "smaller (cost/parameters 9 instead of 10)"),
        (
            {"cost/seconds_per_image": 0.1},
            {"cost/seconds_per_image": 0.2},
            (5, 5),
            "faster (cost/seconds_per_image 0.1",
        ),
        ({"cost/seconds": 1.0}, {"cost/seconds": 9.0}, (5, 5), ""),
        ({"cost/parameters": 9.0}, {}, (5, 5), ""),
        ({}, {}, (4, 5), "smaller (files of 4 bytes instead of 5 bytes)"),
        ({"cost/parameters": 9.0}, {"cost/parameters": 9.0}, (4, 5), ""),
    ],
)
def test_smaller_and_faster_are_what_both_runs_measured(
    tmp_path: Any, own: dict[str, float], theirs: dict[str, float], sizes: tuple[int, int], says: str
) -> None:
    def row(metrics: dict[str, float]) -> RunRow:
        return RunRow("id", "name", "toy", "FINISHED", 0.0, 1.0, {}, metrics)

    files, none = Files("m-1", "d", "row", tmp_path, sizes[0], None, ("prediction",)), Rescored([], {})
    found = lighter(Candidate(row(own), files, none), Rival("1", row(theirs), sizes[1], none))
    assert found.startswith(says)
    assert bool(found) == bool(says)
