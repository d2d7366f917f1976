"""A tiny captioning set that a tiny decoder can learn: features say which colour, count and shape is described."""

from __future__ import annotations

import numpy as np

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import CaptionItem

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "star", "ring")
PLACES = ("above a line", "below a line")
CHANNELS = 16


def captioned(images: int, seed: int = 0) -> Captioned:
    """Images of one object each, two references an image, 16 noisy features."""
    rng = np.random.default_rng(seed)
    items, rows = [], []
    for number in range(images):
        colour, shape, place = rng.integers(4), rng.integers(4), rng.integers(2)
        text = f"a {COLOURS[colour]} {SHAPES[shape]}"
        items.append(CaptionItem(f"toy_{number}", (f"{text} {PLACES[place]}.", f"{text} is {PLACES[place]}")))
        row = rng.normal(0, 0.1, CHANNELS)
        row[[colour, 4 + shape, 8 + place]] += 3
        rows.append(row)
    return Captioned(np.array(rows, np.float32), items)


def vocabulary(data: Captioned) -> Vocabulary:
    """Every word of the set."""
    return Vocabulary.of(data.captions)


def config(**values: object) -> CaptionConfig:
    """A net that trains in seconds."""
    tiny = {"units": 16, "embedding": 12, "batch": 16, "epochs": 4, "max_length": 8, "dropout": 0.2, "decode_batch": 16}
    return CaptionConfig.model_validate({**tiny, "learning_rate": 0.01, **values})


def share_of_first_words_right(captions: list[str], references: list[tuple[str, ...]]) -> dict[str, float]:
    """A stand-in for CIDEr that needs no corpus: share of the words of the better reference found in place."""
    shares = []
    for said, truths in zip(captions, references, strict=True):
        words = said.split()
        best = 0.0
        for truth in truths:
            true = truth.rstrip(".").split()
            best = max(best, sum(a == b for a, b in zip(words, true, strict=False)) / max(len(words), len(true)))
        shares.append(best)
    return {"cider": float(np.mean(shares))}
