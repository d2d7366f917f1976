"""The gallery: one self-contained HTML page of images with what was written about them.

It needs no script, no network and no other file, so it opens from a disk, from an artifact store and inside a
sandboxed frame alike. All text is escaped. Images are embedded; large ones are made smaller first, so that a page
of four full sections stays under three megabytes, strips of attention included.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageOps

from dlcamp.captioning.attention_maps import Attention
from dlcamp.captioning.attention_strip import Glimpse, strip
from dlcamp.captioning.page_images import data_uri, small_jpeg
from dlcamp.errors import DataError, ImageError

SECTION_SIZE = 12

_TEMPLATES = Path(__file__).parent / "templates"
_EMBEDDABLE = ("image/jpeg", "image/png", "image/webp", "image/gif")
_BYTES = 40_000  # an image: 48 of them are 2.6 MB as base64
_BYTES_BESIDE_STRIPS = 32_000  # 2.1 MB, which leaves 0.8 MB
_STRIPS_BYTES = 550_000  # all strips, 0.73 MB as base64
_ENCODINGS = ((480, 82), (400, 74), (320, 66), (240, 55), (160, 45))  # longest side in pixels, JPEG quality


@dataclass(frozen=True)
class GalleryEntry:
    """One image and what was written about it.

    Attributes:
        id: of the image.
        image: the encoded file.
        mime: its type, "image/jpeg".
        references: what people (or the grammar) wrote.
        caption: what the model wrote.
        score: of this caption; orders best and worst.
        wrong: why the caption is false, where that is known; None when it is not known to be false.
        baseline: another caption to compare with.
    """

    id: str
    image: bytes
    mime: str
    references: Sequence[str]
    caption: str
    score: float
    wrong: str | None = None
    baseline: str | None = None


Attend = Callable[[Sequence[str]], Sequence[Attention]]
"""Ids of images to what the decoder looked at while it captioned them, in the order of the ids."""


@dataclass(frozen=True)
class Section:
    """A heading over some of the entries; `of` says out of how many they were taken."""

    heading: str
    about: str
    entries: tuple[GalleryEntry, ...]
    of: int


def gallery_sections(
    entries: Sequence[GalleryEntry], *, size: int = SECTION_SIZE, seed: int = 0, score_name: str = "CIDEr"
) -> list[Section]:
    """Random, best, worst, and those known to be wrong: at most `size` entries each, empty sections left out.

    The random section is drawn from all entries, so it is the fair one; an entry may stand in several. Ties in the
    score are ordered by id.

    Raises:
        DataError: no entries, or a score that is not a number.
    """
    if not entries:
        raise DataError("a gallery needs at least one image")
    for entry in entries:
        if not math.isfinite(entry.score):
            raise DataError(f"image {entry.id} has the score {entry.score}; a gallery orders by finite scores")
    rng = np.random.default_rng(seed)
    ranked = sorted(entries, key=lambda entry: (-entry.score, entry.id))
    wrong = [entry for entry in entries if entry.wrong]
    best, worst = f"Highest {score_name} first.", f"Lowest {score_name} first."
    every = len(entries)
    sections = [
        Section("Random", "Drawn from all, so what to expect.", _drawn(entries, size, rng), every),
        Section("Wrong", "Drawn from the captions that say something false.", _drawn(wrong, size, rng), len(wrong)),
        Section("Best", best, tuple(ranked[:size]), every),
        Section("Worst", worst, tuple(ranked[::-1][:size]), every),
    ]
    return [section for section in sections if section.entries]


def gallery_html(
    entries: Sequence[GalleryEntry],
    title: str,
    facts: Mapping[str, str],
    *,
    size: int = SECTION_SIZE,
    seed: int = 0,
    score_name: str = "CIDEr",
    baseline_name: str = "baseline",
    attend: Attend | None = None,
) -> str:
    """The page as text.

    Args:
        entries: all of them; the sections choose.
        title: of the page.
        facts: shown on top, in their order (data set, n, scores with intervals, run id).
        size: entries a section, at most.
        seed: of the random sections.
        score_name: what `score` is.
        baseline_name: what `baseline` is.
        attend: for a decoder that looks; asked once, for the images of the first (random) section, whose cards then
            show word by word where it looked.

    Raises:
        DataError: no entries, or a score that is not a number.
        ImageError: an image that cannot be read.
    """
    chosen = gallery_sections(entries, size=size, seed=seed, score_name=score_name)
    sources: dict[str, str] = {}
    strips = _strips(chosen[0].entries, attend) if attend else {}
    most_bytes = _BYTES_BESIDE_STRIPS if strips else _BYTES
    sections = [
        {
            "heading": section.heading,
            "about": section.about,
            "of": section.of,
            "strips": strips if section is chosen[0] else {},
            "cards": [_card(entry, sources, most_bytes) for entry in section.entries],
        }
        for section in chosen
    ]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("gallery.html.j2").render(
        title=title, facts=facts, sections=sections, score_name=score_name, baseline_name=baseline_name
    )


def embedded(image: bytes, mime: str, name: str = "image", most_bytes: int = _BYTES) -> str:
    """A data URI of an image: as it is when it is small, else smaller and as JPEG.

    Raises:
        ImageError: it cannot be read, which is found out even for a small one.
    """
    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.load()
            if len(image) > most_bytes or mime not in _EMBEDDABLE:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
                image, mime = small_jpeg(upright, most_bytes, _ENCODINGS), "image/jpeg"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} cannot be read as an image ({error}); it cannot be shown in a gallery") from error
    return data_uri(image, mime)


def _card(entry: GalleryEntry, sources: dict[str, str], most_bytes: int) -> dict[str, object]:
    """What the template shows of an entry; an image that stands in two sections is encoded once."""
    if entry.id not in sources:
        sources[entry.id] = embedded(entry.image, entry.mime, f"image {entry.id}", most_bytes)
    return {
        "id": entry.id,
        "source": sources[entry.id],
        "caption": entry.caption.strip(),
        "references": entry.references,
        "score": entry.score,
        "wrong": entry.wrong,
        "baseline": entry.baseline,
    }


def _strips(entries: Sequence[GalleryEntry], attend: Attend) -> dict[str, list[Glimpse]]:
    """Glimpses by id."""
    records = attend([entry.id for entry in entries])
    most_bytes = _STRIPS_BYTES // len(entries)
    return {
        entry.id: strip(entry.image, record, most_bytes, f"image {entry.id}")
        for entry, record in zip(entries, records, strict=True)
    }


def _drawn(entries: Sequence[GalleryEntry], size: int, rng: np.random.Generator) -> tuple[GalleryEntry, ...]:
    order = rng.permutation(len(entries))[:size]
    return tuple(entries[index] for index in order)
