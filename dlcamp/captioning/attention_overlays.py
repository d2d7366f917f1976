"""Attention drawn over a photo: a smooth heat, dark where nothing was looked at; and head by head, as it is.

A map covers the square that the encoder saw. Where the whole photo was squashed into that square, stretching the map
over the photo is the exact way back; where its centre was cut out, the map lies over that centre and the rest is dark.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dlcamp.vision.images import Fit, shorter_side

# Inferno of matplotlib (Smith & van der Walt 2015, CC0) at 18 even steps: even in lightness, so that it can be read by
# the colour-blind and in grey, and black where nothing is.
INFERNO = (
    "#000004", "#0a0722", "#1e0c45", "#380962", "#510e6c", "#69166e", "#801f6c", "#982766", "#b0315b",
    "#c63d4d", "#d94d3d", "#e9612b", "#f47918", "#fa9407", "#fcb014", "#f8cd37", "#f2ea69", "#fcffa4",
)  # fmt: skip
_COVER = (0.66, 0.50)  # opacity of the heat where nothing and where most is looked at
_FLAT = 5
_SIDE = 112  # longest side of a heat in pixels: smooth enough for a page to stretch it over a large photo


def seen_box(fit: Fit, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the encoder saw of a photo, as shares of its width and height."""
    if fit != "crop":
        return 0.0, 0.0, 1.0, 1.0
    side = min(width, height) * 224 / shorter_side(224)
    return (1 - side / width) / 2, (1 - side / height) / 2, (1 + side / width) / 2, (1 + side / height) / 2


def position_box(
    position: tuple[int, int], grid: tuple[int, int], seen: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Left, top, width and height of one position of a map on the photo, as shares."""
    left, top, right, bottom = seen
    width, height = (right - left) / grid[1], (bottom - top) / grid[0]
    return left + position[1] * width, top + position[0] * height, width, height


def brightest(weights: np.ndarray) -> float:
    """The weight with the brightest colour among maps (..., height, width): their peak, and where all are nearly flat
    five times an even share, so that looking everywhere alike is not drawn as looking hard.
    """
    return max(float(weights.max(initial=0)), _FLAT / (weights.shape[-2] * weights.shape[-1]))


def levels(weights: np.ndarray, peak: float) -> np.ndarray:
    """Weights as places on the colour scale, 0 to 1: their share of `peak`."""
    return np.clip(weights / peak, 0, 1)


def heat(weights: np.ndarray, peak: float, size: tuple[int, int], fit: Fit = "squash") -> Image.Image:
    """A map as a translucent picture with the photo's proportions, to be laid over the photo.

    Args:
        weights: (height, width) of one map.
        peak: the weight that has the brightest colour.
        size: width and height of the photo in pixels.

    Returns:
        Palette image with transparency, at most 112 pixels wide or high.
    """
    scale = _SIDE / max(size)
    width, height = (max(1, round(side * scale)) for side in size)
    left, top, right, bottom = seen_box(fit, width, height)
    inner = Image.fromarray(levels(weights, peak).astype(np.float32))
    corner = round(left * width), round(top * height)
    extent = max(1, round(right * width) - corner[0]), max(1, round(bottom * height) - corner[1])
    canvas = np.zeros((height, width), np.float32)
    smooth = np.asarray(inner.resize(extent, Image.Resampling.BICUBIC))
    canvas[corner[1] : corner[1] + extent[1], corner[0] : corner[0] + extent[0]] = smooth
    drawn = Image.fromarray(np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8))
    drawn.putpalette(_palette().tobytes(), "RGBA")
    return drawn


def overlaid(photo: Image.Image, over: Image.Image) -> Image.Image:
    """The photo with a heat over it, in the photo's size."""
    stretched = over.convert("RGBA").resize(photo.size, Image.Resampling.BICUBIC)
    return Image.alpha_composite(photo.convert("RGBA"), stretched).convert("RGB")


def squares(weights: np.ndarray, peak: float) -> Image.Image:
    """A map as it is, one pixel a position."""
    colours = _palette()[:, :3]
    return Image.fromarray(colours[np.round(levels(weights, peak) * 255).astype(int)])


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _palette() -> np.ndarray:
    """(256, 4) colours with their opacity, uint8."""
    steps = np.array([list(bytes.fromhex(colour[1:])) for colour in INFERNO], float)
    place = np.linspace(0, len(steps) - 1, 256)
    colours = [np.interp(place, range(len(steps)), steps[:, channel]) for channel in range(3)]
    return np.round(np.stack([*colours, np.linspace(*_COVER, 256) * 255], axis=1)).astype(np.uint8)
