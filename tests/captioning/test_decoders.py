"""Decoders: parameters, agreement of the three models, scaling, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlcamp.captioning.decoders import (
    DECODERS,
    CaptionNet,
    DecoderSpec,
    build,
    load_net,
    matched,
    save_net,
    spec_of,
)
from dlcamp.captioning.decoders.attention import Places
from dlcamp.errors import DataError, StoreError, UnknownName
from dlcamp.training.checkpoints import weights_hash
from tests.captioning import toy_captions as toy

SPEC = DecoderSpec("merge", vocabulary_size=11, feature_shape=(16,), units=8, embedding=6, dropout=0.5)
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(2, 3, (5, 16)).astype(np.float32)
WORDS = RNG.integers(1, 11, (5, 7)).astype(np.int32)


@pytest.fixture(scope="module")
def net() -> CaptionNet:
    return build(SPEC, seed=0)


def word_by_word(net: CaptionNet, features: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Logits of the step model, one word after the other."""
    begun = net.start(features, training=False)
    contexts, states = begun[: net.contexts], begun[net.contexts :]
    logits = []
    for time in range(words.shape[1]):
        now, *states = net.step([keras.ops.convert_to_tensor(words[:, time]), *contexts, *states], training=False)
        logits.append(keras.ops.convert_to_numpy(now))
    return np.stack(logits, axis=1)


def test_the_merge_network_has_exactly_the_courses_parameters() -> None:
    """4,096 features, 7,378 words, 256 wide: Dense, Embedding, LSTM, Dense, Dense of CAMP_TASKS.md, task 4."""
    camp = build(DecoderSpec("merge", vocabulary_size=7378, feature_shape=(4096,)), seed=0)
    image, embedding, lstm, hidden = 4096 * 256 + 256, 7378 * 256, 4 * (256 * 256 + 256 * 256 + 256), 256 * 256 + 256
    assert camp.parameters == image + embedding + lstm + hidden + (256 * 7378 + 7378) == 5_424_850
    assert camp.teacher.count_params() - camp.parameters == 2 * 4096  # mean and scale of the features


def test_all_time_steps_at_once_and_word_by_word_give_the_same_logits(net: CaptionNet) -> None:
    at_once = net.teacher([FEATURES, WORDS], training=False)
    assert at_once.shape == (5, 7, 11)
    np.testing.assert_allclose(word_by_word(net, FEATURES, WORDS), at_once, atol=1e-5)


def test_padding_at_the_end_changes_nothing_before_it(net: CaptionNet) -> None:
    padded = np.concatenate([WORDS, np.zeros((5, 4), np.int32)], axis=1)
    longer = keras.ops.convert_to_numpy(net.teacher([FEATURES, padded], training=False))
    np.testing.assert_allclose(longer[:, :7], net.teacher([FEATURES, WORDS], training=False), atol=1e-6)


MAP_SPEC = replace(SPEC, feature_shape=(3, 3, 16), units=12, heads=2, length=9)
MAPS = RNG.normal(2, 3, (5, 3, 3, 16)).astype(np.float32)
LOOKING = ("attention", "transformer")
COMPARED = ("merge", "gru", "init_inject", "par_inject", *LOOKING)


@pytest.fixture(scope="module", params=COMPARED)
def any_net(request: pytest.FixtureRequest) -> CaptionNet:
    return build(replace(MAP_SPEC, decoder=request.param), seed=0)


def test_any_decoder_says_the_same_at_once_and_word_by_word(any_net: CaptionNet) -> None:
    at_once = np.asarray(any_net.teacher([MAPS, WORDS], training=False))
    np.testing.assert_allclose(word_by_word(any_net, MAPS, WORDS), at_once, atol=1e-5)
    assert np.ptp(at_once, axis=0).max() > 0  # images differ, so their logits do


def test_any_decoder_has_as_many_parameters_as_its_formula_says(any_net: CaptionNet) -> None:
    assert any_net.parameters == DECODERS[any_net.spec.decoder].parameters(any_net.spec)


def test_no_word_depends_on_those_after_it(any_net: CaptionNet) -> None:
    changed = WORDS.copy()
    changed[:, 4:] = 1 + changed[:, 4:] % 10
    one, two = (np.asarray(any_net.teacher([MAPS, words], training=False)) for words in (WORDS, changed))
    np.testing.assert_allclose(one[:, :4], two[:, :4], atol=1e-6)
    assert np.abs(one[:, 4:] - two[:, 4:]).max() > 1e-3


def test_only_decoders_over_a_map_look_and_what_they_look_at_sums_to_one(any_net: CaptionNet) -> None:
    if any_net.spec.decoder not in LOOKING:
        assert any_net.attention is None
        return
    assert any_net.attention is not None
    weights = np.asarray(any_net.attention([MAPS, WORDS]))
    assert weights.shape == (5, 7, 2, 9)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


def test_only_decoders_over_a_map_tell_its_positions_apart(any_net: CaptionNet) -> None:
    for layer in any_net.teacher.layers:
        if layer.name == "places":  # learned from zero: before training, places are alike
            layer.vectors.assign(np.random.default_rng(1).normal(size=layer.vectors.shape))
    as_it_is, turned = (np.asarray(any_net.teacher([m, WORDS], training=False)) for m in (MAPS, MAPS[:, ::-1]))
    assert (np.abs(as_it_is - turned).max() > 1e-3) == (any_net.spec.decoder in LOOKING)


def test_the_vectors_of_places_begin_as_planes_over_the_map() -> None:
    places = Places((3, 4), seed=1)
    vectors = np.array(places(keras.ops.zeros((1, 12, 8)))).reshape(3, 4, 8)
    across, down = vectors[:, 1:] - vectors[:, :-1], vectors[1:] - vectors[:-1]
    np.testing.assert_allclose(across, np.broadcast_to(across[0, 0], across.shape), atol=1e-6)
    np.testing.assert_allclose(down, np.broadcast_to(down[0, 0], down.shape), atol=1e-6)
    np.testing.assert_allclose(vectors[0, 0], -vectors[-1, -1], atol=1e-6)
    assert np.linalg.matrix_rank(vectors.reshape(12, 8), tol=1e-4) == 2
    assert places.trainable_variables


def test_any_decoder_is_loaded_as_it_was_saved(any_net: CaptionNet, tmp_path: Path) -> None:
    save_net(any_net, tmp_path)
    loaded = load_net(tmp_path)
    assert loaded.spec == any_net.spec
    np.testing.assert_array_equal(word_by_word(loaded, MAPS, WORDS), word_by_word(any_net, MAPS, WORDS))


@pytest.mark.parametrize("parameters", [600_000, 3_500_000])
def test_decoders_are_matched_within_three_per_cent_and_keep_the_share_of_the_embedding(parameters: int) -> None:
    wide = DecoderSpec("merge", 2541, (7, 7, 1280), units=512, embedding=256)
    small = DecoderSpec("merge", 45, (7, 7, 1280))
    spec = wide if parameters > 10**6 else small
    for name in COMPARED:
        found = matched(replace(spec, decoder=name), parameters)
        assert abs(DECODERS[name].parameters(found) / parameters - 1) < 0.03
        assert abs(found.embedding / found.units - spec.embedding / spec.units) < 0.01


def test_parameters_that_cannot_be_met_are_refused_with_what_is_near() -> None:
    with pytest.raises(DataError, match="1,000 parameters: 2 units give"):
        matched(DecoderSpec("merge", 2541, (1280,), heads=1), 1000)


def test_a_decoder_that_looks_needs_a_map_and_widths_that_fit_its_heads() -> None:
    with pytest.raises(DataError, match="features=map"):
        build(replace(MAP_SPEC, decoder="attention", feature_shape=(16,)), seed=0)
    with pytest.raises(DataError, match="multiple of heads: 12 units, 5 heads"):
        build(replace(MAP_SPEC, decoder="attention", heads=5), seed=0)
    with pytest.raises(DataError, match="must be even"):
        build(replace(MAP_SPEC, decoder="transformer", units=9, heads=3), seed=0)


CAMP = replace(SPEC, decoder="camp")
LEFT_PADDED = np.array([[0, 0, 0, 2, 5], [0, 2, 7, 7, 1], [3, 2, 4, 6, 9], [0, 0, 0, 0, 8], [0, 0, 0, 0, 0]], np.int32)


def test_the_courses_network_has_the_same_parameters_for_one_word_a_prefix() -> None:
    net = build(DecoderSpec("camp", vocabulary_size=7378, feature_shape=(4096,)), seed=0)
    assert net.parameters == 5_424_850
    assert build(CAMP, seed=0).teacher([FEATURES, LEFT_PADDED]).shape == (5, 11)


def test_the_courses_network_gives_the_same_logits_word_by_word_on_any_left_padded_prefix() -> None:
    net = build(CAMP, seed=0)
    at_once = net.teacher([FEATURES, LEFT_PADDED], training=False)
    np.testing.assert_allclose(word_by_word(net, FEATURES, LEFT_PADDED)[:, -1], at_once, atol=1e-6)
    for row, padding in enumerate((3, 1, 0, 4)):
        unpadded = word_by_word(net, FEATURES[[row]], LEFT_PADDED[[row], padding:])[:, -1]
        np.testing.assert_allclose(unpadded, at_once[row : row + 1], atol=1e-6)


def test_columns_of_padding_change_neither_logits_nor_gradients() -> None:
    net = build(replace(CAMP, dropout=0.0), seed=0)
    wide = np.concatenate([np.zeros((5, 6), np.int32), LEFT_PADDED], axis=1)
    found = []
    for prefixes in (LEFT_PADDED, wide):
        with tf.GradientTape() as tape:
            logits = net.teacher([FEATURES, prefixes], training=True)
            loss = tf.reduce_sum(tf.nn.log_softmax(logits)[:, 3])
        gradients = tape.gradient(loss, [v.value for v in net.teacher.trainable_variables])
        found.append([np.asarray(logits), *(np.asarray(tf.convert_to_tensor(g)) for g in gradients)])
    for narrow, padded in zip(*found, strict=True):
        np.testing.assert_allclose(padded, narrow, atol=1e-6)


def test_the_courses_network_takes_maps_and_other_precisions_and_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    net = build(replace(CAMP, feature_shape=(3, 3, 16), precision="mixed_bfloat16"), seed=0)
    maps = RNG.normal(size=(5, 3, 3, 16)).astype(np.float32)
    logits = net.teacher([maps, LEFT_PADDED], training=False)
    assert logits.dtype == "float32"
    np.testing.assert_allclose(word_by_word(net, maps, LEFT_PADDED)[:, -1], logits, atol=0.05)
    save_net(net, tmp_path)
    np.testing.assert_array_equal(load_net(tmp_path).teacher([maps, LEFT_PADDED], training=False), logits)


def test_the_same_seed_gives_the_same_weights_and_dropout() -> None:
    first, second, other = (build(SPEC, seed) for seed in (1, 1, 2))
    assert weights_hash(first.teacher) == weights_hash(second.teacher) != weights_hash(other.teacher)
    dropped = [np.asarray(n.teacher([FEATURES, WORDS], training=True)) for n in (first, second)]
    np.testing.assert_array_equal(*dropped)
    assert (dropped[0] != np.asarray(first.teacher([FEATURES, WORDS], training=False))).any()


def test_a_blind_net_cannot_see(net: CaptionNet) -> None:
    blind = build(replace(SPEC, blind=True), seed=0)
    assert blind.parameters == net.parameters
    blind.fit_features(FEATURES)
    seen = [np.asarray(blind.teacher([image, WORDS], training=False)) for image in (FEATURES, FEATURES[::-1] * 9)]
    np.testing.assert_array_equal(*seen)
    sighted = [np.asarray(net.teacher([image, WORDS], training=False)) for image in (FEATURES, FEATURES[::-1] * 9)]
    assert (sighted[0] != sighted[1]).any()


def prepared(scaling: str, features: np.ndarray) -> np.ndarray:
    net = build(replace(SPEC, scaling=scaling, feature_shape=features.shape[1:]), seed=0)
    net.fit_features(features)
    return np.asarray(net.teacher.get_layer("prepare")(features))


@pytest.mark.parametrize("shape", [(600, 16), (600, 3, 3, 16)])
def test_standardised_features_have_mean_0_and_deviation_1(shape: tuple[int, ...]) -> None:
    features = RNG.normal(2, 3, shape).astype(np.float32)
    features[..., 0] = 0.25  # a channel that never varies is not blown up
    flat = prepared("standardise", features).reshape(-1, 16)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(flat[:, 1:].std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(flat[:, 0], 0, atol=1e-4)


def test_the_other_scalings() -> None:
    np.testing.assert_allclose(np.linalg.norm(prepared("l2", FEATURES), axis=-1), 4, rtol=1e-5)
    np.testing.assert_array_equal(prepared("none", FEATURES), FEATURES)


def test_a_map_of_features_is_averaged_over_positions() -> None:
    net = build(replace(SPEC, feature_shape=(3, 3, 16)), seed=0)
    maps = RNG.normal(size=(5, 3, 3, 16)).astype(np.float32)
    flipped = maps[:, ::-1]
    one, two = (np.asarray(net.teacher([m, WORDS], training=False)) for m in (maps, flipped))
    np.testing.assert_allclose(one, two, atol=1e-5)
    np.testing.assert_allclose(word_by_word(net, maps, WORDS), one, atol=1e-5)


def test_bfloat16_keeps_float32_weights_and_logits() -> None:
    net = build(replace(SPEC, precision="mixed_bfloat16"), seed=0)
    logits = net.teacher([FEATURES, WORDS], training=False)
    assert logits.dtype == "float32"
    assert {v.dtype for v in net.teacher.weights} == {"float32"}
    np.testing.assert_allclose(word_by_word(net, FEATURES, WORDS), logits, atol=0.05)


def test_a_decoder_is_loaded_as_it_was_saved(net: CaptionNet, tmp_path: Path) -> None:
    net.fit_features(FEATURES)
    save_net(net, tmp_path)
    loaded = load_net(tmp_path)
    assert loaded.spec == net.spec
    assert weights_hash(loaded.teacher) == weights_hash(net.teacher)
    np.testing.assert_array_equal(word_by_word(loaded, FEATURES, WORDS), word_by_word(net, FEATURES, WORDS))
    assert [path.name for path in tmp_path.iterdir()] == ["decoder.npz"]


def test_a_damaged_or_missing_decoder_is_named(net: CaptionNet, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"decoder\.npz"):
        load_net(tmp_path)
    save_net(net, tmp_path)
    path = tmp_path / "decoder.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(StoreError, match=r"decoder\.npz is no readable checkpoint"):
        load_net(tmp_path)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'merge'"):
        build(replace(SPEC, decoder="merg"), seed=0)
    with pytest.raises(DataError, match="features of one image"):
        build(replace(SPEC, feature_shape=(4, 4)), seed=0)


def test_a_spec_takes_what_the_config_says() -> None:
    spec = spec_of(toy.config(units=9, blind=True), 30, (1280,))
    assert (spec.units, spec.blind, spec.vocabulary_size, spec.feature_shape) == (9, True, 30, (1280,))
