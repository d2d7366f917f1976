"""Training and captioning as the course does: rows of prefixes, one image a batch, every epoch kept; then greedy.

It trains through the one loop of the workbench: killed at any moment it continues exactly (see `training.fit`).
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from dlcamp.captioning.camp.rows import rows
from dlcamp.captioning.camp.tokenizer import CampTokenizer
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet, build, save_net, spec_of
from dlcamp.captioning.decoding import Search
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.train import optimizer_of, word_loss
from dlcamp.training import reporting
from dlcamp.training.fit import FitResult, fit

_STEPS_PER_CALL = 10  # a step takes some 20 ms


class Run(reporting.Run, Protocol):
    """A run that keeps files."""

    def artifact(self, path: Path, folder: str = "") -> None: ...


def train_camp(
    config: CaptionConfig, tokenizer: CampTokenizer, train: Captioned, run: Run, *, label: str = ""
) -> tuple[CaptionNet, FitResult]:
    """Train the decoder `camp` to the last epoch; nothing is validated, nothing stops it early.

    The loss is categorical cross-entropy, averaged over the rows of a batch, which are those of one image. With
    `config.save_epochs` the net of each epoch becomes the artifact `epochs/<epoch>`, to be read with `load_net`.

    Args:
        config: the preset `camp` of caption_lstm makes it the course's; batch, patience, min_count and max_length
            have no part.
        label: tells a second training of the same run apart ("blind": `train/blind_loss`).
    """
    spec = replace(spec_of(config, len(tokenizer), train.features.shape[1:]), decoder="camp")
    net = build(spec, config.seed)
    net.fit_features(train.features)
    data = rows(train, tokenizer)

    def keep(epoch: int) -> dict[str, float]:
        if config.save_epochs:
            _keep_epoch(net, run, label, epoch)
        return {}

    result = fit(
        net.teacher,
        lambda epoch: data.dataset(config.seed, epoch),
        loss=word_loss(config.label_smoothing),
        optimizer=optimizer_of(config, steps=config.epochs * data.steps),
        epochs=config.epochs,
        steps_per_epoch=data.steps,
        run=run,
        evaluate=keep,
        steps_per_call=_STEPS_PER_CALL,
        unit="images",
        label=label,
    )
    return net, result


def _keep_epoch(net: CaptionNet, run: Run, label: str, epoch: int) -> None:
    """Log the net as it is; the run's folder need not hold twenty copies of it."""
    name = f"{label}_epochs" if label else "epochs"
    folder = run.folder / name / f"{epoch:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    save_net(net, folder)
    run.artifact(folder, name)
    shutil.rmtree(folder)


def transcripts(net: CaptionNet, features: np.ndarray, tokenizer: CampTokenizer, batch: int = 64) -> list[str]:
    """What the course's `generate_caption` returns for each of (images, ...) features, marks and all.

    Greedy from startseq to endseq, to `max_length` words, or to id 0, for which the course's loop finds no word.
    """
    batch = min(batch, max(len(features), 1))
    greedy = Search(net, beam=1, max_length=tokenizer.max_length, batch=batch, marks=tokenizer.marks)
    return [tokenizer.transcript(ids) for ids in greedy(features).tokens]
