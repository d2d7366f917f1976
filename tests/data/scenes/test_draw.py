from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from dlcamp.data.scenes.draw import draw, jpeg
from dlcamp.data.scenes.world import COLOURS, SHAPES, Scene, SceneObject

PAINT = {"red": (214, 36, 38), "green": (48, 176, 66), "blue": (28, 84, 226), "yellow": (246, 200, 22)}
PAINT |= {"purple": (176, 64, 190), "black": (34, 34, 38)}


def one(shape: str = "circle", colour: str = "red", size: str = "large", x: float = 112.0) -> Scene:
    return Scene((SceneObject(shape, colour, size, 1, 1, x, 112.0),))


def coloured(image: Image.Image) -> int:
    """Pixels darker or more colourful than any ground."""
    return sum(min(pixel) < 150 for pixel in image.get_flattened_data())


def test_the_picture_is_224_by_224_rgb_and_a_jpeg_of_modest_size():
    data = jpeg(draw(one(), random.Random(0)))
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size, image.mode) == ("JPEG", (224, 224), "RGB")
    assert len(data) < 40_000


def test_the_same_stream_gives_the_same_bytes_and_another_one_does_not():
    first = jpeg(draw(one(), random.Random(1)))
    assert jpeg(draw(one(), random.Random(1))) == first
    assert jpeg(draw(one(), random.Random(2))) != first


@pytest.mark.parametrize("colour", COLOURS)
def test_an_object_has_its_colour_and_the_ground_is_light(colour):
    image = draw(one(colour=colour), random.Random(3))
    assert all(abs(a - b) <= 32 for a, b in zip(image.getpixel((112, 112)), PAINT[colour], strict=True))
    assert min(image.getpixel((20, 20))) > 190


@pytest.mark.parametrize("shape", SHAPES)
def test_large_is_well_over_twice_the_area_of_small(shape):
    rng = random.Random(4)
    large, small = (coloured(draw(one(shape, "blue", size), rng)) for size in ("large", "small"))
    assert large > 2.2 * small > 400


def test_an_object_is_drawn_where_the_scene_says():
    image = draw(one(x=40.0), random.Random(5))
    assert image.getpixel((40, 112))[1] < 100 < image.getpixel((112, 112))[1]
