"""Worker processes on this machine: spawned, persistent, with equal threads each; one that dies takes no other along.

A worker imports what its jobs need once and keeps it. Thread variables are set before anything heavy is imported.
Workers end when their parent ends, however it ends: each asks now and then whether its parent is still there.
Ctrl-C reaches the whole process group, but workers leave it to their parent, which tells them once, by SIGTERM.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from dlcamp.launch.protocol import Event, Job

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
MEMORY_SHARE = 0.5
"""Of the machine's memory, what all workers together may hold before one that has grown is replaced."""
GRACE_SECONDS = 20.0
WATCH_SECONDS = 1.0


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """One process and what it does at the moment."""

    def __init__(self, name: str, process: BaseProcess, pipe: Connection) -> None:
        self.name, self.process, self.pipe = name, process, pipe
        self.job: Job | None = None

    def say(self, job: Job) -> bool:
        """Give it a job; False when it is gone."""
        try:
            self.pipe.send((job.key, job.target, dict(job.payload)))
        except OSError:
            return False
        self.job = job
        return True


class WorkerPool:
    """A launcher over `workers` processes.

    Args:
        workers: how many at most; each starts when there is a job for it.
        threads: of each worker; default an equal share of the processors.
        log: file that takes what workers print; default nowhere.
        memory: bytes a worker may hold; one that holds more after a job is replaced by a fresh one, because
            TensorFlow keeps a little of every model. Default an equal share of half the machine's.
    """

    def __init__(
        self, workers: int, threads: int | None = None, log: Path | None = None, memory: float | None = None
    ) -> None:
        if workers < 1:
            raise ValueError(f"{workers} workers: at least one is needed")
        self.slots = workers
        self.threads = threads or max(1, cores() // workers)
        self._memory = memory or psutil.virtual_memory().total * MEMORY_SHARE / workers
        self._log = log
        self._waiting: deque[Job] = deque()
        self._workers: list[_Worker] = []
        self._started = 0
        self._untold: list[Event] = []

    def submit(self, job: Job) -> None:
        """Put a job in the queue; it starts at once when a worker is free."""
        self._waiting.append(job)
        self._hand_out()

    def events(self, timeout: float | None = None) -> list[Event]:
        """Wait for what happens next, at most `timeout` seconds."""
        self._hand_out()
        found, self._untold = self._untold, []
        busy = [worker for worker in self._workers if worker.job is not None]
        if found or not busy:
            return found
        ready = wait([*(w.pipe for w in busy), *(w.process.sentinel for w in busy)], timeout)
        for worker in busy:
            if worker.pipe in ready or worker.process.sentinel in ready:
                found.append(self._hear(worker))
        self._hand_out()
        found, self._untold = [*found, *self._untold], []
        return found

    def close(self) -> None:
        """End the workers: those that are busy get SIGTERM and some time to close their run."""
        self._waiting.clear()
        self._untold.clear()
        for worker in self._workers:
            with suppress(OSError):
                worker.pipe.send(None)
            if worker.job is not None and worker.process.pid:
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hand_out(self) -> None:
        while self._waiting:
            worker = next((one for one in self._workers if one.job is None), None)
            if worker is None:
                if len(self._workers) >= self.slots:
                    return
                worker = self._start()
            job = self._waiting.popleft()
            if worker.say(job):
                self._untold.append(Event(job, "started", worker=worker.name))
            else:
                self._drop(worker)
                self._waiting.appendleft(job)

    def _start(self) -> _Worker:
        self._started += 1
        name = f"worker-{self._started}"
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        log = str(self._log) if self._log else os.devnull
        process = context.Process(target=work, args=(name, theirs, os.getpid(), log), name=name, daemon=False)
        with environment(dict.fromkeys(THREAD_VARIABLES, str(self.threads))):
            process.start()
        theirs.close()
        worker = _Worker(name, process, ours)
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker) -> Event:
        job = worker.job
        assert job is not None
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(GRACE_SECONDS)
            self._drop(worker)
            return Event(job, "lost", error=_how_it_died(worker.process.exitcode), worker=worker.name)
        worker.job = None
        if _memory_of(worker) > self._memory:
            self._retire(worker)
        if kind == "done":
            return Event(job, "done", content, worker=worker.name)
        return Event(job, "raised", error=content, worker=worker.name)

    def _retire(self, worker: _Worker) -> None:
        """Let a worker that has nothing to do end; the next job starts another."""
        with suppress(OSError):
            worker.pipe.send(None)
        self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.pipe.close()


def _memory_of(worker: _Worker) -> int:
    try:
        return int(psutil.Process(worker.process.pid).memory_info().rss)
    except psutil.Error:  # it is gone already: the next job will show that
        return 0


def _how_it_died(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its worker was killed ({name})" + ("; out of memory?" if name == "SIGKILL" else "")
    return f"its worker ended by itself (exit {code})"


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def work(name: str, pipe: Connection, parent: int, log: str) -> None:
    """What a worker process does: jobs from the pipe until it is told to end, interrupted, or alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _print_to(log)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    from dlcamp.errors import RunInterrupted
    from dlcamp.launch.inline import run_job
    from dlcamp.tracking import open_store

    store: Any = None
    try:
        while (message := pipe.recv()) is not None:
            job = Job(*message)
            store = store or open_store(say=lambda line: None)
            event = run_job(job, store, name)
            pipe.send(("done", dict(event.result)) if event.kind == "done" else ("raised", event.error))
    except (EOFError, OSError, KeyboardInterrupt, RunInterrupted):
        pass  # the run that was interrupted has closed itself; the parent sees the closed pipe


def _print_to(log: str) -> None:
    """What a worker prints goes into a file: the terminal belongs to the parent."""
    sys.stdout.flush()
    sys.stderr.flush()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
