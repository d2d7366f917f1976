"""Leases: a dead process is told from a live one, and what doctor does about it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from dlcamp.tracking import MemoryTracker
from dlcamp.tracking.doctor import end_stale, stale_runs
from dlcamp.tracking.lease import LEASE_TAG, Lease, is_alive, is_dead, why_dead

MINE = Lease.of_this_process()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_this_process_is_alive_however_old_its_heartbeat() -> None:
    assert not is_dead(MINE)
    assert not is_dead(replace(MINE, heartbeat=0.0))
    assert is_alive(MINE.text())


def test_a_lease_survives_its_tag() -> None:
    assert Lease.parse(MINE.text()) == MINE
    assert MINE.renewed().heartbeat >= MINE.heartbeat


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", "no json", '{"host": "a"}', '{"pid": "x"}'])
def test_what_is_no_lease_is_not_judged(text: str) -> None:
    assert Lease.parse(text) is None
    assert not is_alive(text)


def test_a_killed_process_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    lease = replace(MINE, pid=sleeper.pid, started=psutil.Process(sleeper.pid).create_time())
    assert not is_dead(lease)
    sleeper.kill()
    sleeper.wait()
    assert why_dead(lease) == f"its process {sleeper.pid} is gone"


def test_a_process_id_in_use_again_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    lease = replace(MINE, pid=sleeper.pid, started=psutil.Process(sleeper.pid).create_time() - 3600)
    assert "another one" in why_dead(lease)


def test_a_restart_of_the_machine_ends_every_process() -> None:
    assert "restarted" in why_dead(replace(MINE, boot="another"))


def test_another_host_is_judged_by_its_heartbeat_alone() -> None:
    there = replace(MINE, host="elsewhere", boot="another", pid=1, heartbeat=1000.0)
    assert not is_dead(there, now=1000.0 + 599)
    assert why_dead(there, now=1000.0 + 1200) == "no sign of life from host elsewhere for 20 min"


def test_doctor_lists_and_ends_only_runs_of_the_dead() -> None:
    store = MemoryTracker()
    alive, dead, foreign, done = (store.start("e", name) for name in ("alive", "dead", "foreign", "done"))
    dead.tags({LEASE_TAG: replace(MINE, boot="another").text()})
    foreign.tags({LEASE_TAG: "not ours"})
    done.tags({LEASE_TAG: replace(MINE, boot="another").text()})
    done.end("FINISHED")
    stale = stale_runs(store)
    assert [(one.row.name, one.why) for one in stale] == [("dead", "this machine was restarted since")]
    assert end_stale(store, stale) == stale
    row = store.run("dead")
    assert (row.status, row.tags["dlcamp.ended"]) == ("KILLED", "doctor: this machine was restarted since")
    assert store.run("alive").status == store.run("foreign").status == "RUNNING"
    assert stale_runs(store) == []
    alive.end("FINISHED")


def test_doctor_leaves_a_run_alone_that_was_resumed_meanwhile() -> None:
    store = MemoryTracker()
    run = store.start("e", "dead")
    run.tags({LEASE_TAG: replace(MINE, boot="another", heartbeat=time.time() - 9000).text()})
    stale = stale_runs(store)
    store.resume(run.id)
    assert end_stale(store, stale) == []
    assert store.run("dead").status == "RUNNING"
