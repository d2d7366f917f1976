"""Worker processes: the contract, equal threads, deaths that stay alone, and no worker without its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dlcamp.launch.protocol import Job
from dlcamp.launch.workers import THREAD_VARIABLES, WorkerPool
from dlcamp.paths import REPOSITORY
from tests.contracts.launching import LauncherContract, ends, everything, job
from tests.store_template import furnished


def variables(payload: dict[str, Any], store: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), "threads": [os.environ.get(name) for name in THREAD_VARIABLES]}


def die(payload: dict[str, Any], store: Any) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def own(key: str, target: str, **payload: Any) -> Job:
    return Job(key, f"tests.launch.test_workers:{target}", payload)


@pytest.fixture(scope="module")
def shared_pool(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """Two workers for several tests: a worker takes seconds to import what it needs."""
    home = furnished(tmp_path_factory.mktemp("home"), store_template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCAMP_HOME", str(home))
        with WorkerPool(2, threads=1) as pool:
            yield pool


class TestWorkerPool(LauncherContract):
    @pytest.fixture
    def launcher(self, shared_pool: WorkerPool) -> WorkerPool:
        return shared_pool

    @pytest.fixture
    def closable(self, store_home: Path) -> Iterator[WorkerPool]:
        with WorkerPool(2, threads=1) as pool:
            yield pool


@pytest.mark.slow
def test_workers_are_processes_of_their_own_that_stay_and_have_equal_threads(store_home: Path) -> None:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    with WorkerPool(1, threads=3) as pool:
        pool.submit(own("a", "variables"))
        pool.submit(own("b", "variables"))
        results = [event.result for event in ends(everything(pool)).values()]
    assert results[0]["pid"] == results[1]["pid"] != os.getpid()
    assert results[0]["threads"] == ["3"] * len(THREAD_VARIABLES)
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == before


def test_a_killed_worker_loses_its_job_only_and_another_takes_its_place(store_home: Path) -> None:
    with WorkerPool(1, threads=1) as pool:
        pool.submit(own("death", "die"))
        pool.submit(job("after"))
        ended = ends(everything(pool))
    assert (ended["death"].kind, ended["after"].kind) == ("lost", "done")
    assert "SIGKILL" in ended["death"].error


@pytest.mark.slow
def test_workers_of_a_killed_parent_end_by_themselves(store_home: Path) -> None:
    script = (
        "import sys, time\n"
        "from dlcamp.launch.workers import WorkerPool\n"
        "from tests.contracts.launching import job\n"
        "if __name__ == '__main__':\n"
        "    pool = WorkerPool(1, threads=1)\n"
        "    pool.submit(job('long', seconds=60))\n"
        "    print(pool._workers[0].process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    path = store_home / "parent.py"
    path.write_text(script, "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, env=environment, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(0)


def test_a_worker_that_has_grown_too_large_is_replaced_between_two_jobs(store_home: Path) -> None:
    with WorkerPool(1, threads=1, memory=1.0) as pool:
        pool.submit(own("a", "variables"))
        pool.submit(own("b", "variables"))
        ended = ends(everything(pool))
    assert {event.kind for event in ended.values()} == {"done"}
    assert ended["a"].result["pid"] != ended["b"].result["pid"]
