"""The course's feature extraction, one image at a time."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from dlcamp.captioning.camp import as_taught


def test_features_are_extracted_one_image_at_a_time_and_named_by_stem(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = {name: rng.integers(0, 256, (9, 7, 3), dtype=np.uint8) for name in ("b_2", "a_1")}
    for name, values in pixels.items():
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.GlobalAveragePooling2D()])
    features = as_taught.extract_features(tmp_path, model, size=6)
    assert list(features) == ["a_1", "b_2"]
    nearest = pixels["b_2"][
        np.ix_(((np.arange(6) + 0.5) * 9 / 6).astype(int), ((np.arange(6) + 0.5) * 7 / 6).astype(int))
    ]
    expected = nearest.mean(axis=(0, 1))[::-1] - [103.939, 116.779, 123.68]
    assert features["b_2"].shape == (1, 3)
    np.testing.assert_allclose(features["b_2"][0], expected, rtol=1e-4)
    own = as_taught.extract_features([tmp_path / "b_2.png"], model, size=6, preprocess=lambda values: values / 255)
    np.testing.assert_allclose(own["b_2"][0], nearest.mean(axis=(0, 1)) / 255, rtol=1e-4)


def test_the_network_has_the_courses_parameters() -> None:
    assert as_taught.caption_model(7378, 40).count_params() == 5_424_850
