"""Drawing captions: at random, but the same each time, and as often as the decoder says."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, build
from dlcamp.captioning.sampling import Sampler, allowed
from dlcamp.captioning.vocabulary import END, PAD, STANDARD, START
from dlcamp.errors import DataError

WORDS = 9  # four marks and five words
LENGTH = 5
FEATURES = {
    "merge": np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32),
    "attention": np.random.default_rng(0).normal(size=(2, 2, 2, 6)).astype(np.float32),
    "transformer": np.random.default_rng(0).normal(size=(2, 2, 2, 6)).astype(np.float32),
}


def net_of(decoder: str) -> CaptionNet:
    """A decoder whose words are far from equally likely, and depend on what was said."""
    shape = FEATURES[decoder].shape[1:]
    spec = DecoderSpec(decoder, WORDS, shape, units=8, embedding=8, heads=2, length=LENGTH, scaling="none")
    net = build(spec, seed=1)
    for variable in net.teacher.trainable_variables:
        variable.assign(np.random.default_rng(variable.shape[0]).normal(0, 0.7, variable.shape))
    return net


@pytest.fixture(scope="module")
def merge() -> CaptionNet:
    return net_of("merge")


def test_captions_depend_on_seed_and_step_only(merge: CaptionNet) -> None:
    features = FEATURES["merge"]
    first, again = (Sampler(merge, samples=20, max_length=LENGTH) for _ in range(2))
    drawn = first(features, seed=3, step=7)
    assert drawn.shape == (2, 20, LENGTH)
    assert (drawn == again(features, seed=3, step=7)).all()
    assert (drawn != first(features, seed=3, step=8)).any()
    assert (drawn != first(features, seed=4, step=7)).any()


def test_only_words_are_said_and_nothing_after_the_end(merge: CaptionNet) -> None:
    drawn = Sampler(merge, samples=500, max_length=LENGTH)(FEATURES["merge"], 0, 0).reshape(-1, LENGTH)
    forbidden = set(STANDARD.forbidden) - {PAD}
    assert not forbidden & set(drawn.ravel().tolist())
    over = np.cumsum(drawn == END, axis=1) > 0
    assert ((drawn == PAD)[:, 1:] == over[:, :-1]).all()
    assert 0 < over[:, -1].mean() < 1, "some captions end, some are cut"


@pytest.mark.parametrize("decoder", FEATURES)
def test_two_words_come_as_often_as_the_decoder_says(decoder: str) -> None:
    net, features, draws = net_of(decoder), FEATURES[decoder], 4000
    drawn = Sampler(net, samples=draws, max_length=LENGTH)(features, 0, 0)
    firsts = [word for word in range(WORDS) if word not in STANDARD.forbidden and word != END]
    said = np.array([[START, word] for word in firsts], np.int32)
    for image in range(2):
        repeated = np.repeat(features[image : image + 1], len(firsts), axis=0)
        p = tf.nn.softmax(allowed(net.teacher((repeated, said), training=False), STANDARD)).numpy()
        for row, word in enumerate(firsts):
            expected = p[0, 0, word] * p[row, 1]
            pair = drawn[image, :, 1][drawn[image, :, 0] == word]
            seen = np.bincount(pair, minlength=WORDS) / draws
            assert np.abs(seen - expected).max() < 4.5 * np.sqrt(0.25 / draws)
            assert (np.abs(seen - expected) <= 5 * np.sqrt(expected * (1 - expected) / draws) + 1e-3).all()


def test_later_weights_are_seen(merge: CaptionNet) -> None:
    net = build(merge.spec, seed=0)
    sampler = Sampler(net, samples=200, max_length=1)
    net.teacher.get_layer("logits").bias.assign(np.eye(WORDS)[6] * 50)
    assert set(sampler(FEATURES["merge"], 0, 0).ravel().tolist()) == {6}
    net.teacher.get_layer("logits").bias.assign(np.eye(WORDS)[7] * 50)
    assert set(sampler(FEATURES["merge"], 0, 0).ravel().tolist()) == {7}


def test_bad_input_is_named(merge: CaptionNet) -> None:
    with pytest.raises(DataError, match="at least 1, got 0 and 5"):
        Sampler(merge, samples=0, max_length=5)
    with pytest.raises(DataError, match=r"shape \(6,\): got \(2, 5\)"):
        Sampler(merge, samples=2, max_length=5)(np.zeros((2, 5), np.float32), 0, 0)
    with pytest.raises(DataError, match="at least one image"):
        Sampler(merge, samples=2, max_length=5)(np.zeros((0, 6), np.float32), 0, 0)
