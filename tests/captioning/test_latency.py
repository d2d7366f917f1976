"""One photo to its caption, whole and in parts."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.latency import LATENCY_HEAD, Latency, latency
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.errors import DataError, ImageError
from dlcamp.vision.encoder import lite0

LENGTH = 5


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    scenes = Scenes()
    return [scenes.image(item.id) for item in scenes.items("test", 2)]


@pytest.fixture(scope="module")
def captioner() -> CaptionPredictor:
    encoder = lite0(precision="float32")
    words = Vocabulary(tuple(f"word{number}" for number in range(400)))  # so many that an end mark is unlikely
    features = np.random.default_rng(0).random((4, *encoder.shape), np.float32)
    net = build(DecoderSpec("merge", len(words), encoder.shape, units=8, embedding=8), seed=0)
    return CaptionPredictor(encoder, net, words, Decoding(2, 0.7, LENGTH), "scenes", Novelty.fit(features, features))


def test_every_photo_has_a_time_of_its_own_and_the_parts_are_within_reach_of_the_whole(
    captioner: CaptionPredictor, photos: list[bytes]
) -> None:
    found = latency(captioner, photos)
    assert len(found.whole) == len(found.seeing) == len(found.saying) == len(photos)
    assert min(*found.whole, *found.seeing, *found.saying) > 0
    assert found.words == (LENGTH, LENGTH)  # an untrained decoder goes on to the end
    assert found.metrics("merge")["latency/merge_words"] == LENGTH
    assert found.median <= found.late <= max(found.whole)


def test_a_line_stands_under_its_head_and_the_rows_are_those_of_the_line() -> None:
    found = Latency((10.0, 20.0, 90.0), (5.0, 6.0, 7.0), (4.0, 5.0, 6.0), (8, 9, 10))
    line = found.line("merge float32")
    assert [len(line), *line.split()[2:]] == [len(LATENCY_HEAD), "20.0", "83.0", "6.0", "5.0", "9.0"]
    assert [row.cells()[1] for row in found.rows("merge")] == ["20", "83", "6", "5"]


def test_no_photo_and_what_is_none_are_refused(captioner: CaptionPredictor) -> None:
    with pytest.raises(DataError, match="no photo"):
        latency(captioner, [])
    with pytest.raises(ImageError):
        latency(captioner, [b"no image"])
