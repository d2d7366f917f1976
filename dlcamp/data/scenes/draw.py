"""Draws a scene as 224 x 224 RGB: flat shapes on a light, unevenly lit, slightly noisy ground.

The same scene and the same stream give the same pixels. Pillow is imported only when something is drawn.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dlcamp.data.scenes.world import CANVAS, Scene, SceneObject, Shape

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

JPEG_QUALITY = 92
_OVERSAMPLE = 2
_PAINT = {
    "red": (214, 36, 38),
    "green": (48, 176, 66),
    "blue": (28, 84, 226),
    "yellow": (246, 200, 22),
    "purple": (176, 64, 190),
    "black": (34, 34, 38),
}
_RADIUS = {"small": (15.0, 17.5), "large": (27.5, 30.5)}  # pixels
_REACH: dict[Shape, float] = {"circle": 0.97, "square": 1.15, "triangle": 1.12, "star": 1.06, "cross": 1.06}
_TILT = 7.0  # degrees
_SHADE, _GRAIN = 22, 14  # grey levels from the darkest to the brightest

Point = tuple[float, float]


def draw(scene: Scene, rng: random.Random) -> Image:
    """The picture of a scene; `rng` moves only light, tint, tilt, exact size and noise."""
    from PIL import Image, ImageDraw

    ground = rng.randint(226, 246)
    tint = tuple(ground + rng.randint(-6, 6) for _ in range(3))
    side = CANVAS * _OVERSAMPLE
    image = Image.new("RGB", (side, side), tint)
    pen = ImageDraw.Draw(image)
    for thing in scene.objects:
        _paint(pen, thing, rng)
    return _light(image.reduce(_OVERSAMPLE), rng)


def jpeg(image: Image) -> bytes:
    """The file as it would lie on disk."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _paint(pen: ImageDraw, thing: SceneObject, rng: random.Random) -> None:
    colour = tuple(min(255, max(0, level + rng.randint(-10, 10))) for level in _PAINT[thing.colour])
    radius = rng.uniform(*_RADIUS[thing.size]) * _REACH[thing.shape]
    tilt = math.radians(rng.uniform(-_TILT, _TILT))
    outline = [
        (
            (thing.x + radius * (math.cos(tilt) * x - math.sin(tilt) * y)) * _OVERSAMPLE,
            (thing.y + radius * (math.sin(tilt) * x + math.cos(tilt) * y)) * _OVERSAMPLE,
        )
        for x, y in _OUTLINES[thing.shape]
    ]
    pen.polygon(outline, fill=colour)


def _light(image: Image, rng: random.Random) -> Image:
    """Uneven light (a coarse random field) and grain (a fine one), the same for the three channels."""
    from PIL import Image, ImageChops

    size = (CANVAS, CANVAS)
    field = Image.frombytes("L", (4, 4), rng.randbytes(16)).resize(size, Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", size, rng.randbytes(CANVAS * CANVAS))
    for noise, span in ((field, _SHADE), (grain, _GRAIN)):
        levels = noise.point([round(level * span / 255) for level in range(256)])
        image = ImageChops.add(image, Image.merge("RGB", [levels] * 3), offset=-span // 2)
    return image


def _polar(corners: Iterable[tuple[float, float]]) -> list[Point]:
    """Corners given as (degrees clockwise from the top, radius), y downward."""
    return [(r * math.sin(math.radians(a)), -r * math.cos(math.radians(a))) for a, r in corners]


def _plus(arm: float, half: float) -> list[Point]:
    quarter = [(half, -arm), (half, -half), (arm, -half)]
    corners = []
    for _ in range(4):
        corners += quarter
        quarter = [(-y, x) for x, y in quarter]
    return corners


_OUTLINES: dict[Shape, list[Point]] = {
    "circle": _polar((6 * i, 1.0) for i in range(60)),
    "square": _polar((45 + 90 * i, 1.0) for i in range(4)),
    "triangle": _polar((120 * i, 1.0) for i in range(3)),
    "star": _polar((36 * i, 1.0 if i % 2 == 0 else 0.42) for i in range(10)),
    "cross": _plus(0.9, 0.27),
}
