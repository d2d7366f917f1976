"""Logistic regression: the course's numbers, odds, saving and bad input."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dlcamp.data.purchases import Purchases
from dlcamp.errors import DataError
from dlcamp.training.linear import LogisticModel, Solver

PEOPLE = Purchases().rows
ROWS, BOUGHT = [person.row for person in PEOPLE], [person.bought for person in PEOPLE]
NEW = {"age": 28, "income": 8}


@pytest.fixture(scope="module")
def model() -> LogisticModel:
    return LogisticModel.fit(ROWS, BOUGHT)


@pytest.mark.parametrize(
    ("solver", "probability", "ratio"), [("lbfgs", 0.84911, 2.54038), ("liblinear", 0.85305, 2.49817)]
)
def test_the_course_s_customer_gets_the_known_probability_and_ratio(
    solver: Solver, probability: float, ratio: float
) -> None:
    model = LogisticModel.fit(ROWS, BOUGHT, solver=solver)
    assert model.probabilities([NEW])[0] == pytest.approx(probability, abs=1e-5)
    assert model.odds_ratio("income") == pytest.approx(ratio, abs=1e-5)


def test_a_stricter_tolerance_reaches_the_optimum() -> None:
    """There the gradient of the penalised loss vanishes: C * sum((p - y) x) + w = 0."""
    model = LogisticModel.fit(ROWS, BOUGHT, tolerance=1e-10)
    errors = model.probabilities(ROWS) - np.array(BOUGHT)
    table = np.array([[row[name] for name in model.features] for row in ROWS])
    assert errors @ table + model.coefficients == pytest.approx([0, 0], abs=1e-4)
    assert errors.sum() == pytest.approx(0, abs=1e-5)
    assert model.odds_ratio("income") == pytest.approx(2.540857, abs=1e-6)


def test_the_odds_ratio_is_that_of_two_rows_one_apart(model: LogisticModel) -> None:
    richer = NEW | {"income": NEW["income"] + 1}
    assert model.odds(richer) / model.odds(NEW) == pytest.approx(model.odds_ratio("income"), rel=1e-12)
    p = model.probabilities([NEW])[0]
    assert model.odds(NEW) == pytest.approx(p / (1 - p))
    assert model.odds_ratio("income", 2) == pytest.approx(model.odds_ratio("income") ** 2)


def test_separable_data_have_coefficients_only_through_the_penalty() -> None:
    ratios = [LogisticModel.fit(ROWS, BOUGHT, penalty_inverse=c).odds_ratio("income") for c in (1, 100, 10_000)]
    assert ratios[0] < ratios[1] < ratios[2]


def test_a_prediction_names_the_likelier_class_with_its_probability(model: LogisticModel) -> None:
    first, second = model.predict([NEW, {"income": 3, "age": 20, "name": "Li"}])
    assert first == {"class": 1, "probability": pytest.approx(0.84911, abs=1e-5)}
    assert second["class"] == 0
    assert second["probability"] > 0.5
    assert model.predict([]) == []
    json.dumps([first["class"], second])


def test_classes_may_be_text() -> None:
    model = LogisticModel.fit(ROWS, ["yes" if bought else "no" for bought in BOUGHT])
    assert model.predict([NEW])[0]["class"] == "yes"


def test_a_saved_model_comes_back_exactly(model: LogisticModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = LogisticModel.load(tmp_path)
    assert again == model
    assert again.predict(ROWS) == model.predict(ROWS)


def test_far_away_rows_overflow_nothing() -> None:
    steep = LogisticModel(("x",), (0, 1), (1000.0,), 0.0)
    with np.errstate(all="raise", under="ignore"):
        assert steep.probabilities([{"x": 100}, {"x": -100}]).tolist() == [1.0, 0.0]
    assert steep.odds({"x": 100}) == math.inf


def test_bad_rows_and_labels_are_named(model: LogisticModel) -> None:
    with pytest.raises(DataError, match="lacks the feature 'income'"):
        model.predict([{"age": 3}])
    with pytest.raises(DataError, match="not a number"):
        model.predict([{"age": "old", "income": 3}])  # type: ignore[dict-item]
    with pytest.raises(DataError, match="NaN"):
        model.predict([{"age": math.nan, "income": 3}])
    with pytest.raises(DataError, match="1 kinds"):
        LogisticModel.fit(ROWS, [1] * 6)
    with pytest.raises(ValueError, match="C = 0"):
        LogisticModel.fit(ROWS, BOUGHT, penalty_inverse=0)
    with pytest.raises(ValueError, match="2 labels for 6 rows"):
        LogisticModel.fit(ROWS, [0, 1])
    with pytest.raises(DataError, match="no feature 'wealth'"):
        model.odds_ratio("wealth")


@pytest.mark.parametrize(
    "content",
    [
        None,
        "{",
        "[]",
        '{"features": ["a"]}',
        '{"features": ["a"], "classes": [0, 1], "coefficients": [], "intercept": 0}',
    ],
)
def test_a_broken_file_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "logistic.json").write_text(content)
    with pytest.raises(DataError, match=r"logistic\.json"):
        LogisticModel.load(tmp_path)
