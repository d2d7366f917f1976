"""Several captioners as one: words by the mean of probabilities, shared eyes, files, and members that do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.ensemble import Ensemble, EnsemblePredictor, Member
from dlcamp.captioning.ensemble_config import EnsembleConfig
from dlcamp.captioning.ensemble_study import ensemble_study
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.vocabulary import STANDARD, Vocabulary
from dlcamp.errors import ConfigError, DataError, StoreError
from dlcamp.model_ref import ModelRef
from dlcamp.vision.encoder import Encoder, lite0
from tests.captioning import attended

WORDS = Vocabulary.of(["a red circle left of two blue stars", "there is a large purple square"])
RNG = np.random.default_rng(0)
POOLED, MAP = lite0(precision="float32"), lite0("map", precision="float32")
SEARCH = Decoding(beam=2, max_length=5)


def member(
    encoder: Encoder, decoder: str, seed: int, words: Vocabulary = WORDS, data: str = "scenes"
) -> CaptionPredictor:
    spec = DecoderSpec(decoder, len(words), encoder.shape, units=8, embedding=4, heads=2, length=5)
    features = RNG.normal(0, 1, (6, *encoder.shape)).astype(np.float32)
    return CaptionPredictor(encoder, build(spec, seed), words, SEARCH, data, Novelty.fit(features[:4], features[4:]))


@pytest.fixture(scope="module")
def members() -> list[CaptionPredictor]:
    return [member(POOLED, "merge", 1), member(MAP, "attention", 2), member(POOLED, "gru", 3)]


@pytest.fixture(scope="module")
def ensemble(members: list[CaptionPredictor]) -> EnsemblePredictor:
    return EnsemblePredictor.of(members, SEARCH)


def probabilities(logits: object) -> np.ndarray:
    values = keras.ops.convert_to_numpy(logits).astype(np.float64)
    values[:, list(STANDARD.forbidden)] = -np.inf
    values = np.exp(values - values.max(axis=-1, keepdims=True))
    return values / values.sum(axis=-1, keepdims=True)


def test_members_that_see_alike_share_an_eye(ensemble: EnsemblePredictor) -> None:
    assert [eye.encoder for eye in ensemble.eyes] == [POOLED, MAP]
    assert [one.eye for one in ensemble.ensemble.members] == [0, 1, 0]
    assert ensemble.ensemble.feature_shapes == ((1280,), (7, 7, 1280))


def test_a_word_has_the_mean_of_its_members_probabilities(
    members: list[CaptionPredictor], ensemble: EnsemblePredictor
) -> None:
    features = tuple(RNG.normal(0, 1, (3, *shape)).astype(np.float32) for shape in ensemble.ensemble.feature_shapes)
    speaker, words = ensemble.ensemble, [np.array([1, 1, 1], np.int32), np.array([5, 9, 4], np.int32)]
    begun = speaker.start(features)
    contexts, states = begun[: speaker.contexts], begun[speaker.contexts :]
    for word in words:
        logits, *states = speaker.step([keras.ops.convert_to_tensor(word), *contexts, *states])
    expected = []
    for one, eye in zip(members, (0, 1, 0), strict=True):
        begun = one.net.start(features[eye], training=False)
        own, moving = begun[: one.net.contexts], begun[one.net.contexts :]
        for word in words:
            last, *moving = one.net.step([keras.ops.convert_to_tensor(word), *own, *moving], training=False)
        expected.append(probabilities(last))
    np.testing.assert_allclose(np.exp(keras.ops.convert_to_numpy(logits)), np.mean(expected, axis=0), atol=1e-6)


def test_one_member_and_equal_members_say_what_the_member_says() -> None:
    alone = member(POOLED, "merge", 5)
    features = RNG.normal(0, 1, (9, 1280)).astype(np.float32)
    said = alone.captions(features)
    assert len(set(said)) > 1
    assert EnsemblePredictor.of([alone], SEARCH).captions(features) == said
    assert EnsemblePredictor.of([alone, alone], SEARCH).captions(features) == said


def test_an_ensemble_answers_for_images_and_is_loaded_as_it_was_saved(
    ensemble: EnsemblePredictor, tmp_path: Path
) -> None:
    photos = [attended.photo(noise=number) for number in range(3)]
    said = ensemble.predict(photos)
    assert ensemble.captions(ensemble.features(photos)) == said
    ensemble.save(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    loaded = EnsemblePredictor.load(tmp_path)
    assert loaded.predict(photos) == said
    seen = loaded.look([photos[0], b"no image"], ["a.jpg", "b.jpg"])
    assert seen[0].caption == said[0]  # type: ignore[union-attr]
    assert "b.jpg" in str(seen[1])


def test_a_damaged_ensemble_is_named(ensemble: EnsemblePredictor, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no ensemble"):
        EnsemblePredictor.load(tmp_path)


def test_members_that_do_not_fit_together_are_refused() -> None:
    first = member(POOLED, "merge", 1)
    with pytest.raises(ConfigError, match="at least one member"):
        EnsemblePredictor.of([], SEARCH)
    with pytest.raises(ConfigError, match="member 2 knows other words than member 1"):
        EnsemblePredictor.of([first, member(POOLED, "merge", 2, Vocabulary.of(["a cat"]))], SEARCH)
    with pytest.raises(ConfigError, match="member 2 was trained on flickr8k, member 1 on scenes"):
        EnsemblePredictor.of([first, member(POOLED, "merge", 2, data="flickr8k")], SEARCH)


def test_features_of_other_images_or_encoders_are_refused(ensemble: EnsemblePredictor) -> None:
    pooled, maps = (np.zeros((2, *shape), np.float32) for shape in ensemble.ensemble.feature_shapes)
    with pytest.raises(DataError, match="must have shape"):
        ensemble.captions(pooled)
    with pytest.raises(DataError, match="of the same images"):
        ensemble.captions((pooled, maps[:1]))


def test_an_ensemble_counts_the_parameters_of_all(members: list[CaptionPredictor]) -> None:
    both = Ensemble([Member(members[0].net, 0), Member(members[2].net, 0)], replace(STANDARD))
    assert both.parameters == members[0].net.parameters + members[2].net.parameters


class Given:
    """A run whose references all mean one model."""

    def __init__(self, model: object) -> None:
        self.model = model

    def predictor(self, ref: ModelRef) -> object:
        return self.model


def test_members_that_cannot_speak_so_are_refused_before_images_are_read() -> None:
    config = EnsembleConfig(members=(ModelRef("a"), ModelRef("b")), max_length=9)
    short = member(MAP, "transformer", 1)
    with pytest.raises(ConfigError, match=r'a is a transformer that remembers 5 words at most\n.*SET="max_length=5'):
        ensemble_study(config, None, Given(short))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="members: a is a EnsemblePredictor"):
        ensemble_study(config, None, Given(EnsemblePredictor.of([short], SEARCH)))  # type: ignore[arg-type]
