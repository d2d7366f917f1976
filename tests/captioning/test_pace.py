"""How fast captions are taught."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dlcamp.captioning import pace
from dlcamp.captioning.pace import Pace


def test_speed_is_that_of_the_median_epoch_without_what_lies_between(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([0.0, 30.0, 50.0, 52.0, 90.0, 94.0])  # the first epoch compiles: 30 s, 2 s, 4 s
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(clock))
    timed = Pace(captions=100)
    assert timed.captions_per_second is None
    for _ in range(3):
        timed.begins()
        timed.ends()
    assert timed.captions_per_second == 25
