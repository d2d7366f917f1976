"""A store in memory: everything the protocol promises, nothing on disk. A fake for tests that is public on purpose.

    tracker = MemoryTracker()
    with_it = execute(experiment, config, tracker)      # writes
    tracker.reader.history(run_id, "val/loss")          # reads

It is a `Tracker`, a `Reader` and a `Store` in one; safe to use from several threads of one process.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dlcamp.errors import UnknownName, UserError
from dlcamp.tracking.checked import PARENT_TAG, CheckedRun
from dlcamp.tracking.lease import LEASE_TAG, Lease
from dlcamp.tracking.limits import tag_texts
from dlcamp.tracking.protocol import Point, RunRow, Status
from dlcamp.tracking.record import Record


@dataclass
class _Held:
    """All that is known of one run."""

    id: str
    name: str
    experiment: str
    order: int
    started: float
    status: Status = "RUNNING"
    ended: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    datasets: list[tuple[str, str, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def row(self) -> RunRow:
        last = {key: max(points, key=lambda point: (point.step, point.time)) for key, points in self.points.items()}
        return RunRow(
            self.id,
            self.name,
            self.experiment,
            self.status,
            self.started,
            self.ended,
            dict(self.params),
            {key: point.value for key, point in last.items()},
            dict(self.tags),
        )


class MemoryRun(CheckedRun):
    """An open run in memory."""

    def __init__(self, held: _Held) -> None:
        super().__init__(held.id, held.name, held.params, held.points)
        self._held = held

    def flush(self) -> None:
        """Everything is stored at once; there is nothing to wait for."""

    def _write(self, records: Sequence[Record]) -> None:
        held = self._held
        for record in records:
            match record.kind:
                case "metric":
                    point = Point(record.step, record.value, record.time / 1000)
                    history = held.points.setdefault(record.key, [])
                    if point not in history[-1:]:
                        history.append(point)
                case "param":
                    held.params[record.key] = record.value
                case "tag":
                    held.tags[record.key] = record.value
                case "dataset":
                    held.datasets.append((record.key, *record.value))
                case "models":
                    held.models = list(dict.fromkeys([*held.models, *record.value]))

    def _keep(self, path: Path, folder: str) -> None:
        files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
        for file in files:
            name = Path(folder, file.relative_to(path.parent)).as_posix()
            self._held.files[name] = file.read_bytes()

    def _close(self, end: Record) -> None:
        statuses: dict[str, Literal["FINISHED", "FAILED", "KILLED"]] = {
            "FINISHED": "FINISHED",
            "FAILED": "FAILED",
            "KILLED": "KILLED",
        }
        self._held.status = statuses[end.key]
        self._held.ended = end.time / 1000


class MemoryTracker:
    """Writes runs to memory and reads them back."""

    uri = "memory:"
    artifacts_folder: Path | None = None

    def __init__(self) -> None:
        self._runs: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._scratch: Path | None = None

    @property
    def tracker(self) -> MemoryTracker:
        """Itself: a memory tracker is a whole store."""
        return self

    @property
    def reader(self) -> MemoryTracker:
        """Itself: a memory tracker is a whole store."""
        return self

    def start(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None, parent: str | None = None
    ) -> MemoryRun:
        """Open a new run (RUNNING) of an experiment, under a parent run's id if given."""
        held = _Held(uuid.uuid4().hex, name, experiment, len(self._runs), time.time_ns() // 1_000_000 / 1000)
        held.tags = tag_texts(tags or {}) | {LEASE_TAG: Lease.of_this_process().text()}
        if parent:
            held.tags |= {PARENT_TAG: parent}
        with self._lock:
            self._runs[held.id] = held
        return MemoryRun(held)

    def resume(self, run_id: str) -> MemoryRun:
        """Open an interrupted run again, as the same run."""
        held = self._get(run_id)
        held.status, held.ended = "RUNNING", None
        held.tags[LEASE_TAG] = Lease.of_this_process().text()
        return MemoryRun(held)

    def runs(
        self,
        experiment: str | None = None,
        *,
        status: Status | None = None,
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Rows, newest first, of those that match everything given."""
        with self._lock:
            held = sorted(self._runs.values(), key=lambda run: run.order, reverse=True)
        rows = [
            run.row()
            for run in held
            if experiment in (None, run.experiment)
            and status in (None, run.status)
            and all(run.tags.get(key) == value for key, value in (tags or {}).items())
        ]
        return rows if limit is None else rows[: max(limit, 0)]

    def run(self, run: str) -> RunRow:
        """One row by id, name, or unique beginning of an id; UnknownName when there is none."""
        rows = self.runs()
        for found in (
            [row for row in rows if row.id == run],
            [row for row in rows if row.name == run],
            [row for row in rows if run and row.id.startswith(run)],
        ):
            if len(found) == 1:
                return found[0]
            if found:
                shown = "\n".join(f"  {row.id}  {row.name}  {row.experiment}  {row.status}" for row in found[:5])
                raise UserError(f"{run!r} names {len(found)} runs; give more of an id:\n{shown}")
        raise UnknownName("run", run, {row.name for row in rows})

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Every value of a metric, by step; empty for a metric the run does not have."""
        return sorted(self._get(run_id).points.get(metric, ()), key=lambda point: (point.step, point.time))

    def artifacts(self, run_id: str, folder: str = "") -> Sequence[str]:
        """Paths of the files under a folder, all levels, sorted."""
        inside = folder.rstrip("/") + "/" if folder else ""
        return sorted(name for name in self._get(run_id).files if name.startswith(inside))

    def fetch(self, run_id: str, path: str) -> Path:
        """A local path that holds an artifact; it lasts as long as the tracker. UnknownName when there is none."""
        files = self._get(run_id).files
        names = [name for name in files if not path or name == path or name.startswith(path.rstrip("/") + "/")]
        if path and not names:
            raise UnknownName("artifact", path, files)
        with self._lock:
            if self._scratch is None:
                self._scratch = Path(tempfile.mkdtemp(prefix="dlcamp-"))
                weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        root = self._scratch / run_id
        shutil.rmtree(root / path, ignore_errors=True)
        for name in names:
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[name])
        return root / path

    def local_artifact(self, run_id: str, path: str) -> Path | None:
        """None: artifacts in memory lie nowhere on this machine; `fetch` writes them to a temporary folder."""
        return None

    def datasets(self, run_id: str) -> list[tuple[str, str, str]]:
        """Name, digest and context of the data sets a run took in."""
        return list(self._get(run_id).datasets)

    def models(self, run_id: str) -> list[str]:
        """Ids of the models a run took in."""
        return list(self._get(run_id).models)

    def _get(self, run_id: str) -> _Held:
        if run_id not in self._runs:
            raise UnknownName("run", run_id, self._runs)
        return self._runs[run_id]
