"""Images as pages embed them: JPEGs under a limit of bytes, and data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image


def small_jpeg(image: Image.Image, most_bytes: int, encodings: Sequence[tuple[int, int]]) -> bytes:
    """The first of `encodings` (longest side in pixels, JPEG quality) that keeps to `most_bytes`; else the last.

    Args:
        image: upright, RGB; it is never enlarged.
    """
    data = b""
    for side, quality in encodings:
        copy = image.copy()
        copy.thumbnail((side, side))
        buffer = io.BytesIO()
        copy.save(buffer, format="JPEG", quality=quality, optimize=True)
        data = buffer.getvalue()
        if len(data) <= most_bytes:
            break
    return data


def data_uri(data: bytes, mime: str) -> str:
    """Bytes in the place of an address."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
