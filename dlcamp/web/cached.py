"""A reader that asks the store seldom: pages are opened, reloaded and polled, a store of thousands of runs is slow.

The rows of the newest runs are kept. When they are older than a couple of seconds, only what can have changed is asked
again: the newest rows, and those that run. Every few minutes all are read anew, while pages are made of what is known:
runs may be deleted or relabelled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from dlcamp.errors import DlcampError, UnknownName
from dlcamp.tracking.protocol import Point, Reader, RunRow, Status

FRESH = 2.0
"""Seconds for which an answer is used again."""
MOST = 5000
"""Rows that are kept; older runs are read from the store when they are asked for."""
NEWEST = 200
"""Rows that a refresh asks for."""
WHOLE = 300.0
"""Seconds after which everything is read anew, aside."""
_ANSWERS = 256

T = TypeVar("T")


@dataclass(frozen=True)
class _Rows:
    """Rows by id; `all` is False where the store holds more. Times are the clock's."""

    by_id: Mapping[str, RunRow]
    all: bool
    until: float
    whole_until: float


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


class CachedReader:
    """A `Reader` over another one; safe to use from several threads.

    Args:
        fresh: seconds for which an answer is used again; 0 asks each time.
        most: rows that are kept.
        clock: seconds that only grow.
        aside: does a piece of work without letting the caller wait.
    """

    def __init__(
        self,
        reader: Reader,
        fresh: float = FRESH,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
        aside: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        self._reader, self._fresh, self._most, self._clock, self._aside = reader, fresh, most, clock, aside
        self._rows: _Rows | None = None
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._rows_lock, self._answers_lock = threading.Lock(), threading.Lock()

    def recent(self) -> tuple[list[RunRow], bool]:
        """The newest rows of all experiments, newest first, and whether these are all that there are."""
        rows = self._current()
        return list(rows.by_id.values()), rows.all

    def runs(
        self,
        experiment: str | None = None,
        *,
        status: Status | None = None,
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Rows, newest first, of those that match everything given."""
        rows = self._current()
        wanted = dict(tags or {})
        found = [
            row
            for row in rows.by_id.values()
            if experiment in (None, row.experiment)
            and status in (None, row.status)
            and all(row.tags.get(key) == value for key, value in wanted.items())
        ]
        if rows.all or (limit is not None and len(found) >= limit):
            return found if limit is None else found[: max(limit, 0)]
        key = ("runs", experiment, status, tuple(sorted(wanted.items())), limit)
        return self.kept(key, lambda: self._reader.runs(experiment, status=status, tags=tags, limit=limit))

    def run(self, run: str) -> RunRow:
        """One row by id, name, or unique beginning of an id; UnknownName when there is none."""
        known = self._current().by_id.get(run)
        return known or self.kept(("run", run), lambda: self._reader.run(run))

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Every value of a metric, by step."""
        return self._reader.history(run_id, metric)

    def artifacts(self, run_id: str, folder: str = "") -> Sequence[str]:
        """Paths of the files under a folder, all levels."""
        return self.kept(("artifacts", run_id, folder), lambda: self._reader.artifacts(run_id, folder))

    def fetch(self, run_id: str, path: str) -> Path:
        """A local path that holds an artifact."""
        return self.kept(("fetch", run_id, path), lambda: self._reader.fetch(run_id, path))

    def kept(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What was answered a moment ago, else what is now; the lock is not held while the store is asked."""
        now = self._clock()
        kept = self._answers.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]  # type: ignore[no-any-return]
        answer = ask()
        with self._answers_lock:
            if len(self._answers) >= _ANSWERS:
                self._answers = {key: one for key, one in self._answers.items() if now < one[0]}
            if len(self._answers) < _ANSWERS:
                self._answers[key] = (self._until(now), answer)
        return answer

    def _current(self) -> _Rows:
        """The rows; one thread reads them, the others wait for it."""
        due = False
        with self._rows_lock:
            now = self._clock()
            if self._rows is None:
                self._rows = self._read_all()
            elif now >= self._rows.until:
                due = now >= self._rows.whole_until
                self._rows = self._refreshed(self._rows, now)
                if due:  # no second thread until this one is through
                    self._rows = replace(self._rows, whole_until=now + WHOLE)
            rows = self._rows
        if due:
            self._aside(self._read_anew)
        return rows

    def _read_anew(self) -> None:
        with suppress(DlcampError):  # the store is away: the next page says so
            rows = self._read_all()
            with self._rows_lock:
                self._rows = rows

    def _read_all(self) -> _Rows:
        found = self._reader.runs(limit=self._most + 1)
        done = self._clock()
        kept = {row.id: row for row in found[: self._most]}
        # what comes next is a refresh, which is cheap however long this took
        return _Rows(kept, len(found) <= self._most, done + self._fresh, done + self._fresh + WHOLE)

    def _refreshed(self, old: _Rows, now: float) -> _Rows:
        newest = self._reader.runs(limit=NEWEST)
        if len(newest) == NEWEST and newest[-1].id not in old.by_id:
            return self._read_all()  # more began meanwhile than were asked for
        changed = {row.id: row for row in [*newest, *self._reader.runs(status="RUNNING")]}
        ended = [row.id for row in old.by_id.values() if row.status == "RUNNING" and row.id not in changed]
        for run in ended:
            with suppress(UnknownName):  # deleted meanwhile
                changed[run] = self._reader.run(run)
        others = [row for row in old.by_id.values() if row.id not in changed and row.id not in ended]
        merged = sorted([*changed.values(), *others], key=lambda row: -row.started)
        kept = {row.id: row for row in merged[: self._most]}
        return _Rows(kept, old.all and len(merged) <= self._most, self._until(now), old.whole_until)

    def _until(self, began: float) -> float:
        """A slow store is asked more seldom: reading takes a quarter of the time at most."""
        now = self._clock()
        return now + max(self._fresh, 3 * (now - began)) if self._fresh else now
