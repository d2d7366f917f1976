"""What a given start decides, and which starts cannot be gone on from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlcamp.captioning.camp.tokenizer import CampTokenizer
from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.self_critical_config import SelfCriticalConfig
from dlcamp.captioning.self_critical_study import described_by, refuse_another_encoder
from dlcamp.captioning.vocabulary import Vocabulary, Words
from dlcamp.errors import ConfigError
from dlcamp.model_ref import ModelRef
from dlcamp.vision.encoder import choose

SPEC = DecoderSpec("attention", 6, (8, 8, 1280), units=8, embedding=6, dropout=0.3, output_dropout=0.2, heads=2)


def predictor(words: Words) -> CaptionPredictor:
    """An untrained captioner that sees lite1's map."""
    encoder, features = choose("lite1", "map", precision="float32"), np.zeros((2, *SPEC.feature_shape), np.float32)
    novelty = Novelty.fit(features, features)
    return CaptionPredictor(encoder, build(SPEC, 0), words, Decoding(beam=5, max_length=9), "scenes", novelty)


def test_a_start_decides_encoder_and_decoder_and_the_config_the_rest() -> None:
    asked = SelfCriticalConfig(
        start=ModelRef("best:caption_attention"), decoder="merge", units=64, parameters=100_000, flips=True, beam=4,
        scst_samples=3, train_images=7,
    )  # fmt: skip
    config = described_by(predictor(Vocabulary(("a", "dog"))), asked)
    assert (config.encoder, config.features, config.encoder_precision) == ("lite1", "map", "float32")
    assert (config.decoder, config.units, config.embedding, config.heads) == ("attention", 8, 6, 2)
    assert (config.dropout, config.output_dropout, config.parameters, config.flips) == (0.3, 0.2, None, False)
    assert (config.max_length, config.beam) == (9, 4)
    assert (config.scst_samples, config.train_images, config.start) == (3, 7, asked.start)


def test_a_start_that_is_no_decoder_of_whole_captions_is_refused() -> None:
    asked = SelfCriticalConfig(start=ModelRef("caption_lstm@champion"))
    with pytest.raises(
        ConfigError, match=r"start=caption_lstm@champion is a CaptionPredictor with words of kind .*camp"
    ):
        described_by(predictor(CampTokenizer.fit(["startseq a dog endseq"])), asked)
    with pytest.raises(ConfigError, match=r"is a DecoderSpec; .* one decoder"):
        described_by(replace(SPEC, units=4), asked)


def test_a_start_that_sees_otherwise_is_refused() -> None:
    asked = SelfCriticalConfig(start=ModelRef("caption_lstm@champion"))
    seen = choose("lite1", "map", precision="float32")
    refuse_another_encoder(seen, choose("lite1", "map", precision="float32"), asked)
    with pytest.raises(ConfigError, match=r"sees with efficientnet_lite1, but with another precision than"):
        refuse_another_encoder(seen, choose("lite1", "map", precision="mixed_bfloat16"), asked)
