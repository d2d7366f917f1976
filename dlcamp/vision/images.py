"""Encoded image bytes to the pixels a net sees, whatever camera, scanner or browser wrote them.

Every photo ends as uint8 RGB of one size: turned upright by its EXIF tag, grey and palettes expanded,
transparency laid over white, CMYK and 16-bit values brought to 8-bit RGB, and fitted to a square in one of the
ways of `FITS`. What cannot be read is an `ImageError` that names the item.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dlcamp.errors import ImageError

Fit = Literal["squash", "nearest", "crop"]

# Above it Pillow itself speaks of a decompression bomb (a quarter gigabyte of RGB).
MAX_PIXELS = 89_478_485

# Raster formats with a decoder inside Pillow; EPS and its like would start other programs.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF")


class Fitting(NamedTuple):
    """One way from a picture to a square.

    Args:
        key: part of every feature's key: change it when a pixel can come out different.
        enough: shorter side from which on more pixels of the file change nothing, in multiples of the square's;
            None where every pixel counts.
        apply: the picture and the side of the square to the square.
    """

    key: str
    enough: float | None
    apply: Callable[[Image.Image, int], Image.Image]


def _squash(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BICUBIC) if image.size != (size, size) else image


def _nearest(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.NEAREST)


def _crop(image: Image.Image, size: int) -> Image.Image:
    # Only the central square is scaled: what lies beside it would be cut away, and may be a very long strip.
    side, short = shorter_side(size), min(image.size)
    left, top = (image.width - short) / 2, (image.height - short) / 2
    square = image.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + short, top + short))
    margin = (side - size) // 2
    return square.crop((margin, margin, margin + size, margin + size))


def shorter_side(size: int) -> int:
    """Side that a picture is scaled to before a square of `size` is cut from its centre: 256 for 224."""
    return round(size * 256 / 224)


FITS: dict[Fit, Fitting] = {
    # the whole picture; the aspect ratio is not kept
    "squash": Fitting("squash-bicubic-1", 2, _squash),
    # as Keras' load_img(target_size=...), and so the course, does it
    "nearest": Fitting("squash-nearest-1", None, _nearest),
    # shorter side to 256 (bilinear), central 224 x 224: how the published VGG accuracies are measured (TF-Slim's
    # vgg_preprocessing, torchvision's reference); rescaled without distortion as in Simonyan & Zisserman 2014
    "crop": Fitting("crop-bilinear-1", 2 * 256 / 224, _crop),
}


def decode(data: bytes, size: int | None = 224, name: str = "image", fit: Fit = "squash") -> np.ndarray:
    """Pixels of one encoded image.

    Args:
        data: the bytes of the file.
        size: side of the square to fit the picture to, in pixels; None keeps the image's own size.
        name: what an error calls the item.
        fit: a key of `FITS`.

    Returns:
        uint8 array of height x width x 3, RGB; squashing leaves a picture alone that has the size already.

    Raises:
        ImageError: empty, not an image, truncated, damaged, too large, or of a kind with no meaning as a picture.
    """
    if not data:
        raise _error(name, "it is empty (0 bytes)")
    fitting = FITS[fit]
    try:
        with Image.open(io.BytesIO(data), formats=_known_formats()) as image:
            _refuse_bomb(image, name)
            if size is not None and fitting.enough is not None:
                # JPEG can decode at 1/2, 1/4, 1/8: no nearer than twice the wanted size, so that bicubic still decides.
                enough = round(fitting.enough * size)
                image.draft(None, (enough, enough))
            rgb = _to_rgb(_upright(image), name)
            return np.array(rgb if size is None else fitting.apply(rgb, size), dtype=np.uint8)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise _error(name, f"it is not an image ({len(data)} bytes, beginning with {data[:8]!r})") from error
    # Decoders of damaged bytes raise nearly anything: SyntaxError, struct.error, IndexError, zlib.error.
    except Exception as error:
        raise _error(name, f"{error or type(error).__name__}") from error


@functools.cache
def _known_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(kind for kind in _FORMATS if kind in Image.OPEN)


def _refuse_bomb(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _error(
            name, f"{width} x {height} pixels are more than {MAX_PIXELS:,}, a decompression bomb by Pillow's rule"
        )


def _upright(image: Image.Image) -> Image.Image:
    """The loaded image, turned as its EXIF tag says; a damaged tag is no reason to lose the picture."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise _error(name, "it holds floating-point values without a known range; save it with 8 bits a channel")
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        white = Image.new("RGBA", with_alpha.size, "white")
        return Image.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def _error(name: str, reason: str) -> ImageError:
    return ImageError(
        f"cannot read the image {name!r}: {reason}\nreplace it, leave it out, or skip what cannot be read"
    )
