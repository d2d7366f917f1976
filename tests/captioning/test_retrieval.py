"""Borrowed captions are those of the images they are borrowed from."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.captioning.retrieval import Borrowed, borrowed
from dlcamp.data.scenes import Scenes
from dlcamp.vision.encoder import lite0
from dlcamp.vision.features import Features
from dlcamp.vision.neighbours import look_up

DATA = Scenes(train=30, val=6)


def found_by(array: np.ndarray, seed: int = 0) -> Borrowed:
    items = {item.id: item for split in ("train", "val") for item in DATA.items(split)}
    features = Features(tuple(items), array, lite0("pooled", "float32"), (), "digest", 0.0, 0)
    ids = list(items)
    found = look_up(features, ids[30:], ids[:30], 2, {item: item.encode() for item in ids})
    return borrowed(found, items, DATA, "val", seed)


def one_hot(partners: list[int]) -> np.ndarray:
    """Features by which val image i lies at the training image partners[i]."""
    return np.eye(30, dtype=np.float32)[[*range(30), *partners]]


def test_each_image_gets_the_first_caption_of_its_nearest() -> None:
    partners = [4, 29, 0, 4, 17, 8]
    train = DATA.items("train")
    result = found_by(one_hot(partners))
    assert result.nearest.scores.captions == tuple(train[place].references[0] for place in partners)
    assert result.nearest.scores.ids == tuple(item.id for item in DATA.items("val"))


def test_the_random_captions_depend_on_the_seed_alone() -> None:
    first, again, other = (found_by(one_hot([0] * 6), seed).random.scores.captions for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_metrics_and_lines_hold_both_ways_and_the_paired_difference() -> None:
    result = found_by(one_hot([1, 2, 3, 4, 5, 6]))
    metrics = result.metrics()
    assert metrics["val/gain_cider"] == pytest.approx(metrics["val/neighbour_cider"] - metrics["val/random_cider"])
    assert metrics["val/gain_cider_low"] <= metrics["val/gain_cider"] <= metrics["val/gain_cider_high"]
    assert 0 <= metrics["val/neighbour_truthful"] <= 1
    assert {"val/neighbour_bleu_4", "val/random_bleu_4", "val/random_rouge_l"} <= metrics.keys()
    text = "\n".join(result.lines())
    assert "val, 6 images" in text
    assert "-0.000" not in text
    assert "truthful" in text
