"""Who runs a run: a lease in the tag `dlcamp.lease`, by which a dead process is told from a slow one.

A run is left RUNNING for ever by SIGKILL or a power cut. The lease names host, boot, process and the process's
start time, and a heartbeat that the writer renews every 30 s. On the same host the process itself is asked;
of another host only the heartbeat's age can be known.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import psutil

LEASE_TAG = "dlcamp.lease"
BEAT_SECONDS = 30.0
SILENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Lease:
    """Times are seconds since the epoch; `boot` is empty where the system has no boot id."""

    host: str
    boot: str
    pid: int
    started: float
    heartbeat: float

    @classmethod
    def of_this_process(cls) -> Lease:
        """A lease held by the calling process, beating now."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot_id(), pid, psutil.Process(pid).create_time(), time.time())

    def renewed(self) -> Lease:
        """The same lease, beating now."""
        return replace(self, heartbeat=time.time())

    def text(self) -> str:
        """The tag's value."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Lease | None:
        """The lease of a tag's value, or None where it is not one."""
        try:
            raw = json.loads(text)
            return cls(
                str(raw["host"]), str(raw["boot"]), int(raw["pid"]), float(raw["started"]), float(raw["heartbeat"])
            )
        except (ValueError, TypeError, KeyError):
            return None


def why_dead(lease: Lease, now: float | None = None) -> str:
    """Why the holder is dead, in words; empty while it may live.

    Args:
        lease: as read from the tag.
        now: seconds since the epoch, for the age of the heartbeat; default the clock.
    """
    if lease.host != socket.gethostname():
        age = (time.time() if now is None else now) - lease.heartbeat
        return f"no sign of life from host {lease.host} for {age / 60:.0f} min" if age > SILENCE_SECONDS else ""
    if lease.boot != _boot_id():
        return "this machine was restarted since"
    try:
        started = psutil.Process(lease.pid).create_time()
    except psutil.NoSuchProcess:
        return f"its process {lease.pid} is gone"
    except psutil.AccessDenied:
        return ""
    # A clock step moves create_time by the same amount in every process; a reused pid differs by much more.
    return "" if abs(started - lease.started) < 5 else f"process {lease.pid} is another one by now"


def is_dead(lease: Lease, now: float | None = None) -> bool:
    """Whether the process that holds the lease is known to be gone."""
    return bool(why_dead(lease, now))


def is_alive(text: str) -> bool:
    """Whether a tag's value is a lease whose holder may live."""
    lease = Lease.parse(text)
    return lease is not None and not is_dead(lease)


@cache
def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
