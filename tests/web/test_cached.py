"""The store is asked seldom, and what is shown is right all the same."""

from __future__ import annotations

import pytest

from dlcamp.errors import UnknownName
from dlcamp.tracking import MemoryTracker
from dlcamp.web.cached import NEWEST, WHOLE, CachedReader
from tests.web.conftest import add


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(MemoryTracker):
    """Counts how often rows are asked for, and how many were given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.given = 0

    def runs(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.asked += 1
        found = super().runs(*args, **kwargs)
        self.given += len(found)
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker() -> Counting:
    return Counting()


@pytest.fixture
def reader(tracker: Counting, clock: Clock) -> CachedReader:
    return CachedReader(tracker, fresh=2.0, most=500, clock=clock, aside=lambda work: work())


def test_pages_within_two_seconds_ask_the_store_once(tracker: Counting, reader: CachedReader) -> None:
    add(tracker)
    for _ in range(50):
        assert len(reader.runs("regularizers", status="FINISHED")) == 1
        assert reader.recent()[1]
    assert tracker.asked == 1


def test_new_runs_changed_runs_and_ended_runs_are_seen(tracker: Counting, reader: CachedReader, clock: Clock) -> None:
    old = tracker.start("regularizers", "old")
    for seed in range(NEWEST + 5):
        add(tracker, seed=seed)
    assert len(reader.runs()) == NEWEST + 6
    old.end("FINISHED")
    add(tracker, "other")
    clock.now = 3
    assert reader.run(old.id).status == "FINISHED"
    assert reader.runs()[0].experiment == "other"
    assert reader.runs(status="RUNNING") == []


def test_a_refresh_reads_the_newest_rows_only(tracker: Counting, reader: CachedReader, clock: Clock) -> None:
    for seed in range(NEWEST + 50):
        add(tracker, seed=seed)
    reader.runs()
    tracker.given = 0
    clock.now = 3
    assert len(reader.runs()) == NEWEST + 50
    assert tracker.given == NEWEST


def test_a_run_that_was_deleted_vanishes_once_everything_is_read_anew_aside(
    tracker: Counting, reader: CachedReader, clock: Clock
) -> None:
    gone = add(tracker)
    still = tracker.start("regularizers", "running").id
    assert len(reader.runs()) == 2
    del tracker._runs[gone], tracker._runs[still]
    clock.now = 3
    assert [row.id for row in reader.runs()] == [gone]
    clock.now = WHOLE + 3
    assert [row.id for row in reader.runs()] == [gone]
    assert reader.runs() == []


def test_more_runs_than_are_kept_are_asked_of_the_store(tracker: Counting, clock: Clock) -> None:
    for seed in range(30):
        add(tracker, seed=seed)
    add(tracker, "other")
    reader = CachedReader(tracker, most=20, clock=clock)
    rows, whole = reader.recent()
    assert (len(rows), whole) == (20, False)
    assert len(reader.runs("regularizers")) == 30
    assert len(reader.runs("regularizers", limit=5)) == 5
    assert [row.id for row in reader.runs()] == [row.id for row in tracker.runs()]


def test_filters_give_what_the_store_gives(tracker: Counting, reader: CachedReader) -> None:
    add(tracker, preset="smoke")
    add(tracker, status="FAILED")
    for wanted in ({"status": "FAILED"}, {"tags": {"dlcamp.preset": "smoke"}}, {"limit": 1}, {"limit": 0}, {}):
        assert reader.runs("regularizers", **wanted) == tracker.runs("regularizers", **wanted)  # type: ignore[arg-type]


def test_a_run_answers_to_its_name_and_an_unknown_one_to_nothing(tracker: Counting, reader: CachedReader) -> None:
    run = add(tracker, seed=7)
    assert reader.run("regularizers-s7").id == reader.run(run[:10]).id == run
    with pytest.raises(UnknownName):
        reader.run("nothing")


def test_a_slow_store_is_asked_more_seldom(tracker: Counting, reader: CachedReader, clock: Clock) -> None:
    answer = reader.kept("slow", lambda: setattr(clock, "now", clock.now + 4) or clock.now)  # type: ignore[func-returns-value]
    clock.now += 11
    assert reader.kept("slow", lambda: -1) == answer
    clock.now += 2
    assert reader.kept("slow", lambda: -1) == -1
