from __future__ import annotations

import io
import resource

import numpy as np
import pytest
from PIL import Image

from dlcamp.errors import ImageError
from dlcamp.vision.images import FITS, Fit, decode
from tests.vision.odd_images import READABLE, UNREADABLE, encoded, halves, turned

# "squash" is how Lite0 takes an image, "crop" how VGG does, "nearest" how the course prepares one
fits = pytest.mark.parametrize("fit", list(FITS))


@fits
@pytest.mark.parametrize("name", READABLE)
def test_every_kind_of_picture_becomes_rgb(name: str, fit: Fit) -> None:
    data, left, right = READABLE[name]
    pixels = decode(data, 40, fit=fit)
    assert pixels.shape == (40, 40, 3)
    assert pixels.dtype == np.uint8
    tolerance = 12 if name.endswith(".jpg") else 0
    np.testing.assert_allclose(pixels[20, 5].astype(int), left, rtol=0, atol=tolerance)
    np.testing.assert_allclose(pixels[20, 35].astype(int), right, rtol=0, atol=tolerance)


@fits
@pytest.mark.parametrize(("orientation", "dark"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_the_exif_tag_turns_the_picture_upright(orientation: int, dark: str, fit: Fit) -> None:
    pixels = decode(turned(orientation), 40, fit=fit)
    edges = {"left": pixels[:, :10], "right": pixels[:, -10:], "top": pixels[:10], "bottom": pixels[-10:]}
    assert min(edges, key=lambda edge: edges[edge].mean()) == dark


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_tag_does_not_lose_the_picture() -> None:
    picture = halves("RGB", (0, 0, 0), (255, 255, 255))
    data = encoded(picture, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff junk")
    assert decode(data, 40).shape == (40, 40, 3)


@pytest.mark.parametrize("fit", ["squash", "nearest"])
def test_an_image_of_the_right_size_is_not_resampled(fit: Fit) -> None:
    pixels = _noise(224, 224)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(pixels)), fit=fit), pixels)


def test_without_a_size_the_image_keeps_its_own() -> None:
    assert decode(encoded(Image.new("RGB", (31, 17))), None).shape == (17, 31, 3)


def test_a_large_jpeg_looks_the_same_as_decoded_in_full() -> None:
    smooth = np.add.outer(np.arange(1500), np.arange(2000))[..., None] * np.array([0.05, 0.03, 0.07])
    data = encoded(Image.fromarray(smooth.astype(np.uint8)), "JPEG", quality=95)
    full = Image.open(io.BytesIO(data))
    whole = np.asarray(full.resize((224, 224), Image.Resampling.BICUBIC))
    assert np.abs(decode(data).astype(int) - whole).mean() < 1.5
    assert np.abs(decode(data, fit="crop").astype(int) - _resized_and_cut(full)).mean() < 1.5


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _resized_and_cut(image: Image.Image) -> np.ndarray:
    """Shorter side to 256, central 224 x 224, in two steps."""
    scale = 256 / min(image.size)
    resized = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    return np.asarray(resized.crop((left, top, left + 224, top + 224)))


@pytest.mark.parametrize(("width", "height"), [(500, 375), (333, 500), (100, 80), (224, 224), (1, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_fit_of_the_course_is_exactly_pillows_nearest(width: int, height: int, kind: str) -> None:
    data = encoded(Image.fromarray(_noise(height, width)), kind)
    taught = Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(decode(data, 224, fit="nearest"), np.asarray(taught))


def test_a_large_jpeg_is_decoded_in_full_for_the_course() -> None:
    data = encoded(Image.fromarray(_noise(1200, 1600)), "JPEG")
    taught = Image.open(io.BytesIO(data)).resize((224, 224), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(decode(data, 224, fit="nearest"), np.asarray(taught))


def test_the_crop_is_the_centre_of_the_image_scaled_to_256() -> None:
    wide, tall = _noise(256, 512), _noise(600, 256)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(wide)), fit="crop"), wide[16:240, 144:368])
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(tall)), fit="crop"), tall[188:412, 16:240])


@pytest.mark.parametrize(("width", "height"), [(640, 512), (512, 1024), (300, 200), (192, 128)])
def test_the_crop_is_that_of_scaling_first_and_cutting_then(width: int, height: int) -> None:
    image = Image.fromarray(_noise(height, width))
    assert np.abs(decode(encoded(image), fit="crop").astype(int) - _resized_and_cut(image)).max() <= 1


@fits
def test_a_very_long_strip_costs_no_more_than_its_own_pixels(fit: Fit) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(encoded(Image.new("L", (500_000, 3), 7)), 224, fit=fit).max() == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB; scaling first would take 30 GB


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@fits
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_with_its_reason(name: str, fit: Fit) -> None:
    data, reason = UNREADABLE[name]
    with pytest.raises(ImageError, match=reason) as caught:
        decode(data, name="holiday/IMG 7.jpg", fit=fit)
    assert "'holiday/IMG 7.jpg'" in str(caught.value)
