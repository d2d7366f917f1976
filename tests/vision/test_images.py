from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dlcamp.errors import ImageError
from dlcamp.vision.images import decode


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _halves(mode: str, left: object, right: object, size: tuple[int, int] = (64, 32)) -> Image.Image:
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def _deep(left: int, right: int) -> Image.Image:
    return Image.fromarray(np.repeat(np.array([[left, right]], np.uint16), 32, axis=1).repeat(32, axis=0))


@pytest.mark.parametrize(
    ("data", "left", "right"),
    [
        (_encoded(_halves("RGB", (255, 0, 0), (0, 0, 255))), (255, 0, 0), (0, 0, 255)),
        (_encoded(_halves("L", 0, 200)), (0, 0, 0), (200, 200, 200)),
        (_encoded(_halves("1", 0, 1)), (0, 0, 0), (255, 255, 255)),
        (_encoded(_halves("RGB", (255, 0, 0), (0, 0, 255)).quantize(4)), (255, 0, 0), (0, 0, 255)),
        (_encoded(_halves("RGBA", (255, 0, 0, 255), (0, 0, 255, 0))), (255, 0, 0), (255, 255, 255)),
        (_encoded(_halves("LA", (0, 255), (0, 0))), (0, 0, 0), (255, 255, 255)),
        (_encoded(_halves("L", 0, 1).convert("P"), transparency=1), (0, 0, 0), (255, 255, 255)),
        (_encoded(_halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "TIFF"), (255, 0, 0), (0, 0, 255)),
        (_encoded(_deep(0, 0xC8FF)), (0, 0, 0), (200, 200, 200)),
        (_encoded(_halves("RGB", (255, 0, 0), (0, 0, 255)), "GIF"), (255, 0, 0), (0, 0, 255)),
        (_encoded(_halves("RGB", (255, 0, 0), (0, 0, 255)), "BMP"), (255, 0, 0), (0, 0, 255)),
        (_encoded(_halves("RGB", (255, 0, 0), (0, 0, 255)), "WEBP", lossless=True), (255, 0, 0), (0, 0, 255)),
    ],
    ids=[
        "rgb",
        "grey",
        "bilevel",
        "palette",
        "alpha",
        "grey-alpha",
        "palette-alpha",
        "cmyk",
        "16-bit",
        "gif",
        "bmp",
        "webp",
    ],
)
def test_every_kind_of_picture_becomes_rgb(data: bytes, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    pixels = decode(data, 40)
    assert pixels.shape == (40, 40, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[20, 5], left)
    np.testing.assert_array_equal(pixels[20, 35], right)


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    pixels = decode(_encoded(_halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "JPEG", quality=95), 40)
    np.testing.assert_allclose(pixels[20, 5].astype(int), (255, 0, 0), atol=12)
    np.testing.assert_allclose(pixels[20, 35].astype(int), (0, 0, 255), atol=12)


@pytest.mark.parametrize(("orientation", "dark"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_the_exif_tag_turns_the_picture_upright(orientation: int, dark: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(_encoded(_halves("RGB", (0, 0, 0), (255, 255, 255)), "JPEG", exif=exif), 40)
    places = {"left": (20, 5), "right": (20, 35), "top": (5, 20), "bottom": (35, 20)}
    assert min(places, key=lambda place: pixels[places[place]].sum()) == dark


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_tag_does_not_lose_the_picture() -> None:
    data = _encoded(
        _halves("RGB", (0, 0, 0), (255, 255, 255)), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff junk"
    )
    assert decode(data, 40).shape == (40, 40, 3)


def test_an_image_of_the_right_size_is_not_resampled() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode(_encoded(Image.fromarray(pixels))), pixels)


def test_without_a_size_the_image_keeps_its_own() -> None:
    assert decode(_encoded(Image.new("RGB", (31, 17))), None).shape == (17, 31, 3)


def test_a_large_jpeg_looks_the_same_as_decoded_in_full() -> None:
    smooth = np.add.outer(np.arange(1500), np.arange(2000))[..., None] * np.array([0.05, 0.03, 0.07])
    image = Image.fromarray(smooth.astype(np.uint8))
    data = _encoded(image, "JPEG", quality=95)
    whole = np.asarray(Image.open(io.BytesIO(data)).resize((224, 224), Image.Resampling.BICUBIC))
    assert np.abs(decode(data).astype(int) - whole).mean() < 1.5


def _bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


_JPEG = _encoded(_halves("RGB", (9, 99, 199), (0, 0, 0), (200, 200)), "JPEG")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>404</html>", "not an image"),
        (_JPEG[: len(_JPEG) // 2], "truncated"),
        (_encoded(Image.new("RGB", (99, 99)))[:60], "cannot read"),
        (_JPEG[:3], "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (_bomb(30_000, 30_000), "bomb"),
        (_bomb(10_000, 10_000), "bomb"),
        (_encoded(Image.new("F", (9, 9)), "TIFF"), "floating-point"),
    ],
    ids=["empty", "html", "cut jpeg", "cut png", "three bytes", "eps", "bomb", "small bomb", "floats"],
)
def test_what_cannot_be_read_is_named_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        decode(data, name="holiday/IMG 7.jpg")
    assert "'holiday/IMG 7.jpg'" in str(caught.value)
