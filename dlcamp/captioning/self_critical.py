"""Self-critical training: a captioner learns from the CIDEr of captions that it draws itself.

Rennie et al. 2017, "Self-critical sequence training for image captioning"; the baseline is the mean reward of the
other captions drawn for the same image (Luo 2020, "A better variant of self-critical sequence training"). For each
image K captions are drawn from the decoder as it is; those better than the others become likelier, those worse less:

    loss = - sum over captions of (reward - mean reward of the other K - 1) * log p(caption) / words

Captions are drawn as each batch is asked for, with the weights of that moment, and are a function of (weights, seed,
step), so that `fit` keeps its promise: killed at any moment and resumed, the weights are the same, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet, build
from dlcamp.captioning.reward import CiderReward
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.sampling import Sampler, allowed
from dlcamp.captioning.self_critical_config import SelfCriticalConfig
from dlcamp.captioning.train import Score, evaluation, optimizer_of
from dlcamp.captioning.vocabulary import PAD, STANDARD, START, Vocabulary
from dlcamp.training.checkpoints import restore, snapshot
from dlcamp.training.fit import FitResult, fit
from dlcamp.training.reporting import Run
from dlcamp.training.seeds import derive, generator

Batch = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def train_self_critical(
    config: SelfCriticalConfig,
    start: CaptionNet,
    vocabulary: Vocabulary,
    train: Captioned,
    val: Captioned,
    run: Run,
    score: Score,
) -> tuple[CaptionNet, FitResult]:
    """Train a copy of `start` further, to its best epoch by `val/cider` of its greedy captions.

    Args:
        train: features beside items, whose captions are the references of the reward.
        val, score: as in `train.train_captioner`.
    """
    net = continued(start, config.scst_dropout, config.seed)
    episodes = Episodes(config, net, vocabulary, train)
    steps = config.model_copy(update={"learning_rate": config.scst_learning_rate, "schedule": "constant"})
    result = fit(
        net.teacher,
        episodes.dataset,
        loss=policy_loss,
        optimizer=optimizer_of(steps, steps=config.scst_epochs * episodes.steps),
        epochs=config.scst_epochs,
        steps_per_epoch=episodes.steps,
        run=run,
        evaluate=evaluation(net, config, vocabulary, val, score),
        monitor="val/cider",
        mode="max",
        patience=config.scst_patience,
        measures={"reward": mean_reward, "entropy": mean_entropy},
        unit="captions",
        units_per_step=config.scst_images * config.scst_samples,
    )
    return net, result


class Episodes:
    """Drawn captions with what they are worth, batch by batch.

    A batch is ((features, words in), (words, advantage, reward)), one row a caption, those of an image one after the
    other: words in begin with the start mark; words end with the end mark, then padding; advantage (captions,) is the
    reward less the mean reward of the other captions of the image. Images come in the order of one permutation after
    the other, so that every image is met equally often however long an epoch is.
    """

    def __init__(self, config: SelfCriticalConfig, net: CaptionNet, vocabulary: Vocabulary, train: Captioned) -> None:
        self._features, self._seed = train.features, config.seed
        self._images, self._samples = config.scst_images, config.scst_samples
        self._reward = CiderReward(train.references, vocabulary, ends=config.scst_ends)
        self._sampler = Sampler(net, samples=self._samples, max_length=config.max_length, marks=vocabulary.marks)
        self.steps = -(-(config.scst_epoch_images or len(train.items)) // self._images)

    def dataset(self, epoch: int) -> tf.data.Dataset:
        """The batches of an epoch (from 1), each drawn when it is asked for and never before."""
        rows = self._images * self._samples
        words = tf.TensorSpec((rows, None), tf.int32)
        values = tf.TensorSpec((rows,), tf.float32)
        features = tf.TensorSpec((rows, *self._features.shape[1:]), tf.float32)
        spec = ((features, words), (words, values, values))
        steps = range((epoch - 1) * self.steps, epoch * self.steps)
        drawn = tf.data.Dataset.from_generator(lambda: map(self.batch, steps), output_signature=spec)
        # a caption drawn ahead would be drawn with weights that are no longer the decoder's
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_optimization.inject_prefetch = False
        return drawn.with_options(options)

    def batch(self, step: int) -> Batch:
        """Captions drawn now for the images of a step (from 0, over all epochs)."""
        images = self._order(step)
        features = np.asarray(self._features[images], np.float32)
        drawn = self._sampler(features, derive(self._seed, "drawn captions"), step)
        words = drawn.reshape(len(images) * self._samples, -1)
        reward = self._reward(np.repeat(images, self._samples), words)
        words = words[:, : int((words != PAD).sum(axis=1).max())]
        before = np.pad(words[:, :-1], ((0, 0), (1, 0)), constant_values=START)
        advantage = advantages(reward.reshape(len(images), self._samples)).ravel()
        inputs = (np.repeat(features, self._samples, axis=0), before)
        return inputs, (words, advantage.astype(np.float32), reward.astype(np.float32))

    def _order(self, step: int) -> np.ndarray:
        """The images of a step."""
        images = len(self._features)
        passes, place = np.divmod(np.arange(step * self._images, (step + 1) * self._images), images)
        orders = {each: generator(self._seed, "images", each).permutation(images) for each in set(passes.tolist())}
        return np.array([orders[each][here] for each, here in zip(passes.tolist(), place.tolist(), strict=True)])


def advantages(rewards: np.ndarray) -> np.ndarray:
    """(images, samples) rewards, each less the mean of the others of its image: 0 on average, whatever the image."""
    samples = rewards.shape[1]
    return (rewards - rewards.mean(axis=1, keepdims=True)) * (samples / (samples - 1))


def policy_loss(drawn: Any, logits: Any) -> Any:
    """REINFORCE, averaged over words: `drawn` is (words, advantage, reward), logits (captions, time, vocabulary).

    Probabilities are those the captions were drawn with: over all that may be said.
    """
    words, advantage, _ = drawn
    surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(words, allowed(logits, STANDARD))
    said = tf.cast(words != PAD, tf.float32)
    return tf.reduce_sum(advantage[:, None] * surprise * said) / tf.reduce_sum(said)


def mean_reward(drawn: Any, _logits: Any) -> Any:
    """Mean reward of the drawn captions."""
    return tf.reduce_mean(drawn[2])


def mean_entropy(drawn: Any, logits: Any) -> Any:
    """Mean entropy of a word in nats: how much is still explored."""
    said = tf.cast(drawn[0] != PAD, tf.float32)
    log_p = tf.nn.log_softmax(allowed(logits, STANDARD))
    entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)
    return tf.reduce_sum(entropy * said) / tf.reduce_sum(said)


def continued(net: CaptionNet, dropout: float, seed: int) -> CaptionNet:
    """A new decoder with the weights of `net` that drops out otherwise while it is trained."""
    spec = replace(net.spec, dropout=dropout, output_dropout=dropout)
    copy = build(spec, derive(seed, "continued"))
    restore(copy.teacher.weights, snapshot(net.teacher.weights))
    return copy
