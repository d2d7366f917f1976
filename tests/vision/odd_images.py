"""Image files as cameras, scanners and browsers write them: left half one colour, right half another."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

Colour = tuple[int, int, int]

RED, BLUE, BLACK, WHITE, GREY = (255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255), (200, 200, 200)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def halves(mode: str, left: object, right: object, size: tuple[int, int] = (64, 32)) -> Image.Image:
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def turned(orientation: int) -> bytes:
    """A JPEG, left half black and right half white as stored, with an EXIF tag that says how the camera was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(halves("RGB", BLACK, WHITE), "JPEG", exif=exif, quality=95)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that would unpack to width x height pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def _deep(left: int, right: int) -> Image.Image:
    return Image.fromarray(np.repeat(np.array([[left, right]], np.uint16), 32, axis=1).repeat(32, axis=0))


# name: the file, and the colours of its halves
READABLE: dict[str, tuple[bytes, Colour, Colour]] = {
    "rgb.png": (encoded(halves("RGB", RED, BLUE)), RED, BLUE),
    "grey.png": (encoded(halves("L", 0, 200)), BLACK, GREY),
    "bilevel.png": (encoded(halves("1", 0, 1)), BLACK, WHITE),
    "palette.png": (encoded(halves("RGB", RED, BLUE).quantize(4)), RED, BLUE),
    "alpha.png": (encoded(halves("RGBA", (*RED, 255), (*BLUE, 0))), RED, WHITE),
    "grey_alpha.png": (encoded(halves("LA", (0, 255), (0, 0))), BLACK, WHITE),
    "palette_alpha.png": (encoded(halves("L", 0, 1).convert("P"), transparency=1), BLACK, WHITE),
    "cmyk.tif": (encoded(halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "TIFF"), RED, BLUE),
    "deep.png": (encoded(_deep(0, 0xC8FF)), BLACK, GREY),
    "rgb.gif": (encoded(halves("RGB", RED, BLUE), "GIF"), RED, BLUE),
    "rgb.bmp": (encoded(halves("RGB", RED, BLUE), "BMP"), RED, BLUE),
    "rgb.webp": (encoded(halves("RGB", RED, BLUE), "WEBP", lossless=True), RED, BLUE),
    # lossy: the colours are near
    "cmyk.jpg": (encoded(halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "JPEG", quality=95), RED, BLUE),
    "upside_down.jpg": (turned(3), WHITE, BLACK),
}

_JPEG = encoded(halves("RGB", (9, 99, 199), BLACK, (200, 200)), "JPEG")

# name: the file, and what the error says
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "empty"),
    "page.jpg": (b"<html>404</html>", "not an image"),
    "cut.jpg": (_JPEG[: len(_JPEG) // 2], "truncated"),
    "cut.png": (encoded(Image.new("RGB", (99, 99)))[:60], "cannot read"),
    "three_bytes.jpg": (_JPEG[:3], "not an image"),
    "program.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "bomb.png": (bomb(30_000, 30_000), "bomb"),
    "small_bomb.png": (bomb(10_000, 10_000), "bomb"),
    "floats.tif": (encoded(Image.new("F", (9, 9)), "TIFF"), "floating-point"),
}
