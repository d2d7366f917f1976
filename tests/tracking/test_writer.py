"""The writer thread against a store that goes away, comes back, refuses, or never answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dlcamp.errors import StoreError
from dlcamp.tracking.record import Record, batches
from dlcamp.tracking.spool import Spool, pending
from dlcamp.tracking.writer import Rejected, Writer, replay


class Shelf:
    """A place that takes batches, while `up`; the stand-in for a server."""

    def __init__(self) -> None:
        self.up = True
        self.refused: set[str] = set()
        self.records: list[Record] = []
        self.files: dict[str, str] = {}
        self.batches = 0
        self.threads: set[str] = set()

    def send(self, batch: Sequence[Record]) -> None:
        self.threads.add(threading.current_thread().name)
        if not self.up:
            raise ConnectionError("no answer")
        if any(record.key in self.refused for record in batch):
            raise Rejected("not this")
        self.batches += 1
        for record in batch:
            if record.kind == "artifact":
                self.files[Path(record.key).name] = Path(record.key).read_text()
            self.records.append(record)

    def steps(self) -> list[int]:
        return [record.step for record in self.records if record.kind == "metric"]


class Bench:
    """A writer over a shelf, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf()
        self.said: list[str] = []
        self.folder = folder / "spool"

    def writer(self, run: str = "run1", patience: float = 0.3, beat_seconds: float = 3600.0) -> Writer:
        spool = Spool(self.folder, "shelf:", run)
        beat = Record("tag", "dlcamp.lease", "alive")
        return Writer(self.shelf.send, spool, lambda: beat, self.said.append, beat_seconds, patience)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


END = Record("end", "FINISHED", None, 1)


def metric(step: int) -> Record:
    return Record("metric", "val/loss", float(step), 1000 + step, step)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_records_are_sent_in_order_by_one_thread_in_batches(bench: Bench) -> None:
    writer = bench.writer()
    for step in range(5000):
        writer.put([metric(step)])
    writer.close(END)
    assert bench.shelf.steps() == list(range(5000))
    assert bench.shelf.records[-1] == END
    assert len(bench.shelf.threads) == 1
    assert bench.shelf.batches < 5000
    assert not bench.folder.exists()


def test_what_a_store_that_is_away_did_not_take_is_on_disk_after_flush(bench: Bench) -> None:
    writer = bench.writer()
    bench.shelf.up = False
    writer.put([metric(0), metric(1)])
    writer.flush()
    assert writer.failures == 1
    assert [spool.records() for spool in pending(bench.folder)] == [[metric(0), metric(1)]]
    assert len(bench.said) == 1
    assert "no answer" in bench.said[0]
    bench.shelf.up = True
    writer.close(END)
    assert bench.shelf.records == [metric(0), metric(1), END]
    assert not pending(bench.folder)


def test_the_writer_tries_again_by_itself_and_says_so(bench: Bench) -> None:
    writer = bench.writer()
    bench.shelf.up = False
    writer.put([metric(0)])
    writer.flush()
    writer.put([metric(1)])
    bench.shelf.up = True
    wait_for(lambda: not writer.away)
    assert bench.shelf.steps() == [0, 1]
    assert "answers again" in bench.said[-1]
    writer.put([metric(2)])
    writer.close(END)
    assert bench.shelf.steps() == [0, 1, 2]


def test_a_store_that_comes_and_goes_gets_everything_in_order(bench: Bench) -> None:
    writer = bench.writer(patience=30)
    for step in range(60):
        bench.shelf.up = step % 20 < 10
        writer.put([metric(step)])
        writer.flush()
    bench.shelf.up = True
    writer.close(END)
    assert bench.shelf.steps() == list(range(60))
    assert bench.shelf.records[-1] == END


def test_artifacts_given_while_the_store_is_away_are_kept_as_they_were(bench: Bench, tmp_path: Path) -> None:
    writer = bench.writer()
    bench.shelf.up = False
    for name, text in (("one.txt", "eins"), ("two.txt", "zwei")):
        (tmp_path / name).write_text(text)
        writer.keep(tmp_path / name, "in")
        (tmp_path / name).unlink()
    bench.shelf.up = True
    writer.close(END)
    assert bench.shelf.files == {"one.txt": "eins", "two.txt": "zwei"}
    assert not bench.folder.joinpath("run1").exists()


def test_when_the_store_never_answers_the_end_says_where_the_records_lie_and_they_can_be_sent_later(
    bench: Bench, tmp_path: Path
) -> None:
    writer = bench.writer(patience=0.0)
    bench.shelf.up = False
    (tmp_path / "a.txt").write_text("a")
    writer.put([metric(0)])
    writer.keep(tmp_path / "a.txt", "")
    writer.close(END)
    assert str(bench.folder / "run1") in bench.said[-1]
    assert "3 records wait" in bench.said[-1]
    bench.shelf.up = True
    (spool,) = pending(bench.folder, "shelf:")
    assert not pending(bench.folder, "another:")
    assert spool.take()
    assert replay(spool, bench.shelf.send) == 3
    spool.release()
    assert bench.shelf.records[0] == metric(0)
    assert bench.shelf.records[-1] == END
    assert bench.shelf.files == {"a.txt": "a"}
    assert not (bench.folder / "run1").exists()


def test_a_spool_that_is_being_written_is_not_taken_by_another(bench: Bench) -> None:
    writer = bench.writer()
    bench.shelf.up = False
    writer.put([metric(0)])
    writer.flush()
    (other,) = pending(bench.folder)
    assert not other.take()
    bench.shelf.up = True
    writer.close(END)


def test_a_refused_record_is_set_aside_and_the_others_are_stored(bench: Bench) -> None:
    writer = bench.writer()
    bench.shelf.refused = {"val/bad"}
    writer.put([metric(0), Record("metric", "val/bad", 1.0), metric(1)])
    writer.close(END)
    assert bench.shelf.steps() == [0, 1]
    assert writer.rejected == 1
    assert "val/bad" in (bench.folder / "run1/rejected.jsonl").read_text()
    assert "val/bad" in bench.said[0]


def test_a_refused_artifact_is_an_error_for_the_caller(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    bench.shelf.refused = {str(path)}
    writer = bench.writer()
    with pytest.raises(StoreError, match="refused"):
        writer.keep(path, "")
    writer.close(END)


def test_a_heartbeat_shows_life_while_nothing_is_logged(bench: Bench) -> None:
    writer = bench.writer(beat_seconds=0.05)
    wait_for(lambda: sum(record.key == "dlcamp.lease" for record in bench.shelf.records) >= 3)
    writer.close(END)


def test_without_store_and_without_disk_flush_says_so_and_the_records_stay_in_memory(
    bench: Bench, tmp_path: Path
) -> None:
    bench.folder.write_text("a file where the folder should be")
    writer = bench.writer()
    bench.shelf.up = False
    writer.put([metric(0)])
    with pytest.raises(StoreError, match="neither"):
        writer.flush()
    with pytest.raises(StoreError, match="neither"):
        writer.keep(tmp_path, "")
    bench.folder.unlink()
    writer.flush()
    assert [spool.records() for spool in pending(bench.folder)] == [[metric(0)]]
    bench.shelf.up = True
    writer.close(END)
    assert bench.shelf.steps() == [0]


def test_a_last_line_cut_short_by_a_kill_costs_only_itself(bench: Bench) -> None:
    spool = Spool(bench.folder, "shelf:", "run1")
    spool.append([metric(0), metric(1)])
    with (spool.folder / "records.jsonl").open("a") as file:
        file.write('["metric", "val/lo')
    assert spool.records() == [metric(0), metric(1)]
    spool.append([metric(2)])
    assert spool.records() == [metric(0), metric(1), metric(2)]
    spool.release()


def test_batches_keep_the_limits_of_a_request() -> None:
    records = [Record("metric", f"m{index}", 1.0) for index in range(2500)]
    records += [Record("param", f"p{index}", "語" * 6000) for index in range(120)]
    records += [Record("tag", f"t{index}", "x") for index in range(250)]
    made = list(batches([*records, Record("artifact", "a", ""), END]))
    assert [record for batch in made for record in batch] == [*records, Record("artifact", "a", ""), END]
    for batch in made:
        kinds = [record.kind for record in batch]
        assert len(kinds) <= 1000
        assert max(kinds.count("param"), kinds.count("tag")) <= 100
        assert sum(len(record.line()) for record in batch) < 1_000_000
        assert len(kinds) == 1 or not {"artifact", "end"} & set(kinds)


def test_a_record_survives_its_line_with_nan_and_unicode() -> None:
    for record in (
        Record("metric", "Güte", float("inf"), 5, -3, ("data", "digest", "m-1")),
        Record("tag", "k", 'a\n"漢字"'),
        Record("dataset", "scenes", ["0" * 64, "train"]),
    ):
        assert Record.parse(record.line()) == record
