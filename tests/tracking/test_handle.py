"""What the body of an experiment can do with its run, on the memory tracker; output capture; progress."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
import pytest

from dlcamp.errors import ConfigError
from dlcamp.paths import REPOSITORY
from dlcamp.tracking import ActiveRun, MemoryTracker, Terminal


class Screen(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, live: bool) -> None:
        super().__init__()
        self._live = live

    def isatty(self) -> bool:
        return self._live


@pytest.fixture
def store() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def run(store: MemoryTracker, tmp_path: Path) -> ActiveRun:
    return ActiveRun(store.start("tiny", "tiny-s0"), tmp_path / "run", terminal=Terminal(Screen(False)))


class Doubler:
    kind = "row"

    def save(self, folder: Path) -> None:
        (folder / "doubler.txt").write_text("2")

    @classmethod
    def load(cls, folder: Path) -> Doubler:
        return cls()

    def predict(self, inputs: list[int]) -> list[int]:
        return [2 * value for value in inputs]


def test_metrics_are_named_split_and_name(store: MemoryTracker, run: ActiveRun) -> None:
    run.metrics({"train/loss": 0.5, "test/by_count/three": np.float32(0.25)}, 1)
    for name in ("loss", "/loss", "val/", "val//loss"):
        with pytest.raises(ConfigError, match="metric"):
            run.metrics({name: 1.0})
        with pytest.raises(ConfigError, match="metric"):
            run.final({name: 1.0})
    assert store.run(run.id).metrics == {"train/loss": 0.5, "test/by_count/three": 0.25}


def test_text_goes_into_folders(store: MemoryTracker, run: ActiveRun) -> None:
    run.text("größer", "notes/deep/a.txt")
    run.text("", "empty.txt")
    assert store.artifacts(run.id) == ["empty.txt", "notes/deep/a.txt"]
    assert store.fetch(run.id, "notes/deep/a.txt").read_text("utf-8") == "größer"
    for name in ("../a.txt", "/a.txt", "", "."):
        with pytest.raises(ConfigError, match="inside the run"):
            run.text("x", name)


def test_figures_become_png_and_stay_open(store: MemoryTracker, run: ActiveRun) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    run.figure(figure, "figures/curve.png")
    run.figure(figure, "figures/other")
    assert pyplot.fignum_exists(figure.number)
    pyplot.close(figure)
    assert store.artifacts(run.id) == ["figures/curve.png", "figures/other.png"]
    assert store.fetch(run.id, "figures/curve.png").read_bytes().startswith(b"\x89PNG")


def test_predictions_are_one_row_an_item(store: MemoryTracker, run: ActiveRun) -> None:
    rows = [
        {"item": "a.jpg", "output": "two stars", "bleu": np.float64(0.5), "references": ["x", "y"]},
        {"item": "b.jpg", "output": "", "bleu": 0.25, "references": [], "wrong": True},
    ]
    run.predictions(rows)
    table = pq.read_table(store.fetch(run.id, "predictions.parquet"))
    assert table.column_names == ["item", "output", "bleu", "references", "wrong"]
    assert table.to_pylist()[1] == {"item": "b.jpg", "output": "", "bleu": 0.25, "references": [], "wrong": True}
    assert table.to_pylist()[0]["wrong"] is None
    with pytest.raises(ConfigError, match="at least one row"):
        run.predictions([])
    with pytest.raises(ConfigError, match="'output' mixes"):
        run.predictions([{"output": "a"}, {"output": 3}])


def test_a_trained_model_is_remembered_with_what_it_answers(run: ActiveRun) -> None:
    assert run.trained is None
    run.model(Doubler(), [1, 2])
    assert run.trained is not None
    assert (run.trained.inputs, run.trained.outputs) == ([1, 2], [2, 4])
    run.model(Doubler(), [1], [5])
    assert run.trained.outputs == [5]


def test_say_goes_where_it_is_told(store: MemoryTracker, tmp_path: Path) -> None:
    said: list[str] = []
    ActiveRun(store.start("tiny", "a"), tmp_path, say=said.append).say("hello")
    screen = Screen(False)
    ActiveRun(store.start("tiny", "b"), tmp_path, terminal=Terminal(screen)).say("hello")
    assert said == ["hello"]
    assert screen.getvalue() == "hello\n"


def test_elsewhere_than_on_a_terminal_progress_is_plain_lines_now_and_then() -> None:
    screen = Screen(False)
    with Terminal(screen, plain_seconds=3600).progress(100, "training", "epoch") as bar:
        for epoch in range(100):
            bar.advance(loss=1 / (epoch + 1), step=epoch)
    assert screen.getvalue() == "training: 100/100 epoch, 0 s  loss=0.01 step=99\n"
    with Terminal(screen, plain_seconds=0).progress(3, "encoding", "image") as bar:
        bar.advance(2)
    assert "encoding: 2/3 image" in screen.getvalue()


def test_on_a_terminal_a_bar_lives_below_what_is_said() -> None:
    screen = Screen(True)
    terminal = Terminal(screen)
    with terminal.progress(3, "training", "epoch") as bar:
        terminal.say("a line")
        time.sleep(0.15)  # a bar is not redrawn more often
        bar.advance(3, val_loss=0.31234)
    shown = screen.getvalue()
    assert "training" in shown
    assert "a line\n" in shown
    assert "3/3" in shown
    assert "val_loss=0.3123" in shown


CAPTURED = """
import os, subprocess, sys
from pathlib import Path
from dlcamp.tracking import ActiveRun, MemoryTracker
store = MemoryTracker()
tracked = store.start("tiny", "tiny-s0")
run = ActiveRun(tracked, Path(sys.argv[1]))
print("before")
try:
    with run.captured_output():
        print("printed größer")
        print("error line", file=sys.stderr)
        os.write(2, b"from C++\\n")
        subprocess.run(["sh", "-c", "echo from a child"])
        with run.progress(2, "training", "epoch") as bar:
            bar.advance(2)
        run.say("said")
        if len(sys.argv) > 2:
            raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
print("after")
log = store.fetch(run.id, "output.log").read_text("utf-8")
Path(sys.argv[1], "kept.txt").write_text(log, "utf-8")
"""


def captured(folder: Path, *more: str) -> tuple[str, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CAPTURED, str(folder), *more],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr, (folder / "kept.txt").read_text("utf-8")


def test_captured_output_keeps_everything_and_shows_what_python_prints(tmp_path: Path) -> None:
    out, err, log = captured(tmp_path)
    assert out == "before\nprinted größer\nafter\n"
    assert err.splitlines()[0] == "error line"
    assert err.splitlines()[-1] == "said"
    assert "training: 2/2 epoch" in err
    assert log == "printed größer\nerror line\nfrom C++\nfrom a child\n"


def test_captured_output_is_kept_when_the_run_is_interrupted_and_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    out, _, once = captured(tmp_path, "interrupt")
    assert out.endswith("interrupted\nafter\n")
    _, _, twice = captured(tmp_path)
    assert twice == once * 2


def test_the_bar_keeps_the_real_terminal_while_output_is_captured(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", CAPTURED, str(tmp_path)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side closed
        pass
    assert process.wait() == 0
    os.close(ours)
    assert b"training" in shown
    assert b"said" in shown
    assert b"from C++" not in shown
    assert "training" not in (tmp_path / "kept.txt").read_text("utf-8")


def test_capture_leaves_streams_and_descriptors_as_they_were(run: ActiveRun) -> None:
    before = (sys.stdout, sys.stderr, os.fstat(1).st_ino, os.fstat(2).st_ino, len(os.listdir("/proc/self/fd")))
    with pytest.raises(ValueError, match="inside"), run.captured_output():
        raise ValueError("inside")
    after = (sys.stdout, sys.stderr, os.fstat(1).st_ino, os.fstat(2).st_ino, len(os.listdir("/proc/self/fd")))
    assert before == after
