"""Lines of text for a terminal of 100 columns: cells in columns, paragraphs under a heading."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
MARKS = {
    "better": "▲", "worse": "▼", "equivalent": "=", "not separated": "○", "one seed": "·", "no data": "·",
    "higher": "▲", "lower": "▼",
    "supported": "✓", "refuted": "✗", "undecided": "?",
}  # fmt: skip
"""A sign beside each verdict, for those who do not see its colour."""

_TOGETHER = re.compile(r" [-−=<] | points\b")


def columns(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,), gap: str = "  ") -> list[str]:
    """The rows with their cells aligned to the right, but to the left in the columns named."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lefts = set(left)
    return [
        gap.join(
            cell.ljust(width) if index in lefts else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def wrapped(text: str, first: str = "", rest: str = "    ") -> list[str]:
    """The text in lines of at most 100 columns: `first` before the first one, `rest` before the others."""
    joined = _TOGETHER.sub(lambda found: found[0].replace(" ", "\u00a0"), text)
    lines = textwrap.wrap(joined, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines] or [first.rstrip()]


def hanging(head: str, paragraphs: Iterable[str], indent: int) -> list[str]:
    """Paragraphs beside a heading."""
    lines: list[str] = []
    for text in paragraphs:
        if text:
            lines += wrapped(text, head.ljust(indent) if not lines else " " * indent, " " * indent)
    return lines or [head]
