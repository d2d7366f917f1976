"""Encoded image bytes to the pixels a net sees, whatever camera, scanner or browser wrote them.

Every photo ends as uint8 RGB of one size: turned upright by its EXIF tag, grey and palettes expanded,
transparency laid over white, CMYK and 16-bit values brought to 8-bit RGB, squashed to a square (bicubic, the
aspect ratio is not kept). What cannot be read is an `ImageError` that names the item.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dlcamp.errors import ImageError

# Part of every feature's key: change it when a pixel can come out different.
PREPROCESSING = "squash-bicubic-1"

# Above it Pillow itself speaks of a decompression bomb (a quarter gigabyte of RGB).
MAX_PIXELS = 89_478_485

# Raster formats with a decoder inside Pillow; EPS and its like would start other programs.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF")


def decode(data: bytes, size: int | None = 224, name: str = "image") -> np.ndarray:
    """Pixels of one encoded image.

    Args:
        data: the bytes of the file.
        size: side of the square to scale to, in pixels; None keeps the image's own size.
        name: what an error calls the item.

    Returns:
        uint8 array of height x width x 3, RGB; an image that has the size already is not resampled.

    Raises:
        ImageError: empty, not an image, truncated, damaged, too large, or of a kind with no meaning as a picture.
    """
    if not data:
        raise _error(name, "it is empty (0 bytes)")
    try:
        with Image.open(io.BytesIO(data), formats=_known_formats()) as image:
            _refuse_bomb(image, name)
            if size is not None:
                # JPEG can decode at 1/2, 1/4, 1/8: no nearer than twice the wanted size, so that bicubic still decides.
                image.draft(None, (2 * size, 2 * size))
            upright = _upright(image)
            rgb = _to_rgb(upright, name)
            if size is not None and rgb.size != (size, size):
                rgb = rgb.resize((size, size), Image.Resampling.BICUBIC)
            return np.array(rgb, dtype=np.uint8)
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
