"""The figures that runs drew themselves, for a page: one seed of each variant, made smaller until all fit.

Originals stay in the runs; a page that holds forty of them at full size would not open.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.analysis.cells import Cell
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from dlcamp.tracking.protocol import Reader

MOST = 36
"""Pictures on a page."""
BYTES = 1_500_000
"""All of them together: 2 MB as base64."""
MOST_PIXELS = 50_000_000
WIDTH, NARROWEST = 900, 200
"""Pixels: the widest that a picture is kept, and the least that it is made for its bytes."""


@dataclass(frozen=True)
class Picture:
    """One figure of one run, encoded for a page."""

    name: str
    variant: str
    axes: Mapping[str, str]
    seed: int
    run: str
    mime: str
    data: bytes

    @property
    def source(self) -> str:
        """As a `data:` address."""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}"


def pictures_of(reader: Reader, cells: Sequence[Cell]) -> tuple[list[Picture], int]:
    """Figures of the lowest seed of each place, and how many more of those there are.

    Where axes make more places than fit, whole combinations of axis values are kept, from the last one (usually that
    of the largest values) on.
    """
    firsts: dict[object, Cell] = {}
    for cell in sorted(cells, key=lambda cell: cell.seed):
        firsts.setdefault(cell.place, cell)
    drawn = [cell for cell in cells if firsts[cell.place] is cell]
    combinations = list(dict.fromkeys(cell.place[1] for cell in drawn))
    drawn.sort(key=lambda cell: -combinations.index(cell.place[1]))
    wanted = [(cell, name) for cell in drawn for name in _names(reader, cell)]
    pictures = _encoded(reader, wanted[:MOST])
    return pictures, len(wanted) - len(pictures)


def _names(reader: Reader, cell: Cell) -> list[str]:
    try:
        return [name for name in reader.artifacts(cell.run) if name.lower().endswith(".png")]
    except UserError:
        return []


def _encoded(reader: Reader, wanted: Sequence[tuple[Cell, str]]) -> list[Picture]:
    budget = BYTES // max(len(wanted), 1)
    made = []
    for cell, name in wanted:
        try:
            data = smaller(reader.fetch(cell.run, name), budget)
        except (UserError, OSError, ValueError):
            continue  # a picture that cannot be read is counted among those left out
        made.append(Picture(name, cell.variant, cell.axes, cell.seed, cell.run, "image/webp", data))
    return made


def smaller(path: Path, budget: int) -> bytes:
    """The picture as WebP of at most `budget` bytes where that is possible, never enlarged.

    Raises:
        OSError, ValueError: it is no picture, or too large a one.
    """
    from PIL import Image

    with Image.open(path) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"{path.name} has {opened.width} x {opened.height} pixels")
        flat = Image.new("RGB", opened.size, "white")
        whole = opened.convert("RGBA")
        flat.paste(whole, mask=whole.getchannel("A"))
    width, data = min(WIDTH, flat.width), b""
    while True:
        data = _webp(flat, width)
        if len(data) <= budget or width <= NARROWEST:
            break
        # bytes grow a little slower than the area does
        width = max(min(int(width * 0.9 * (budget / len(data)) ** 0.5), width - 1), NARROWEST)
    return data


def _webp(image: Image.Image, width: int) -> bytes:
    height = max(round(image.height * width / image.width), 1)
    small = image if width == image.width else image.resize((width, height))  # bicubic
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=80, method=3)
    return stream.getvalue()
