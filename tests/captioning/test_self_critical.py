"""Learning from the rewards of one's own captions, and being stopped while doing so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet, build, spec_of
from dlcamp.captioning.reward import CiderReward
from dlcamp.captioning.scores import CaptionScorer
from dlcamp.captioning.self_critical import Episodes, advantages, continued, policy_loss, train_self_critical
from dlcamp.captioning.self_critical_config import SelfCriticalConfig
from dlcamp.captioning.train import caption, train_captioner
from dlcamp.captioning.vocabulary import END, PAD, START
from dlcamp.errors import ConfigError
from dlcamp.training.checkpoints import weights_hash
from dlcamp.training.fit import FitResult
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder

TRAIN, VAL = toy.captioned(160), toy.captioned(32, seed=1)
VOCABULARY = toy.vocabulary(TRAIN)
SCORER = CaptionScorer(VAL.references)


class Stopped(Exception):
    """The process is gone."""


def score(said: list[str], _references: Sequence[Sequence[str]]) -> Mapping[str, float]:
    return {"cider": SCORER.score(said).scores["cider"]}


def config(**values: object) -> SelfCriticalConfig:
    tiny = {"scst_images": 16, "scst_samples": 4, "scst_learning_rate": 0.005, "scst_epochs": 6}
    return SelfCriticalConfig.model_validate(
        {**toy.config(output_dropout=0.1, epochs=4).model_dump(), **tiny, **values}
    )


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> CaptionNet:
    """A net that has begun to speak."""
    run = Recorder(tmp_path_factory.mktemp("start"))
    return train_captioner(config(), VOCABULARY, TRAIN, VAL, run, score, label="start")[0]


@pytest.fixture(scope="module")
def trained(start: CaptionNet, tmp_path_factory: pytest.TempPathFactory) -> tuple[CaptionNet, FitResult, Recorder]:
    run = Recorder(tmp_path_factory.mktemp("trained"))
    before = weights_hash(start.teacher)
    net, result = train_self_critical(config(), start, VOCABULARY, TRAIN, VAL, run, score)
    assert weights_hash(start.teacher) == before
    return net, result, run


def test_the_reward_of_what_it_draws_rises_and_so_do_its_captions(start: CaptionNet, trained: Any) -> None:
    net, result, run = trained
    rewards = [epoch["train/reward"] for epoch in result.history]
    assert rewards[-1] > rewards[0] + 0.3
    before, after = (score(caption(each, VAL.features, VOCABULARY, beam=1, max_length=8), ()) for each in (start, net))
    assert after["cider"] > before["cider"]
    assert after["cider"] == result.best_value
    assert result.history[-1]["train/entropy"] < result.history[0]["train/entropy"]
    assert (run.unit, run.units) == ("captions", 6 * 160 * 4)


def test_stopped_between_two_steps_and_begun_again_it_ends_with_the_same_weights(
    start: CaptionNet, trained: Any, tmp_path: Path
) -> None:
    epochs = []

    def score_and_stop(said: list[str], references: Sequence[Sequence[str]]) -> Mapping[str, float]:
        epochs.append(1)
        if len(epochs) == 3:
            raise Stopped
        return score(said, references)

    with pytest.raises(Stopped):
        train_self_critical(config(), start, VOCABULARY, TRAIN, VAL, Recorder(tmp_path), score_and_stop)
    run = Recorder(tmp_path)
    net, result = train_self_critical(config(), start, VOCABULARY, TRAIN, VAL, run, score)
    assert run.lines[0].startswith("continuing after epoch")
    assert result.history == trained[1].history
    assert weights_hash(net.teacher) == weights_hash(trained[0].teacher)


def test_each_batch_is_drawn_with_the_weights_of_its_moment(start: CaptionNet) -> None:
    net = continued(start, 0.0, seed=0)
    episodes = Episodes(config(), net, VOCABULARY, TRAIN)
    iterator = iter(episodes.dataset(epoch=2))
    first = next(iterator)
    assert (first[1][0].numpy() == episodes.batch(episodes.steps)[1][0]).all()
    early = episodes.batch(episodes.steps + 1)[1][0]
    net.teacher.get_layer("logits").bias.assign_add(np.eye(len(VOCABULARY))[END] * 20)
    late = next(iterator)[1][0].numpy()
    assert (late == episodes.batch(episodes.steps + 1)[1][0]).all()
    assert late.shape[1] == 1 < early.shape[1], "the changed net ends at once"


def test_a_batch_holds_what_was_drawn_and_what_it_is_worth(start: CaptionNet) -> None:
    episodes = Episodes(config(), start, VOCABULARY, TRAIN)
    (features, before), (words, advantage, reward) = episodes.batch(0)
    assert features.shape == (64, toy.CHANNELS)
    assert before.shape == words.shape
    assert (before[:, 0] == START).all()
    assert (before[:, 1:] == words[:, :-1]).all()
    assert (words != PAD).any(axis=0).all(), "no longer than its longest caption"
    images = [int(np.flatnonzero((TRAIN.features == row).all(axis=1))[0]) for row in features]
    assert images == np.repeat(images[::4], 4).tolist()
    expected = CiderReward(TRAIN.references, VOCABULARY, ends=True)(np.array(images), words)
    assert reward == pytest.approx(expected, rel=1e-6)
    others = [np.mean([reward[b] for b in range(64) if b // 4 == a // 4 and b != a]) for a in range(64)]
    assert advantage == pytest.approx(reward - others, abs=1e-5)


def test_every_image_is_met_equally_often_whatever_an_epoch_is(start: CaptionNet) -> None:
    episodes = Episodes(config(scst_epoch_images=40, scst_images=20, scst_samples=2), start, VOCABULARY, TRAIN)
    assert episodes.steps == 2
    rows = np.concatenate([episodes.batch(step)[0][0][::2] for step in range(16)])
    met = np.unique(rows, axis=0, return_counts=True)[1]
    assert met.tolist() == [2] * 160


def test_advantages_leave_each_caption_out_of_its_own_baseline() -> None:
    assert advantages(np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]])) == pytest.approx(
        np.array([[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]])
    )


def test_the_loss_is_the_advantage_times_the_log_probability_over_what_may_be_said() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 3, 7)).astype(np.float32)
    words = np.array([[4, 6, END], [5, END, PAD]], np.int32)
    advantage = np.array([2.0, -0.5], np.float32)
    sayable = logits[..., [END, 4, 5, 6]]
    log_p = logits - np.log(np.exp(sayable).sum(-1, keepdims=True))
    spoken = [log_p[0, [0, 1, 2], words[0]].sum(), log_p[1, [0, 1], words[1, :2]].sum()]
    loss = policy_loss((words, advantage, advantage), tf.constant(logits))
    assert float(loss) == pytest.approx(-(2.0 * spoken[0] - 0.5 * spoken[1]) / 5, rel=1e-5)


def test_a_continued_net_says_the_same_and_drops_out_otherwise() -> None:
    net = build(spec_of(config(dropout=0.5), len(VOCABULARY), (toy.CHANNELS,)), seed=3)
    net.fit_features(TRAIN.features)
    copy = continued(net, 0.0, seed=0)
    assert (copy.spec.dropout, copy.spec.output_dropout) == (0.0, 0.0)
    assert weights_hash(copy.teacher) == weights_hash(net.teacher)
    inputs = (TRAIN.features[:2], np.full((2, 3), START, np.int32))
    assert np.allclose(copy.teacher(inputs, training=True), net.teacher(inputs, training=False), atol=1e-6)
    copy.teacher.trainable_variables[0].assign_add(copy.teacher.trainable_variables[0] + 1)
    assert weights_hash(copy.teacher) != weights_hash(net.teacher)


def test_a_config_that_cannot_work_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="recipe camp has one row a prefix"):
        config(recipe="camp").inputs()
    with pytest.raises(ValueError, match="2 to 100"):
        config(scst_samples=1)
