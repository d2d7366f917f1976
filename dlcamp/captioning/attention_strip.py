"""Attention in small: a caption as a row of thumbnails, one a word, for a page that shows many images."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from dlcamp.captioning.attention_maps import Attention, whereabouts
from dlcamp.captioning.attention_overlays import brightest, heat, overlaid
from dlcamp.captioning.page_images import data_uri, small_jpeg
from dlcamp.vision.images import decode

_ENCODINGS = ((112, 68), (96, 60), (80, 50), (64, 40), (48, 30))  # longest side in pixels, JPEG quality


@dataclass(frozen=True)
class Glimpse:
    """A word, the photo under its heat as a data URI, and where it is brightest in words."""

    word: str
    source: str
    where: str


def strip(image: bytes, record: Attention, most_bytes: int, name: str = "image") -> list[Glimpse]:
    """Thumbnails of a caption's words.

    Args:
        image: the encoded file.
        most_bytes: of all of them together; a long caption has smaller ones.
        name: what an error calls the image.

    Raises:
        ImageError: it cannot be read.
    """
    if not record.words:
        return []
    photo = Image.fromarray(decode(image, None, name))
    photo.thumbnail((_ENCODINGS[0][0],) * 2)
    peak = brightest(record.mean)
    each = most_bytes // len(record.words)

    def drawn(number: int) -> str:
        over = overlaid(photo, heat(record.mean[number], peak, photo.size, record.fit))
        return data_uri(small_jpeg(over, each, _ENCODINGS), "image/jpeg")

    return [
        Glimpse(word, drawn(number), whereabouts(record.brightest(number), record.grid))
        for number, word in enumerate(record.words)
    ]
