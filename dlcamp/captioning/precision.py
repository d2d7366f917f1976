"""What a decoder is trained in where the config says "auto": the faster precision on this machine, timed once.

The choice is remembered beside those of the encoders (`vision.precision`), logged as the param `precision_used`, and
kept through a resume, so that a run is trained in one precision from beginning to end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import tensorflow as tf

from dlcamp.captioning.config import ATTENDING, CaptionConfig
from dlcamp.captioning.decoders import DecoderSpec, build, spec_of
from dlcamp.captioning.samples import Captioned, samples
from dlcamp.captioning.train import optimizer_of, word_loss
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.paths import data_folder
from dlcamp.training.fit import compiled_steps
from dlcamp.training.reporting import Run
from dlcamp.vision import precision

OPTIONS = ("float32", "mixed_bfloat16")  # the first wins a draw
_STEPS = 4  # training steps of one timed call


def settle(config: CaptionConfig, vocabulary: Vocabulary, train: Captioned, run: Run) -> CaptionConfig:
    """The config with a precision of "auto" replaced by what is fastest here."""
    if config.precision != "auto":
        return config
    kept = run.folder / "training_precision.txt"
    chosen = kept.read_text("utf-8") if kept.exists() else _fastest(config, vocabulary, train)
    kept.write_text(chosen, "utf-8")
    return config.model_copy(update={"precision": chosen})


def _fastest(config: CaptionConfig, vocabulary: Vocabulary, train: Captioned) -> str:
    spec = spec_of(config, len(vocabulary), train.features.shape[1:])
    shape = "x".join(map(str, spec.feature_shape))
    net = f"{spec.decoder}-{shape}-{spec.units}-{spec.embedding}-{spec.vocabulary_size}"
    if spec.decoder in ATTENDING:
        net += f"-{spec.heads}x{spec.layers}"
    model = f"training-{net}-batch{config.batch}"
    folder = data_folder() / "features"
    known = precision.remembered(folder, model)
    if known is not None:
        return known.precision
    candidates = {
        name: functools.partial(_steps, config, replace(spec, precision=name), vocabulary, train) for name in OPTIONS
    }
    return precision.choose(folder, model, candidates, np.zeros(_STEPS * config.batch)).precision


def _steps(
    config: CaptionConfig, spec: DecoderSpec, vocabulary: Vocabulary, train: Captioned
) -> Callable[[np.ndarray], np.ndarray]:
    """A function that takes some training steps on one real batch; what it is given only counts the captions."""
    net = build(spec, config.seed)
    data = samples(train, vocabulary, config.batch, config.max_length)
    batch = next(data.batches(config.seed, epoch=1))
    optimizer = optimizer_of(config, steps=data.steps)
    optimizer.build(net.teacher.trainable_variables)
    step = compiled_steps(net.teacher, word_loss(config.label_smoothing), optimizer, {})
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    return lambda _captions: np.asarray(step(iterator, tf.constant(_STEPS)))
