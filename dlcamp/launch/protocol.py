"""The seam between what wants things done (ablations, searches) and where they are done.

    with WorkerPool(workers=2, threads=1) as launcher:
        launcher.submit(Job("dropout-s0", "dlcamp.cell:run_cell", {...}))
        for event in launcher.events(timeout=1.0):
            ...

A launcher is whatever passes `tests/contracts/launching.py`. It knows nothing of experiments: a job names a function
`(payload, store) -> result` by reference, and payload and result are plain JSON values, so that they can travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

Kind = Literal["started", "done", "raised", "lost"]


@dataclass(frozen=True)
class Job:
    """One thing to do.

    Args:
        key: tells the jobs of one launcher apart.
        target: "module:function" of (payload, store) -> result.
        payload: plain JSON values.
    """

    key: str
    target: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """What became of a job: it started; it is done, with its result; it raised; or its worker died and it is lost.

    A lost job may have left a run open. Who submitted it decides whether it is tried again.
    """

    job: Job
    kind: Kind
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    worker: str = ""


class Launcher(Protocol):
    """Executes jobs, several at once where it can, each one once, in the order they were submitted."""

    @property
    def slots(self) -> int:
        """How many jobs it executes at once."""

    def submit(self, job: Job) -> None:
        """Put a job in the queue; returns at once."""

    def events(self, timeout: float | None = None) -> list[Event]:
        """Wait for what happens next, at most `timeout` seconds; empty when nothing did, or nothing is left to do."""

    def close(self) -> None:
        """End what runs (as SIGTERM does) and forget what waits."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
