"""The page of neighbours: images, each beside those that lie nearest by their features, in one self-contained file.

It needs no script, no network and no other file, as the gallery does. All text is escaped. Every image is made
small first and embedded once a place, so that three full sections of five neighbours stay under three megabytes;
one that cannot be read any more is named in its place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from dlcamp.captioning.gallery import embedded
from dlcamp.errors import ImageError
from dlcamp.vision.images import decode
from dlcamp.vision.neighbours import NEAR_DUPLICATE, Lookup

SECTION_SIZE = 8

_TEMPLATES = Path(__file__).parent / "templates"
_SIDE, _QUALITY = 224, 78  # longest side of an image in pixels; about 10 kB


@dataclass(frozen=True)
class Picture:
    """One image of a collection, and what was written about it (nothing is known of photos of a bare folder)."""

    id: str
    image: bytes
    captions: Sequence[str] = ()


@dataclass(frozen=True)
class Match:
    """A neighbour: the picture, the cosine of the two features, and whether the two files are the same bytes."""

    picture: Picture
    cosine: float
    same: bool = False


@dataclass(frozen=True)
class Neighbourhood:
    """A picture with others, nearest first; `score` is what the caption of the first one is worth as this one's."""

    picture: Picture
    matches: tuple[Match, ...]
    score: float | None = None


@dataclass(frozen=True)
class NeighbourSection:
    """A heading over some neighbourhoods; `of` says out of how many they were taken."""

    heading: str
    about: str
    entries: tuple[Neighbourhood, ...]
    of: int


def neighbour_sections(
    found: Lookup,
    picture: Callable[[str], Picture],
    scores: Mapping[str, float] | None = None,
    *,
    size: int = SECTION_SIZE,
    seed: int = 0,
) -> list[NeighbourSection]:
    """Random, closest, loneliest, and near duplicates: at most `size` entries each.

    The random section is drawn from all queries, so it is the fair one; an image may stand in several.

    Args:
        picture: id to what is shown of it; asked only for images that are shown.
        scores: what the caption of each query's nearest is worth as its own, by id of the query.
    """
    first = found.near.cosines[:, 0]
    copies = set(found.copies)
    queries = range(len(found.queries))

    def match(query: int, position: int, cosine: float) -> Match:
        return Match(picture(found.collection[position]), cosine, (query, position) in copies)

    def beside(query: int) -> Neighbourhood:
        near = zip(found.near.positions[query].tolist(), found.near.cosines[query].tolist(), strict=True)
        item = found.queries[query]
        matches = tuple(match(query, position, cosine) for position, cosine in near)
        return Neighbourhood(picture(item), matches, (scores or {}).get(item))

    drawn = np.random.default_rng(seed).permutation(len(queries))[:size].tolist()
    closest = sorted(queries, key=lambda query: (-first[query], query))[:size]
    loneliest = sorted(queries, key=lambda query: (first[query], query))[:size]
    pairs = [Neighbourhood(picture(found.queries[pair.query]), (match(*pair),)) for pair in found.alike.pairs[:size]]
    every = len(queries)
    return [
        NeighbourSection("Random", "Drawn from all, so what to expect; nearest first.", _all(beside, drawn), every),
        NeighbourSection("Closest", "Highest cosine to the nearest first.", _all(beside, closest), every),
        NeighbourSection("Loneliest", "Lowest cosine to the nearest first.", _all(beside, loneliest), every),
        NeighbourSection("Near duplicates", f"Cosine above {NEAR_DUPLICATE}.", tuple(pairs), found.alike.count),
    ]


def _all(beside: Callable[[int], Neighbourhood], chosen: Sequence[int]) -> tuple[Neighbourhood, ...]:
    return tuple(beside(query) for query in chosen)


def neighbours_html(
    sections: Sequence[NeighbourSection],
    title: str,
    facts: Mapping[str, str],
    *,
    skipped: Mapping[str, str] | None = None,
    score_name: str = "CIDEr",
) -> str:
    """The page as text.

    Args:
        sections: in their order; an empty one is left out.
        title: of the page.
        facts: shown on top, in their order.
        skipped: item to the reason it could not be read, shown at the end.
        score_name: what `score` is.
    """
    shown = _Shown()
    cards = [
        {
            "heading": section.heading,
            "about": section.about,
            "of": section.of,
            "cards": [shown.card(entry) for entry in section.entries],
        }
        for section in sections
        if section.entries
    ]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("neighbours.html.j2").render(
        title=title, facts=facts, sections=cards, skipped=skipped or {}, score_name=score_name
    )


@dataclass
class _Shown:
    """What the template shows of pictures; one that stands in several places is made small once."""

    sources: dict[str, str | None] = field(default_factory=dict)

    def card(self, entry: Neighbourhood) -> dict[str, object]:
        matches = [
            {**self._picture(match.picture), "cosine": match.cosine, "same": match.same} for match in entry.matches
        ]
        return {**self._picture(entry.picture), "matches": matches, "score": entry.score}

    def _picture(self, picture: Picture) -> dict[str, object]:
        if picture.id not in self.sources:
            self.sources[picture.id] = _source(picture)
        return {"id": picture.id, "source": self.sources[picture.id], "captions": picture.captions}


def _source(picture: Picture) -> str | None:
    """A small JPEG of what the net saw, though not squashed; None when the image cannot be read any more."""
    try:
        small = Image.fromarray(decode(picture.image, None, picture.id))
    except ImageError:
        return None
    small.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return embedded(buffer.getvalue(), "image/jpeg", f"image {picture.id}")
