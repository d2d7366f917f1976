"""Jobs one after the other in this process: for tests and for debugging with breakpoints."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from dlcamp.errors import RunInterrupted
from dlcamp.launch.protocol import Event, Job
from dlcamp.references import follow
from dlcamp.tracking.protocol import Store


class Inline:
    """A launcher with one slot: a job runs while `events` is asked for."""

    slots = 1

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None

    def submit(self, job: Job) -> None:
        """Put a job in the queue."""
        self._waiting.append(job)

    def events(self, timeout: float | None = None) -> list[Event]:
        """First the start of the next job, then, after it was executed, its end."""
        if self._running is None:
            if not self._waiting:
                return []
            self._running = self._waiting.popleft()
            return [Event(self._running, "started", worker="inline")]
        job, self._running = self._running, None
        return [run_job(job, self._store, "inline")]

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._running = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run_job(job: Job, store: Store, worker: str) -> Event:
    """Follow the job's reference and call it; an exception becomes an event, an interruption goes on up."""
    try:
        return Event(job, "done", follow(job.target)(job.payload, store), worker=worker)
    except RunInterrupted:
        raise
    except Exception as error:
        return Event(job, "raised", error=f"{type(error).__name__}: {error}", worker=worker)
