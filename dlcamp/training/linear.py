"""Logistic regression on rows of numbers, as a model of a few readable coefficients.

Fitting is scikit-learn's; what is kept is plain numbers, so that a saved model is a JSON file that can be read with
the eye and that predicts without scikit-learn.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from dlcamp.errors import DataError

Solver = Literal["lbfgs", "liblinear"]

FILE = "logistic.json"


@dataclass(frozen=True)
class LogisticModel:
    """log(p / (1 - p)) = intercept + sum of coefficient x feature, p being the probability of the second class.

    Attributes:
        features: names, in the order of the coefficients.
        classes: the two labels; numbers or text.
        coefficients: one a feature.
        intercept: in log odds.
    """

    kind: ClassVar[str] = "row"

    features: tuple[str, ...]
    classes: tuple[Any, Any]
    coefficients: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(
        cls,
        rows: Sequence[Mapping[str, float]],
        labels: Sequence[Hashable],
        *,
        penalty_inverse: float = 1.0,
        solver: Solver = "lbfgs",
        tolerance: float = 1e-4,
    ) -> Self:
        """Maximum likelihood with the L2 penalty |w|^2 / 2C (scikit-learn's `C`).

        Args:
            rows: the features by name; all rows have those of the first.
            labels: one a row, of two kinds; the greater is the second class.
            penalty_inverse: C, above 0; the larger, the weaker the penalty.
            solver: "lbfgs" leaves the intercept free; "liblinear", the default of 2019, penalises it too.
            tolerance: where the solver stops; scikit-learn's own stops the course's six people at an odds ratio of
                2.54038, where the optimum has 2.54086.

        Raises:
            DataError: rows that lack a feature or hold no number; labels of one kind or of three.
            ValueError: C that is not above 0, labels that are not one a row.
        """
        from sklearn.linear_model import LogisticRegression

        if not penalty_inverse > 0 or len(rows) != len(labels):
            raise ValueError(f"C = {penalty_inverse}, {len(labels)} labels for {len(rows)} rows: C must be above 0")
        kinds = sorted(set(labels))  # type: ignore[type-var]
        if len(kinds) != 2:
            raise DataError(f"labels of {len(kinds)} kinds {kinds[:5]}; a logistic model tells exactly two apart")
        features = tuple(rows[0])
        found = LogisticRegression(C=penalty_inverse, solver=solver, max_iter=10_000, tol=tolerance)
        found.fit(_matrix(rows, features), [kinds.index(label) for label in labels])
        weights = tuple(float(weight) for weight in found.coef_[0])
        return cls(features, (kinds[0], kinds[1]), weights, float(found.intercept_[0]))

    def probabilities(self, rows: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """Probability of the second class, (rows,)."""
        logits = _matrix(rows, self.features) @ np.array(self.coefficients) + self.intercept
        return np.asarray(np.exp(-np.logaddexp(0.0, -logits)), dtype=float)

    def odds(self, row: Mapping[str, float]) -> float:
        """p / (1 - p) of the second class; inf where it is too large for a number."""
        logit = _matrix([row], self.features)[0] @ np.array(self.coefficients) + self.intercept
        return float(np.exp(min(logit, 709.0))) if logit < 709 else math.inf

    def odds_ratio(self, feature: str, change: float = 1.0) -> float:
        """By what the odds are multiplied when a feature grows by `change` and the others stay: exp(w x change)."""
        if feature not in self.features:
            raise DataError(f"no feature {feature!r}; the model has {', '.join(self.features)}")
        return math.exp(self.coefficients[self.features.index(feature)] * change)

    def predict(self, inputs: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
        """The more probable class of each row and its probability: {"class": 1, "probability": 0.85}."""
        if not inputs:
            return []
        return [
            {"class": self.classes[int(p >= 0.5)], "probability": float(max(p, 1 - p))}
            for p in self.probabilities(inputs)
        ]

    def save(self, folder: Path) -> None:
        """Write the coefficients as JSON; numbers come back exactly."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: the file is not there or holds something else.
        """
        path = folder / FILE
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            first, second = held["classes"]
            weights = tuple(float(weight) for weight in held["coefficients"])
            model = cls(tuple(held["features"]), (first, second), weights, float(held["intercept"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} holds no logistic model ({error!r}); log the model again") from error
        if len(model.features) != len(weights):
            raise DataError(f"{path} has {len(weights)} coefficients for {len(model.features)} features")
        return model


def _matrix(rows: Sequence[Mapping[str, float]], features: Sequence[str]) -> NDArray[np.float64]:
    """(rows, features), checked; what a row holds besides the features is not looked at."""
    try:
        table = np.array([[float(row[name]) for name in features] for row in rows], dtype=float)
    except KeyError as error:
        raise DataError(f"a row lacks the feature {error}; it takes {', '.join(features)}") from None
    except (TypeError, ValueError) as error:
        raise DataError(f"a row holds something that is not a number ({error}); take {', '.join(features)}") from None
    if not np.isfinite(table).all():
        raise DataError(f"a row holds NaN or an infinite number; {', '.join(features)} must be finite")
    return table.reshape(len(rows), len(features))
