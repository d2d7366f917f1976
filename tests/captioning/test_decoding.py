"""Searches against brute force and against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, build
from dlcamp.captioning.decoding import Search, largest
from dlcamp.captioning.vocabulary import END, PAD, START, UNKNOWN, Marks
from dlcamp.errors import DataError

RNG = np.random.default_rng(1)
FEATURES = RNG.normal(size=(7, 5)).astype(np.float32)


def tiny_net(words: int, sharpness: float, seed: int = 0) -> CaptionNet:
    """Random weights, made sharper so that captions differ between images; a bias makes the end likely enough."""
    net = build(DecoderSpec("merge", 4 + words, (5,), units=6, embedding=4, scaling="none"), seed)
    for variable in net.teacher.trainable_variables:
        variable.assign(variable * sharpness)
    bias = np.zeros(4 + words, np.float32)
    bias[[PAD, START, UNKNOWN]] = 3  # what is forbidden would be said first
    bias[END] = 0.5
    net.teacher.get_layer("logits").bias.assign(bias)
    return net


def log_probabilities(net: CaptionNet, features: np.ndarray, captions: list[tuple[int, ...]]) -> np.ndarray:
    """log p of sequences, one a row of features, from the teacher, over the words that may be said."""
    words = np.full((len(captions), max(map(len, captions)) + 1), PAD, np.int32)
    for row, ids in zip(words, captions, strict=True):
        row[: len(ids) + 1] = [START, *ids]
    logits = np.asarray(net.teacher([features, words[:, :-1]], training=False), np.float64)
    logits[..., [PAD, START, UNKNOWN]] = -np.inf
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    spoken = np.take_along_axis(log_p, words[:, 1:, None], axis=-1)[..., 0]
    return np.where(words[:, 1:] == PAD, 0, spoken).sum(axis=1)


def brute_force(net: CaptionNet, words: int, length: int, power: float) -> list[tuple[list[int], float]]:
    """For each image the best of all sequences that end, or are `length` long."""
    known = range(4, 4 + words)
    captions = [(*s, END) for n in range(length) for s in itertools.product(known, repeat=n)]
    captions += itertools.product(known, repeat=length)
    rows = np.repeat(FEATURES, len(captions), axis=0)
    sums = log_probabilities(net, rows, captions * len(FEATURES)).reshape(len(FEATURES), -1)
    scores = sums / np.array([len(ids) for ids in captions]) ** power
    return [(list(captions[row.argmax()]), row.max()) for row in scores]


def trimmed(row: np.ndarray) -> list[int]:
    return [int(i) for i in row if i != PAD]


@pytest.mark.parametrize("power", [0.0, 0.7, 1.5])
def test_a_wide_beam_finds_what_brute_force_finds(power: float) -> None:
    net = tiny_net(words=2, sharpness=2.5)
    found = Search(net, beam=40, max_length=4, length_normalisation=power, batch=4)(FEATURES)
    expected = brute_force(net, 2, 4, power)
    assert len({tuple(ids) for ids, _ in expected}) > 1, "the images must differ for this to mean anything"
    for (ids, best), tokens, score in zip(expected, found.tokens, found.scores, strict=True):
        assert trimmed(tokens) == ids
        assert score == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_greedy_takes_the_likeliest_word_each_time(seed: int) -> None:
    net = tiny_net(words=8, sharpness=3, seed=seed)
    found = Search(net, beam=1, max_length=6, batch=7)(FEATURES)
    captions: list[tuple[int, ...]] = [()] * len(FEATURES)
    words = [END, *range(4, 12)]
    for _ in range(6):
        longer = [(*said, word) for said in captions for word in words]
        gained = log_probabilities(net, np.repeat(FEATURES, len(words), axis=0), longer).reshape(-1, len(words))
        best = gained.argmax(axis=1)
        captions = [s if END in s else (*s, words[b]) for s, b in zip(captions, best, strict=True)]
    assert [trimmed(row) for row in found.tokens] == [list(said) for said in captions]
    np.testing.assert_allclose(found.scores, log_probabilities(net, FEATURES, captions), atol=1e-4)


def test_a_beam_never_scores_below_greedy_here_and_often_above() -> None:
    net = tiny_net(words=9, sharpness=3)
    one, five = (Search(net, beam=b, max_length=6, batch=7)(FEATURES).scores for b in (1, 5))
    assert (five >= one - 1e-5).all()
    assert (five > one + 1e-3).any()


def test_scores_are_those_of_the_words_said() -> None:
    net = tiny_net(words=9, sharpness=3)
    found = Search(net, beam=4, max_length=6, length_normalisation=0.7, batch=7)(FEATURES)
    captions = [tuple(trimmed(row)) for row in found.tokens]
    normalised = log_probabilities(net, FEATURES, captions) / np.array([len(ids) for ids in captions]) ** 0.7
    np.testing.assert_allclose(found.scores, normalised, atol=1e-4)


def test_what_is_forbidden_is_never_said_and_nothing_follows_the_end() -> None:
    net = tiny_net(words=3, sharpness=2)
    for beam in (1, 5):  # five hypotheses of three words: the beam is not always full
        tokens = Search(net, beam=beam, max_length=5, batch=3)(FEATURES).tokens
        assert tokens.shape == (7, 5)
        assert not np.isin(tokens, [START, UNKNOWN]).any()
        for row in tokens.tolist():
            rest = row[row.index(END) + 1 :] if END in row else []
            assert set(rest) <= {PAD}
            assert PAD not in row[: len(row) - len(rest)]


def test_the_batch_and_the_repetition_change_nothing() -> None:
    net = tiny_net(words=9, sharpness=3)
    search = Search(net, beam=3, max_length=6, batch=7)
    first, second = search(FEATURES), search(FEATURES)
    np.testing.assert_array_equal(first.tokens, second.tokens)
    np.testing.assert_array_equal(first.scores, second.scores)
    for batch in (1, 2, 4, 5, 16):  # with 4 and 5 the last images of a batch wait for others
        np.testing.assert_array_equal(Search(net, beam=3, max_length=6, batch=batch)(FEATURES).tokens, first.tokens)


def test_length_normalisation_lengthens() -> None:
    net = tiny_net(words=9, sharpness=2)
    lengths = [
        (Search(net, beam=9, max_length=8, length_normalisation=power, batch=7)(FEATURES).tokens != PAD).sum()
        for power in (0.0, 2.0)
    ]
    assert lengths[0] < lengths[1]


def test_a_search_sees_later_weights() -> None:
    net = tiny_net(words=9, sharpness=3)
    search = Search(net, beam=1, max_length=6, batch=7)
    before = search(FEATURES).tokens
    bias = np.zeros(13, np.float32)
    bias[END] = 100
    net.teacher.get_layer("logits").bias.assign(bias)
    after = search(FEATURES).tokens
    assert (before[:, 0] != END).any()
    assert (after[:, 0] == END).all()


def test_features_of_another_shape_and_no_features_are_refused() -> None:
    net = tiny_net(words=2, sharpness=1)
    search = Search(net, beam=2, max_length=3, batch=2)
    with pytest.raises(DataError, match=r"must have shape \(5,\), got \(6,\)"):
        search(np.zeros((2, 6), np.float32))
    with pytest.raises(DataError, match="no images"):
        search(np.zeros((0, 5), np.float32))
    with pytest.raises(DataError, match="at least 1"):
        Search(net, beam=0, max_length=3)


def renumbered(net: CaptionNet, new: list[int]) -> CaptionNet:
    """The same net for a vocabulary that gives word `i` the number `new[i]`."""
    other = build(net.spec, seed=0)
    old = np.argsort(new)
    for mine, theirs in zip(net.teacher.weights, other.teacher.weights, strict=True):
        value = np.asarray(mine)
        if mine.path.startswith("embedding"):
            value = value[old]
        elif mine.path.startswith("logits"):
            value = value[..., old]
        theirs.assign(value)
    return other


@pytest.mark.parametrize("beam", [1, 4])
def test_other_marks_give_the_same_words_under_other_numbers(beam: int) -> None:
    net = tiny_net(words=5, sharpness=3)
    net.teacher.get_layer("logits").bias.assign([3, 3, 6, 3, 0, 0, 0, 0, 0])  # the end is likely enough
    new = [0, 5, 8, 1, 2, 3, 4, 6, 7]  # where padding, start, end, unknown and five words go
    marks = Marks(pad=0, start=5, end=8, forbidden=(0, 5, 1))
    expected = Search(net, beam=beam, max_length=6, batch=7)(FEATURES)
    found = Search(renumbered(net, new), beam=beam, max_length=6, batch=7, marks=marks)(FEATURES)
    np.testing.assert_array_equal(found.tokens, np.array(new)[expected.tokens])
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    assert (expected.tokens == END).any()
    assert (expected.tokens[:, -1] != PAD).any()


@pytest.mark.parametrize("beam", [1, 3])
def test_where_nothing_is_forbidden_padding_ends_a_caption(beam: int) -> None:
    net = tiny_net(words=3, sharpness=2)  # its bias makes padding, start and unknown likely
    tokens = Search(net, beam=beam, max_length=6, batch=7, marks=Marks(PAD, START, END, forbidden=()))(FEATURES).tokens
    ended_by_padding = 0
    for row in tokens.tolist():
        first = next((place for place, word in enumerate(row) if word in (END, PAD)), len(row))
        assert set(row[first + 1 :]) <= {PAD}
        ended_by_padding += first < len(row) and row[first] == PAD
    assert ended_by_padding


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("width", [5, 64, 1000, 7378])
def test_the_largest_are_those_of_top_k_in_its_order_where_values_are_equal_too(count: int, width: int) -> None:
    values = tf.constant(RNG.integers(0, width // 5, size=(20, width)), tf.float32)
    count = min(count, width)
    for found, expected in zip(largest(values, count), tf.math.top_k(values, count), strict=True):
        np.testing.assert_array_equal(found, expected)
