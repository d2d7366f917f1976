"""The precision of a training is settled once: by the run's own past, by the machine's, or by a clock."""

from __future__ import annotations

from pathlib import Path

from dlcamp.captioning.precision import OPTIONS, settle
from dlcamp.paths import data_folder
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder


def test_a_named_precision_is_not_touched(tmp_path: Path) -> None:
    data, config = toy.captioned(20), toy.config(precision="float32")
    assert settle(config, toy.vocabulary(data), data, Recorder(tmp_path)) is config


def test_auto_is_timed_once_on_a_machine_and_kept_through_a_resume(tmp_path: Path, fresh_home: Path) -> None:
    data, config, run = toy.captioned(20), toy.config(precision="auto"), Recorder(tmp_path / "one")
    words = toy.vocabulary(data)
    chosen = settle(config, words, data, run).precision
    assert chosen in OPTIONS
    memory = data_folder() / "features" / "precision.json"
    before = memory.read_text()
    assert settle(config, words, data, Recorder(tmp_path / "two")).precision == chosen
    assert memory.read_text() == before
    other = next(name for name in OPTIONS if name != chosen)
    (run.folder / "training_precision.txt").write_text(other)
    assert settle(config, words, data, run).precision == other, "a resumed run goes on as it began"
