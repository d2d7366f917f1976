"""A program for the kill tests: train as the course does in a folder, and write what came of it.

python -m tests.captioning.camp.interrupted_course FOLDER NUMBER     dies (SIGKILL) while it keeps epoch NUMBER
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlcamp.captioning.camp.train import train_camp, transcripts
from dlcamp.captioning.decoders import CaptionNet
from dlcamp.training.checkpoints import weights_hash
from dlcamp.training.fit import FitResult
from tests.captioning import toy_captions as toy
from tests.captioning.camp import small_course as course
from tests.training.recorder import Recorder


class KeepingRecorder(Recorder):
    """A recorder that keeps artifacts, as copies; `stop` is asked before each."""

    def __init__(self, folder: Path, stop: Callable[[], None] = lambda: None) -> None:
        super().__init__(folder)
        self.artifacts = folder / "artifacts"
        self._stop = stop

    @property
    def kept(self) -> list[str]:
        """Paths of the files kept."""
        return [path.relative_to(self.artifacts).as_posix() for path in self.artifacts.rglob("*") if path.is_file()]

    def artifact(self, path: Path, folder: str = "") -> None:
        self._stop()
        shutil.copytree(path, self.artifacts / folder / path.name, dirs_exist_ok=True)


DATA = toy.captioned(32)
TOKENIZER = course.toy_tokenizer(DATA)


def train(
    folder: Path, stop: Callable[[], None] = lambda: None
) -> tuple[CaptionNet, FitResult, KeepingRecorder, dict[str, Any]]:
    """Train, caption, and write and return what came of it."""
    run = KeepingRecorder(folder, stop)
    config = course.config(epochs=4, learning_rate=0.03, save_epochs=True)
    net, result = train_camp(config, TOKENIZER, DATA, run)
    run.flush()
    outcome = {
        "weights": weights_hash(net.teacher),
        "metrics": sorted([name, step, value] for (name, step), value in run.history().items()),
        "captions": transcripts(net, DATA.features, TOKENIZER),
        "epochs": [result.epochs_run, sorted(run.kept)],
    }
    (folder / "result.json").write_text(json.dumps(outcome))
    return net, result, run, outcome


def die_in_epoch(number: int) -> Callable[[], None]:
    """The process ends without a word when the net of epoch `number` is written but not stored."""
    epochs = iter(range(1, 99))

    def stop() -> None:
        if next(epochs) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return stop


if __name__ == "__main__":
    train(Path(sys.argv[1]), die_in_epoch(int(sys.argv[2])))
