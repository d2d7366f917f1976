"""Parts that an experiment adds to its report, each named by a reference that is followed when the page is made.

    compare=Comparison(..., sections=["dlcamp.captioning.side_by_side:section"])

    def section(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section | None:
        ...

What a section knows of its kind of data stays where that data is understood; here it is a heading over markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.study_files import place_label
from dlcamp.comparison import Comparison
from dlcamp.errors import UserError
from dlcamp.references import follow

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.tracking.protocol import Reader


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Args:
        id: of the element, unique on the page; the rules of `style` begin with it ("#truth td").
        heading: as text.
        html: markup that is shown as it is: whoever makes it has escaped what runs say.
        about: beside the heading, as text.
        style: CSS, beside that of the report.
    """

    id: str
    heading: str
    html: str
    about: str = ""
    style: str = ""


Made = Callable[["Reader", "Sequence[Cell]", Comparison], Section | None]


def sections_of(reader: Reader, cells: Sequence[Cell], comparison: Comparison, notes: list[str]) -> list[Section]:
    """The sections that the comparison names, in its order; one that finds nothing to show is left out.

    Args:
        cells: finished runs.
        notes: takes why a section could not be made of what the runs hold.

    Raises:
        DiscoveryError: a reference names nothing.
    """
    found = []
    for reference in comparison.sections:
        make: Made = follow(reference)
        try:
            made = make(reader, cells, comparison)
        except UserError as error:
            notes.append(f"the section {reference} could not be made: {error}")
            continue
        found += [made] if made is not None else []
    return found


def by_place(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """Label of variant and axis values -> its runs by seed, in the order met."""
    found: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.seed):
        found.setdefault(_label(cell), []).append(cell)
    return {label: found[label] for label in dict.fromkeys(_label(cell) for cell in cells)}


def _label(cell: Cell) -> str:
    at = place_label(cell.axes)
    return " at ".join(part for part in (cell.variant or cell.experiment, at) if part)
