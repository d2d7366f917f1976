"""The few test images that every captioning run keeps, so that a report can show what several said of the same ones.

They are drawn from the test images by a fixed seed, not picked: all runs on one data set keep the same ones. A run's
captions are in its `predictions.parquet`; here are the images, small, and what people (or the grammar) wrote.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image, ImageOps

from dlcamp.captioning.page_images import data_uri, small_jpeg
from dlcamp.data.captions import CaptionData, CaptionItem
from dlcamp.errors import DataError, ImageError

FILE = "shown.json"
COUNT = 12
SEED = 0
_BYTES = 24_000  # an image: every run keeps a dozen
_ENCODINGS = ((320, 82), (320, 70), (240, 70))  # longest side in pixels, JPEG quality


@dataclass(frozen=True)
class Shown:
    """One image: its id, a `data:` address of it, and its references."""

    id: str
    source: str
    references: tuple[str, ...]


def drawn(items: Sequence[CaptionItem], count: int = COUNT) -> list[CaptionItem]:
    """So many of the items, or all, the same ones every time; in their own order."""
    chosen = np.random.default_rng(SEED).permutation(len(items))[:count]
    return [items[index] for index in sorted(chosen.tolist())]


def shown_json(items: Sequence[CaptionItem], data: CaptionData) -> str:
    """The content of `shown.json` for the test images of a run.

    Raises:
        DataError: an image that the data set does not have.
        ImageError: one that cannot be read.
    """
    kept = [Shown(item.id, _source(item.id, data.image(item.id)), tuple(item.references)) for item in drawn(items)]
    return json.dumps([asdict(one) for one in kept], ensure_ascii=False)


def read_shown(text: str) -> list[Shown]:
    """What `shown_json` wrote.

    Raises:
        DataError: it is something else.
    """
    try:
        return [
            Shown(str(one["id"]), str(one["source"]), tuple(map(str, one["references"]))) for one in json.loads(text)
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{FILE} holds no images with references ({error!r})") from None


def _source(name: str, content: bytes) -> str:
    """A `data:` address of the image as a small JPEG."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"image {name} cannot be read ({error}); it cannot be shown") from error
    return data_uri(small_jpeg(upright, _BYTES, _ENCODINGS), "image/jpeg")
