"""`purchases`: age and income of six people, and who of them bought; the course's first data set.

A straight line separates the buyers from the others, so that without a penalty no best coefficients exist.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Purchase:
    """One person: age in years, income in the course's unit, and 1 for bought."""

    age: float
    income: float
    bought: int

    @property
    def row(self) -> dict[str, float]:
        """What a "row" predictor takes."""
        return {"age": self.age, "income": self.income}


@dataclass(frozen=True)
class Purchases:
    """The six people, in the course's order."""

    name: str = "purchases"
    rows: tuple[Purchase, ...] = (
        Purchase(20, 3, 0),
        Purchase(23, 7, 1),
        Purchase(31, 10, 1),
        Purchase(42, 13, 1),
        Purchase(50, 7, 0),
        Purchase(60, 5, 0),
    )

    @property
    def digest(self) -> str:
        """sha256 of the values."""
        values = [[float(row.age), float(row.income), row.bought] for row in self.rows]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()
