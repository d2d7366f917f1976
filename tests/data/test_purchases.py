"""The six people of the course."""

from __future__ import annotations

from dlcamp.data.purchases import Purchase, Purchases


def test_the_six_people_are_those_of_the_course() -> None:
    data = Purchases()
    assert data.name == "purchases"
    assert [[row.age, row.income] for row in data.rows] == [[20, 3], [23, 7], [31, 10], [42, 13], [50, 7], [60, 5]]
    assert [row.bought for row in data.rows] == [0, 1, 1, 1, 0, 0]
    assert data.rows[0].row == {"age": 20, "income": 3}


def test_the_digest_is_that_of_the_values() -> None:
    assert Purchases().digest == Purchases().digest
    assert len(Purchases().digest) == 64
    assert Purchases(rows=(Purchase(20, 3, 0),)).digest != Purchases().digest
    assert Purchases(rows=(Purchase(20, 3, 0),)).digest == Purchases(rows=(Purchase(20.0, 3.0, 0),)).digest
