"""A captioner that attends, untrained: what it says means nothing, but it looks somewhere for every word."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dlcamp.captioning.attention_maps import Attention
from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.vision.encoder import lite0

GRID = (7, 7)


def predictor(decoder: str = "attention", max_length: int = 6) -> CaptionPredictor:
    """Four heads over the map of Lite0; "merge" pools the map and does not look."""
    encoder = lite0("map", precision="float32")
    vocabulary = Vocabulary.of(["a red circle left of two blue stars", "there is a large <b>purple</b> square"])
    spec = DecoderSpec(decoder, len(vocabulary), encoder.shape, units=16, embedding=8, heads=4, length=max_length)
    features = np.random.default_rng(0).normal(0, 1, (8, *encoder.shape)).astype(np.float32)
    net = build(spec, seed=3)
    net.fit_features(features)
    novelty = Novelty.fit(features[:5], features[5:])
    return CaptionPredictor(encoder, net, vocabulary, Decoding(beam=2, max_length=max_length), "scenes", novelty)


def record(words: str = "a dog runs", heads: int = 4, grid: tuple[int, int] = GRID, seed: int = 0) -> Attention:
    """Sharp random maps."""
    said = tuple(words.split())
    scores = np.exp(3 * np.random.default_rng(seed).normal(0, 1, (len(said), heads, *grid)))
    return Attention(said, (scores / scores.sum(axis=(2, 3), keepdims=True)).astype(np.float32))


def photo(width: int = 60, height: int = 40, noise: int | None = None) -> bytes:
    """A grey JPEG, or one of noise, which is the worst case of its size."""
    pixels = np.full((height, width, 3), 160, np.uint8)
    if noise is not None:
        pixels = np.random.default_rng(noise).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()
