"""Heat over a photo: where it lies, how bright it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dlcamp.captioning.attention_overlays import brightest, heat, levels, overlaid, position_box, seen_box, squares


def one_position(row: int, column: int) -> np.ndarray:
    weights = np.zeros((7, 7), np.float32)
    weights[row, column] = 1
    return weights


def brightness(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").convert("L"), float)


@pytest.mark.parametrize("size", [(700, 700), (1400, 350), (300, 900)])
def test_a_squashed_photos_heat_is_brightest_over_the_position_stretched_to_its_proportions(
    size: tuple[int, int],
) -> None:
    drawn = heat(one_position(1, 5), 1, size)
    assert drawn.width / drawn.height == pytest.approx(size[0] / size[1], rel=0.05)
    row, column = np.unravel_index(brightness(drawn).argmax(), (drawn.height, drawn.width))
    left, top, width, height = position_box((1, 5), (7, 7), seen_box("squash", *size))
    assert (left, top, width, height) == pytest.approx((5 / 7, 1 / 7, 1 / 7, 1 / 7))
    assert left < (column + 0.5) / drawn.width < left + width
    assert top < (row + 0.5) / drawn.height < top + height


def test_where_the_encoder_saw_the_centre_the_map_lies_over_it_and_the_rest_is_dark() -> None:
    left, top, right, bottom = seen_box("crop", 400, 200)
    assert (right - left, bottom - top) == pytest.approx((0.875 / 2, 0.875))
    assert left == pytest.approx(1 - right)
    drawn = brightness(heat(np.full((7, 7), 0.5, np.float32), 0.5, (400, 200), "crop")) > 100
    columns = np.flatnonzero(drawn.any(axis=0)) / drawn.shape[1]
    assert columns.min() == pytest.approx(left, abs=0.02)
    assert columns.max() == pytest.approx(right, abs=0.02)
    assert not drawn[0].any()


def test_more_weight_is_lighter_also_in_grey() -> None:
    shades = brightness(squares(np.linspace(0, 1, 32, dtype=np.float32)[None], 1))[0]
    assert (np.diff(shades) > 0).all()
    assert shades[0] < 10
    assert shades[-1] > 240


def test_the_scale_is_linear_and_bounded() -> None:
    np.testing.assert_allclose(levels(np.array([0, 0.05, 0.2, 0.4]), 0.2), [0, 0.25, 1, 1])


def test_looking_everywhere_alike_is_not_drawn_as_looking_hard() -> None:
    flat, sharp = np.full((3, 7, 7), 1 / 49), np.stack([one_position(0, 0)] * 3)
    assert levels(flat, brightest(flat)).max() < 0.5
    assert levels(sharp, brightest(sharp)).max() == 1
    assert brightest(flat[:0]) > 0


def test_a_photo_is_dimmed_where_nothing_was_looked_at_and_keeps_its_size() -> None:
    photo = Image.new("RGB", (140, 70), (200, 200, 200))
    drawn = overlaid(photo, heat(one_position(3, 3), 1, photo.size))
    assert drawn.size == photo.size
    values = brightness(drawn)
    assert values[0, 0] == pytest.approx(200 * 0.34, abs=4)
    assert values[35, 70] > 200
