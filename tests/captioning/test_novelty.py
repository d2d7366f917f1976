"""Novelty: what lies far from the training features is told from what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcamp.captioning.novelty import Novelty
from dlcamp.errors import DataError


def near(rng: np.random.Generator, n: int) -> np.ndarray:
    """Positive features around one direction, as a network's pooled output is."""
    return np.abs(np.linspace(0, 2, 40) + 0.2 * rng.standard_normal((n, 40)))


def test_about_one_in_a_hundred_held_out_images_is_called_novel() -> None:
    rng = np.random.default_rng(0)
    held_out = near(rng, 1000)
    ratios = Novelty.fit(near(rng, 500), held_out).ratio(held_out)
    assert 0.005 <= (ratios > 1).mean() <= 0.011


def test_features_of_another_direction_are_novel() -> None:
    rng = np.random.default_rng(0)
    novelty = Novelty.fit(near(rng, 500), near(rng, 200))
    assert (novelty.ratio(near(rng, 50)[:, ::-1]) > 2).all()
    assert (novelty.ratio(np.zeros((3, 40))) > 2).all()


def test_a_map_is_judged_by_its_mean_over_positions() -> None:
    rng = np.random.default_rng(0)
    train, held_out = near(rng, 100), near(rng, 100)
    spread = np.array([[-0.1, 0.1], [0.3, -0.3]])[..., None]
    maps = Novelty.fit(train[:, None, None, :] + spread, held_out[:, None, None, :] + spread)
    assert maps.threshold == pytest.approx(Novelty.fit(train, held_out).threshold, rel=1e-3)


def test_it_survives_saving(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    novelty = Novelty.fit(near(rng, 1500), near(rng, 20))
    novelty.save(tmp_path)
    probe = near(rng, 5)
    assert np.array_equal(Novelty.load(tmp_path).ratio(probe), novelty.ratio(probe))


def test_equal_training_images_give_a_finite_ratio() -> None:
    ratios = Novelty.fit(np.ones((3, 8)), np.ones((2, 8))).ratio(np.ones((1, 8)))
    assert np.isfinite(ratios).all()
    assert (ratios <= 1).all()


def test_no_images_are_an_error() -> None:
    with pytest.raises(DataError, match="training and held-out images"):
        Novelty.fit(np.ones((3, 8)), np.ones((0, 8)))
