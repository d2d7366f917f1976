"""Training cut so that it can be timed: the same captions in buckets, in any order, compiled and not."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.analysis.alternating import Ratio
from dlcamp.captioning.decoders import build, spec_of
from dlcamp.captioning.samples import Samples, samples
from dlcamp.captioning.timed_training import SPEED_HEAD, InAnyOrder, Speed, TimedStep, padding
from dlcamp.training.checkpoints import snapshot
from tests.captioning import toy_captions as toy

DATA = toy.captioned(12)
WORDS = toy.vocabulary(DATA)
CONFIG = toy.config()


@pytest.fixture(scope="module")
def data() -> Samples:
    return samples(DATA, WORDS, batch=5, max_length=8)


def test_any_order_has_the_same_captions_and_more_padding(data: Samples) -> None:
    shuffled = InAnyOrder.of(data)
    every = set(range(24))
    assert {*shuffled.order(0, 1).flat} - {-1} == {*data.order(0, 1).flat} - {-1} == every
    assert shuffled.order(0, 1).tolist() != shuffled.order(0, 2).tolist()
    assert padding(shuffled, seed=0) > padding(data, seed=0)


def test_padding_is_the_share_of_time_steps_that_say_nothing() -> None:
    tokens = np.ones((4, 6), np.int32)
    data = Samples(np.zeros((4, 2), np.float32), np.arange(4), tokens, np.array([2, 2, 3, 5], np.int32), batch=2)
    assert padding(data, seed=0) == pytest.approx(1 - 12 / (2 * 2 + 2 * 5))


def test_an_epoch_teaches_every_caption_and_the_step_teaches_uncompiled_too(data: Samples) -> None:
    net = build(spec_of(CONFIG, len(WORDS), (toy.CHANNELS,)), seed=0)
    step, weights = TimedStep(net, CONFIG), net.teacher.trainable_variables
    for once, captions in ((step.epochs_of(data), 24), (step.uncompiled(data, steps=2), 10)):
        before = snapshot(weights)
        assert once() == captions
        assert all(np.any(old != new) for old, new in zip(before, snapshot(weights), strict=True))


def test_a_speed_says_what_share_of_its_floor_it_reaches() -> None:
    spec = spec_of(CONFIG, len(WORDS), (toy.CHANNELS,))
    share = Ratio("toy_floor", "share of the floor", "toy_floor", "toy", (0.5, 0.6), 0.5, 0.6, 0.5)
    speed = Speed("toy", spec, 7.0, (900.0, 1100.0), (1800.0, 2000.0), share, {"image": 80.0, "logits": 40.0})
    assert speed.metrics()["cost/toy_captions_per_second"] == 1000
    assert speed.metrics()["cost/toy_floor_ratio"] == pytest.approx(0.55)
    assert speed.metrics()["rate/toy_logits"] == 40
    assert SPEED_HEAD.index("95 %") == speed.line().index("[50%, 60%]")
    assert "logits" in speed.rate_line()
    assert [row.cells()[1] for row in speed.rows()][:3] == ["1000", "1900", "0.55"]
