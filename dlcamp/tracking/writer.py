"""One thread a run that stores what the run is given: in batches, in order, and again after the store was away.

The run's own thread only puts records into a bounded queue. When the store does not answer, records go to the
spool on disk; the thread tries again with growing pauses and replays the spool, in order, when it answers.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dlcamp.errors import StoreError
from dlcamp.tracking.record import Record, batches
from dlcamp.tracking.spool import Spool

CAPACITY = 10_000
GATHER = 5_000
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PATIENCE = 10.0


class Rejected(Exception):
    """The store refused a request for good; sending it again will not help."""


Send = Callable[[Sequence[Record]], None]
"""Stores one batch (as `batches` makes them). Rejected: never send it again. Anything else: the store is away."""


class _Mark:
    """A place in the queue; `reached` is set when everything before it, and its artifact, is stored or spooled."""

    def __init__(self, stop: bool = False, artifact: tuple[Path, str] | None = None) -> None:
        self.stop = stop
        self.artifact = artifact
        self.error: Exception | None = None
        self.reached = threading.Event()


class Writer:
    """The queue and the thread of one run.

    Args:
        send: stores one batch.
        spool: where records wait while the store is away.
        beat: a record that shows that the run lives, sent every `beat_seconds`.
        say: takes a line for the person at the terminal.
        beat_seconds: pause between heartbeats.
        patience: seconds that `close` waits for a store that is away.
    """

    def __init__(
        self,
        send: Send,
        spool: Spool,
        beat: Callable[[], Record],
        say: Callable[[str], None],
        beat_seconds: float = 30.0,
        patience: float = PATIENCE,
    ) -> None:
        self._send = send
        self._spool = spool
        self._beat = beat
        self._say = say
        self._beat_seconds = beat_seconds
        self._patience = patience
        self._queue: queue.Queue[Record | _Mark] = queue.Queue(CAPACITY)
        self._unspooled: list[Record] = []
        self._away = ""
        self._pause = FIRST_PAUSE
        self._next_try = 0.0
        self._next_beat = time.monotonic() + beat_seconds
        self.failures = 0
        self.rejected = 0
        self._thread = threading.Thread(target=self._work, name=f"dlcamp-writer-{spool.run_id[:8]}", daemon=True)
        self._thread.start()
        atexit.register(self._at_exit)

    @property
    def away(self) -> str:
        """Why the store does not answer at present; empty while it does."""
        return self._away

    def put(self, records: Sequence[Record]) -> None:
        """Hand over records; waits while the queue is full."""
        for record in records:
            self._enqueue(record)

    def keep(self, source: Path, folder: str) -> None:
        """Store an artifact before returning; while the store is away, a copy of it goes to the spool."""
        self._wait(_Mark(artifact=(source, folder)))

    def flush(self) -> None:
        """Return when everything handed over is stored or spooled; StoreError when it is neither."""
        self._wait(_Mark())
        if self._unspooled:
            raise StoreError(
                f"{len(self._unspooled)} records could be written neither to {self._spool.uri} ({self._away}) "
                f"nor to {self._spool.folder}: make room there; they are kept in memory until then"
            )

    def close(self, end: Record) -> None:
        """Store the end of the run and stop; returns within `patience` seconds and a request's time-out."""
        self.put([end])
        self._wait(_Mark(stop=True))
        self._thread.join()
        atexit.unregister(self._at_exit)
        if self._spool:
            self._say(
                f"{self._spool.uri} does not answer ({self._away}): {len(self._spool.records())} records wait in "
                f"{self._spool.folder} and are sent when the store is next opened"
            )
        self._spool.release()
        if self._unspooled:
            raise StoreError(
                f"{len(self._unspooled)} records are lost: neither {self._spool.uri} nor the disk took them"
            )

    def _enqueue(self, item: Record | _Mark) -> None:
        while True:
            if not self._thread.is_alive():
                raise RuntimeError("the writer thread has died: this is a bug")
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=1.0)
                return

    def _wait(self, mark: _Mark) -> None:
        self._enqueue(mark)
        while not mark.reached.wait(timeout=1.0):
            if not self._thread.is_alive():
                raise RuntimeError("the writer thread has died: this is a bug")
        if mark.error is not None:
            raise mark.error

    def _at_exit(self) -> None:
        """A process that ends without ending its run still stores what it was given."""
        with contextlib.suppress(StoreError, RuntimeError):
            self.flush()

    def _work(self) -> None:
        while True:
            records, mark = self._gather()
            if records or self._unspooled:
                self._store(records)
            if mark is not None and mark.artifact is not None:
                mark.error = self._store_artifact(*mark.artifact)
            if mark is not None and mark.stop:
                self._last_tries()
            elif self._behind() and time.monotonic() >= self._next_try:
                self._replay()
            if time.monotonic() >= self._next_beat:
                self._show_life()
            if mark is not None:
                mark.reached.set()
                if mark.stop:
                    return

    def _gather(self) -> tuple[list[Record], _Mark | None]:
        """What is in the queue, up to a mark; waits for the first, at most until something else is due."""
        due = min(self._next_beat, self._next_try) if self._behind() else self._next_beat
        records: list[Record] = []
        try:
            item = self._queue.get(timeout=max(due - time.monotonic(), 0.01))
            while True:
                if isinstance(item, _Mark):
                    return records, item
                records.append(item)
                if len(records) >= GATHER:
                    break
                item = self._queue.get_nowait()
        except queue.Empty:
            pass
        return records, None

    def _behind(self) -> bool:
        return bool(self._unspooled) or bool(self._away) or bool(self._spool)

    def _store(self, records: Sequence[Record]) -> None:
        """Send, or spool from the first batch on that the store does not take."""
        if self._behind():
            self._put_away(records)
            return
        left = self._send_all(records)
        if left:
            self._put_away(left)

    def _store_artifact(self, source: Path, folder: str) -> Exception | None:
        """Send an artifact, or keep a copy of it in the spool; what to raise when neither can be done."""
        if not self._behind():
            try:
                self._send([Record("artifact", str(source), folder)])
                return None
            except Rejected as error:
                return StoreError(f"artifact {source.name} was refused by {self._spool.uri}: {error}")
            except Exception as error:  # whatever a store's client raises when the store is away
                self._fail(error)
        try:
            self._spool.append([self._spool.keep(source, folder)])
        except OSError as error:
            return StoreError(
                f"artifact {source} can be kept neither by {self._spool.uri} ({self._away}) nor on disk: {error}"
            )
        return None

    def _send_all(self, records: Sequence[Record]) -> Sequence[Record]:
        """Send batch by batch; what is left when the store stops answering."""
        left, error = send_all(records, self._send, self._reject)
        if error is not None:
            self._fail(error)
        return left

    def _reject(self, record: Record, why: str) -> None:
        self.rejected += 1
        self._spool.reject(record, why)
        self._say(f"refused by {self._spool.uri}: {record.kind} {record.key!r}: {why}")

    def _put_away(self, records: Sequence[Record]) -> None:
        self._unspooled.extend(records)
        try:
            self._spool.append(self._unspooled)
        except OSError as error:
            self._say(f"cannot spool to {self._spool.folder}: {error}")
            return
        self._unspooled = []

    def _replay(self) -> None:
        """Send everything that waits on disk and in memory; drop the spool when all of it is stored."""
        waiting = [*(self._spool.records() if self._spool else []), *self._unspooled]
        if self._send_all(waiting):
            return
        if self._away:
            self._say(f"{self._spool.uri} answers again: {len(waiting)} records sent")
        self._spool.done()
        self._unspooled = []
        self._away, self._pause = "", FIRST_PAUSE

    def _last_tries(self) -> None:
        """Replay until everything is stored or patience ends."""
        give_up = time.monotonic() + self._patience
        while self._behind():
            self._replay()
            rest = give_up - time.monotonic()
            if not self._behind() or rest <= 0:
                return
            time.sleep(min(self._pause, rest))

    def _show_life(self) -> None:
        self._next_beat = time.monotonic() + self._beat_seconds
        if self._behind():
            return
        try:
            self._send([self._beat()])
        except Exception as error:  # the next records find out whether the store is away
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failures += 1
        if not self._away:
            self._say(f"{self._spool.uri} does not take what the run gives it ({error}); keeping it on disk meanwhile")
        self._away = str(error) or type(error).__name__
        self._next_try = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def send_all(
    records: Sequence[Record], send: Send, reject: Callable[[Record, str], None]
) -> tuple[Sequence[Record], Exception | None]:
    """Send batch by batch; what is left, and why, when the store stops answering."""
    sent = 0
    for batch in batches(records):
        try:
            _send_batch(batch, send, reject)
        except Exception as error:  # whatever a store's client raises when the store is away
            return records[sent:], error
        sent += len(batch)
    return [], None


def _send_batch(batch: Sequence[Record], send: Send, reject: Callable[[Record, str], None]) -> None:
    """Send one batch; one that is refused for good goes record by record, to keep all but the culprits."""
    try:
        send(batch)
    except Rejected as error:
        if len(batch) == 1:
            reject(batch[0], str(error))
            return
        for record in batch:
            _send_batch([record], send, reject)


def replay(spool: Spool, send: Send) -> int:
    """Send what waits in a spool that this process holds, and drop it; how many records that were.

    Raises what `send` raises when the store is away; the spool then stays as it is.
    """
    records = spool.records()
    _, error = send_all(records, send, spool.reject)
    if error is not None:
        raise error
    spool.done()
    return len(records)
