"""The doors to a tracker: one narrow for writing, one for reading.

A tracker is whatever passes `tests/contracts/tracking.py`. The writing side takes params, tags, metrics and
files; everything richer (figures, predictions, models) is built on it once, in `handle.py`. The reading side
returns rows, so that analysis never imports a tracker's library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Point:
    """One logged value of one metric. `time` is in seconds since the epoch."""

    step: int
    value: float
    time: float


@dataclass(frozen=True)
class RunRow:
    """What a reader knows of a run; times in seconds since the epoch, `metrics` are the last values."""

    id: str
    name: str
    experiment: str
    status: Status
    started: float
    ended: float | None
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class TrackedRun(Protocol):
    """The writing side of one open run."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; values become text. The same value again is ignored, another value is an error."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; a later value replaces an earlier."""

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics at a step (None: 0). On a resumed run a (name, step) that is stored already is dropped."""

    def final(self, values: Mapping[str, float], data: str = "", digest: str = "", model_id: str = "") -> None:
        """Log what the run ends with, as the last value of each metric, about a data set and a model."""

    def artifact(self, source: Path, folder: str = "") -> None:
        """Store a file, or a folder with its name and all it holds, under `folder`."""

    def dataset(self, name: str, digest: str, context: str = "") -> None:
        """Record a data set as an input of the run; the tag `dlcamp.data_digest` holds the digest too."""

    def models(self, model_ids: Sequence[str]) -> None:
        """Record stored models (of other runs) as inputs of the run; a model that is one already stays one."""

    def flush(self) -> None:
        """Return when everything given so far is stored (or spooled, where the server is away)."""

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Flush and close."""


class Tracker(Protocol):
    """Where runs are written."""

    def start(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None, parent: str | None = None
    ) -> TrackedRun:
        """Open a new run (RUNNING) of an experiment, under a parent run's id if given."""

    def resume(self, run_id: str) -> TrackedRun:
        """Open an interrupted run again, as the same run."""


class Reader(Protocol):
    """Where runs are read."""

    def runs(
        self,
        experiment: str | None = None,
        *,
        status: Status | None = None,
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Rows, newest first, of those that match everything given."""

    def run(self, run: str) -> RunRow:
        """One row by id, unique beginning of an id, or name; UnknownName when there is none."""

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Every value of a metric, by step."""

    def artifacts(self, run_id: str, folder: str = "") -> Sequence[str]:
        """Paths of the files under a folder, all levels."""

    def fetch(self, run_id: str, path: str) -> Path:
        """A local path that holds an artifact (a file or a folder); not to be written to."""


class Store(Protocol):
    """A place that holds runs: how to write there, how to read there, and where it lies."""

    @property
    def tracker(self) -> Tracker: ...

    @property
    def reader(self) -> Reader: ...

    @property
    def uri(self) -> str:
        """What MLflow calls the tracking URI; `memory:` for the in-memory store."""

    @property
    def artifacts_folder(self) -> Path | None:
        """Where artifacts lie when they lie on this machine, else None."""

    def local_artifact(self, run_id: str, path: str) -> Path | None:
        """Where an artifact of a run lies on this machine; None where it lies elsewhere."""


class Predictor(Protocol):
    """A trained model from raw input to output: a JPEG to a caption, a row to a class.

    `kind` says what an input is: "image" (bytes of an encoded image), "text" (str) or "row" (mapping of numbers).
    """

    kind: ClassVar[str]

    def save(self, folder: Path) -> None:
        """Write plain files (no pickle) into an existing folder."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        """One output an input, in order."""
