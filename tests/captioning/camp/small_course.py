"""The course's small example, with the ids of the real tokenizer, and a tokenizer and data to train on in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.samples import Captioned
from dlcamp.data.captions import CaptionItem
from tests.captioning import toy_captions as toy

IDS = {
    "startseq": 2, "endseq": 3, "on": 6, "boy": 16, "water": 24, "red": 26, "one": 59, "play": 82,
    "across": 127, "tree": 134, "run": 165, "bird": 254,
}  # fmt: skip
PHOTOS = {"A": ("one bird on tree", "red bird on tree"), "B": ("one boy play water", "one boy run across water")}
FEATURES = {"A": np.full((1, 5), 1, np.float32), "B": np.full((1, 5), 2, np.float32)}
MAX_LENGTH = 6

FIRST_A = [
    ([0, 0, 0, 0, 0, 2], 59), ([0, 0, 0, 0, 2, 59], 254), ([0, 0, 0, 2, 59, 254], 6), ([0, 0, 2, 59, 254, 6], 134),
    ([0, 2, 59, 254, 6, 134], 3),
]  # fmt: skip
LAST_B = [
    ([0, 0, 0, 0, 0, 2], 59), ([0, 0, 0, 0, 2, 59], 16), ([0, 0, 0, 2, 59, 16], 165), ([0, 0, 2, 59, 16, 165], 127),
    ([0, 2, 59, 16, 165, 127], 24), ([2, 59, 16, 165, 127, 24], 3),
]  # fmt: skip


def tokenizer() -> CampTokenizer:
    """The ids of the example; the other numbers belong to words that do not occur."""
    by_id = {number: word for word, number in IDS.items()}
    return CampTokenizer(tuple(by_id.get(number, f"other{number}") for number in range(1, 255)), MAX_LENGTH)


def keras_tokenizer(words: CampTokenizer) -> Any:
    """Keras' tokenizer with the same ids."""
    made = tf.keras.preprocessing.text.Tokenizer()
    made.word_index = {word: number for number, word in enumerate(words.words, start=1)}
    return made


def photos() -> Captioned:
    """The two photos of the example."""
    return Captioned(np.concatenate(list(FEATURES.values())), [CaptionItem(name, own) for name, own in PHOTOS.items()])


def wrapped(captions: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Captions between marks, as the course's functions take them."""
    return {name: [wrap(caption) for caption in own] for name, own in captions.items()}


def toy_tokenizer(data: Captioned) -> CampTokenizer:
    """The words of a toy set."""
    return CampTokenizer.fit(wrap(caption) for caption in data.captions)


def config(**values: Any) -> CaptionConfig:
    """A net that trains as the course's does, but in seconds."""
    return toy.config(**{"scaling": "none", "clip_norm": 0.0, "beam": 1, **values})


AS_TAUGHT: dict[str, Any] = {
    "scaling": "none",
    "units": 256,
    "embedding": 256,
    "dropout": 0.5,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "epochs": 20,
    "clip_norm": 0.0,
    "label_smoothing": 0.0,
    "precision": "float32",
    "beam": 1,
}
"""The values of a config with which the course trains."""
