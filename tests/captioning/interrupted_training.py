"""A program for the kill tests: train a tiny decoder in a folder, and write what came of it.

python -m tests.captioning.interrupted_training FOLDER [NUMBER]     dies (SIGKILL) while writing checkpoint NUMBER
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from dlcamp.captioning.train import caption, train_captioner
from dlcamp.training.checkpoints import weights_hash
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder


def train(folder: Path) -> None:
    """Train, caption and write `result.json`."""
    data, val = toy.captioned(96), toy.captioned(24, seed=1)
    vocabulary = toy.vocabulary(data)
    run = Recorder(folder)
    config = toy.config(epochs=8, patience=3, schedule="cosine")
    net, result, _ = train_captioner(config, vocabulary, data, val, run, toy.share_of_first_words_right)
    run.flush()
    outcome = {
        "weights": weights_hash(net.teacher),
        "metrics": sorted([name, step, value] for (name, step), value in run.history().items()),
        "captions": caption(net, val.features, vocabulary, beam=3, max_length=8),
        "best": [result.best_epoch, result.best_value, result.epochs_run],
    }
    (folder / "result.json").write_text(json.dumps({"outcome": outcome, "said": run.lines}))


def stops_at(number: int, stop: Callable[[], object]) -> Callable[[Path, Path], None]:
    """In the place of `os.replace`: stops when the draft of checkpoint `number` is written but not moved into place."""
    calls = []
    move = os.replace

    def replace(source: Path, target: Path) -> None:
        calls.append(1)
        if len(calls) == number:
            stop()
        move(source, target)

    return replace


if __name__ == "__main__":
    if len(sys.argv) > 2:  # without a word
        os.replace = stops_at(int(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL))  # type: ignore[assignment]
    train(Path(sys.argv[1]))
