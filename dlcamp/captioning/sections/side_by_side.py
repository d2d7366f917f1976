"""Captions of the same images side by side: the dozen that every run keeps (`dlcamp.captioning.shown`).

Of each variant the run of the lowest seed speaks. On drawn scenes a caption is marked true or false, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.items import Predictions
from dlcamp.analysis.sections import Section, by_place
from dlcamp.captioning.sections.rendering import rendered, style
from dlcamp.captioning.shown import FILE, Shown, read_shown
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.comparison import Comparison
    from dlcamp.tracking.protocol import Reader


@dataclass(frozen=True)
class Said:
    """What one variant says of an image; `truthful` is None where nobody can tell."""

    variant: str
    caption: str
    truthful: bool | None
    reason: str
    cider: float | None


@dataclass(frozen=True)
class Card:
    """One image with what all variants say of it."""

    image: Shown
    said: tuple[Said, ...]


def cards(reader: Reader, cells: Sequence[Cell]) -> list[Card]:
    """One card an image that some run kept and some variant captioned, in the order kept."""
    speakers = {label: own[0] for label, own in by_place(cells).items()}
    images = _images(reader, [*speakers.values(), *cells])
    read = Predictions(reader)
    rows = {label: {str(row.get("item")): row for row in read.rows(cell.run)} for label, cell in speakers.items()}
    made = []
    for image in images:
        said = tuple(
            Said(
                label,
                str(row.get("output", "")).strip(),
                row.get("truthful"),
                str(row.get("reason") or ""),
                row.get("cider"),
            )
            for label, by_item in rows.items()
            if (row := by_item.get(image.id)) is not None
        )
        made += [Card(image, said)] if said else []
    return made


def section(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section | None:
    """The section of a report; None where no run kept images."""
    made = cards(reader, cells)
    if not made:
        return None
    seeds = sorted({own[0].seed for own in by_place(cells).values()})
    html = rendered("side_by_side.html.j2", cards=made, judged=any(one.truthful is not None for one in made[0].said))
    about = f"{len(made)} test images, drawn, not picked; seed {', '.join(map(str, seeds))}"
    return Section("side-by-side", "What each says of the same images", html, about, style("side_by_side.css"))


def _images(reader: Reader, cells: Sequence[Cell]) -> list[Shown]:
    """Of the first run that kept any."""
    for cell in cells:
        try:
            return read_shown(reader.fetch(cell.run, FILE).read_text("utf-8"))
        except (UserError, OSError):
            continue
    return []
