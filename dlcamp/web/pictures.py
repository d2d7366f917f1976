"""The images and reference captions of a data set's validation items, where this machine has them."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlcamp.data import catalog
from dlcamp.errors import DlcampError, ImageError, UnknownName

SIDE = 260
"""Longest side of a thumbnail in pixels."""


@dataclass(frozen=True)
class Album:
    """One data set.

    Args:
        references: validation item -> its captions.
        missing: why there are no images; "" where there are.
    """

    references: Mapping[str, Sequence[str]]
    missing: str
    data: Any = None

    def thumbnail(self, item: str) -> bytes:
        """A small JPEG of a validation item.

        Raises:
            UnknownName: no such item.
            ImageError: its file cannot be read.
        """
        if item not in self.references:
            raise UnknownName("validation image", item[:200], [])
        return _small(item, self.data.image(item))


class Albums:
    """Albums by data set, each opened once: listing thousands of photographs takes a second."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], Album] = {}
        self._lock = threading.Lock()

    def of(self, name: str, digest: str = "") -> Album:
        """The album of a data set; an empty one where it has no captioned images, is away, or has another digest."""
        with self._lock:
            known = self._opened.get((name, digest))
            if known is None:
                known = _open(name, digest)
                if not known.missing:  # what is away may be fetched while the dashboard runs
                    self._opened[name, digest] = known
        return known


def _open(name: str, digest: str) -> Album:
    try:
        data = catalog.entry(name).open()
        if not (hasattr(data, "items") and hasattr(data, "image")):
            return Album({}, "")
        if digest and data.digest != digest:
            return Album({}, f"{name} is not the one that the models were judged on: its images are not shown.")
        return Album({item.id: item.references for item in data.items("val")}, "", data)
    except (DlcampError, OSError) as error:
        return Album({}, f"The images of {name} are not here: {str(error).splitlines()[0]}")


def _small(item: str, content: bytes) -> bytes:
    from PIL import Image, ImageOps

    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail((SIDE, SIDE))
            upright.save(buffer, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"image {item} cannot be read ({error})") from None
    return buffer.getvalue()
