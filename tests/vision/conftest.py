"""Drawn images, and a home of its own for what the encoder writes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dlcamp.vision.vgg_table import CONFIGURATIONS


def drawn_jpeg(seed: int, size: int = 224) -> bytes:
    """A few ellipses on a plain ground, as a JPEG."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (size, size), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        left, top, width, height = rng.integers(10, size // 2, 4).tolist()
        draw.ellipse((left, top, left + width, top + height), fill=tuple(rng.integers(0, 256, 3).tolist()))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture(scope="session")
def photos() -> list[tuple[str, bytes]]:
    return [(f"drawn_{number}.jpg", drawn_jpeg(number)) for number in range(10)]


@pytest.fixture(autouse=True, scope="session")
def vision_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        home: Path = tmp_path_factory.mktemp("home")
        patch.setenv("DLCAMP_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def small_vggs() -> Iterator[None]:
    """Two more rows in the table: VGG16 and VGG19 of a sixteenth of the width, under names of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("vgg16", "vgg19"):
            row = CONFIGURATIONS[name].narrowed(16)
            patch.setitem(CONFIGURATIONS, f"small_{name}", replace(row, title=f"small {row.title}"))
        yield
