"""The one way a decoder is trained and made to speak, whichever decoder it is.

Training is on all time steps at once (teacher forcing); after each epoch the validation images are captioned
greedily and scored, and training stops when `val/cider` no longer rises. The best epoch's weights are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet, build, spec_of
from dlcamp.captioning.decoding import Search
from dlcamp.captioning.pace import Pace
from dlcamp.captioning.samples import Captioned, samples
from dlcamp.captioning.scores import CaptionScorer
from dlcamp.captioning.vocabulary import Vocabulary, Words
from dlcamp.training.fit import FitResult, fit
from dlcamp.training.reporting import Run

Score = Callable[[list[str], list[tuple[str, ...]]], Mapping[str, float]]
"""(captions, references) -> metrics without a split ("cider", "bleu_4")."""


class Trained(NamedTuple):
    """A decoder at its best epoch, how its training went, and how fast (None: every epoch was trained before)."""

    net: CaptionNet
    result: FitResult
    captions_per_second: float | None


def train_captioner(
    config: CaptionConfig,
    vocabulary: Vocabulary,
    train: Captioned,
    val: Captioned,
    run: Run,
    score: Score,
    *,
    mirrored: Captioned | None = None,
    monitor: str | None = "cider",
    label: str = "",
) -> Trained:
    """Train the decoder that `config` describes, and leave it at its best epoch.

    Args:
        train, val: features beside items; captions of `val` are references only.
        score: how captions of `val` are scored (`scoring`); reported as `val/...`.
        mirrored: the images of `train` with left and right exchanged, to be trained on too.
        monitor: which of them stops training; larger is better. None: train to the last epoch, without validation.
        label: tells a second training of the same run apart ("blind": `train/blind_loss`).
    """
    net = build(spec_of(config, len(vocabulary), train.features.shape[1:]), config.seed)
    net.fit_features(train.features)
    data = samples(train, vocabulary, config.batch, config.max_length, mirrored)
    pace, evaluate = Pace(len(data.rows)), evaluation(net, config, vocabulary, val, score) if monitor else None

    def batches(epoch: int) -> tf.data.Dataset:
        pace.begins()
        return data.dataset(config.seed, epoch)

    def timed(epoch: int) -> Mapping[str, float]:
        pace.ends()
        return evaluate(epoch) if evaluate else {}

    result = fit(
        net.teacher,
        batches,
        loss=word_loss(config.label_smoothing),
        optimizer=optimizer_of(config, steps=config.epochs * data.steps),
        epochs=config.epochs,
        steps_per_epoch=data.steps,
        run=run,
        evaluate=timed,
        monitor=f"val/{monitor}" if monitor else None,
        mode="max",
        patience=config.patience,
        unit="captions",
        units_per_step=config.batch,
        label=label,
    )
    return Trained(net, result, pace.captions_per_second)


def evaluation(
    net: CaptionNet, config: CaptionConfig, vocabulary: Words, val: Captioned, score: Score
) -> Callable[[int], dict[str, float]]:
    """epoch -> `val/...` scores of what the net, as it then is, says greedily of `val`."""
    batch, references = min(config.decode_batch, len(val.items)), val.references
    greedy = Search(net, beam=1, max_length=config.max_length, batch=batch, marks=vocabulary.marks)

    def evaluate(_epoch: int) -> dict[str, float]:
        said = spoken(greedy(val.features).tokens, vocabulary)
        return {f"val/{name}": value for name, value in score(said, references).items()}

    return evaluate


def scoring(val: Captioned) -> Score:
    """All scores of captions of `val` against its references, which are prepared once."""
    scorer = CaptionScorer(val.references)
    return lambda said, _references: scorer.score(said).scores


def optimizer_of(config: CaptionConfig, steps: int) -> keras.optimizers.Optimizer:
    """Adam with the config's step size, schedule, clipping and averaging of the weights."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.Adam(
        rate,
        global_clipnorm=config.clip_norm or None,
        use_ema=config.averaging > 0,
        ema_momentum=config.averaging,
        ema_overwrite_frequency=None,
    )


def word_loss(label_smoothing: float) -> Callable[..., Any]:
    """Mean cross-entropy a word in nats, over the words that `sample_weight` (batch, time) marks.

    Smoothing e gives the true word 1 - e and spreads e evenly over the vocabulary (Szegedy et al. 2016).
    """

    def loss(words: Any, logits: Any, sample_weight: Any) -> Any:
        # one pass over the vocabulary: an entropy each for the true word and for the even share takes twice the time
        told = (1 - label_smoothing) * tf.gather(logits, words, batch_dims=len(words.shape))
        if label_smoothing:
            told += label_smoothing * tf.reduce_mean(logits, axis=-1)
        entropy = tf.reduce_logsumexp(logits, axis=-1) - told
        return tf.reduce_sum(entropy * sample_weight) / tf.maximum(tf.reduce_sum(sample_weight), 1)

    return loss


def caption(
    net: CaptionNet,
    features: np.ndarray,
    vocabulary: Words,
    *,
    beam: int = 3,
    length_normalisation: float = 0.7,
    max_length: int = 30,
    batch: int = 64,
) -> list[str]:
    """Captions of (images, ...) features, one an image, by greedy (beam 1) or beam search."""
    search = Search(
        net,
        beam=beam,
        max_length=max_length,
        length_normalisation=length_normalisation,
        batch=min(batch, max(len(features), 1)),
        marks=vocabulary.marks,
    )
    return spoken(search(features).tokens, vocabulary)


def spoken(tokens: Sequence[Sequence[int]] | np.ndarray, vocabulary: Words) -> list[str]:
    """Word ids, row by row, as captions."""
    return [vocabulary.decode(ids) for ids in tokens]
