"""`list`: every experiment with its question and how its claims were judged, in the course's order.

Read from the sources and from `mlruns/claims/`: nothing is imported, the store is not opened.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlcamp.analysis.claims_file import Remembered, remembered
from dlcamp.cli.commands import Given
from dlcamp.discovery import Listing, listing
from dlcamp.errors import UnknownName


def run(given: Given, root: Path) -> int:
    """Print the table."""
    broken: dict[Path, str] = {}
    found = list(listing(root, broken).values())
    chapter = given.get("CHAPTER")
    if chapter:
        known = {one.chapter for one in found}
        if chapter not in known:
            raise UnknownName("chapter", chapter, known)
        found = [one for one in found if one.chapter == chapter]
    print("\n".join(table(found, {one.name: verdicts(remembered(one.name)) for one in found})))
    print(
        f"\n{len(found)} experiments; one of them in full: make describe NAME={found[0].name}" if found else "none yet"
    )
    for message in broken.values():
        print(f"left out: {message}")
    return 0


def table(found: Sequence[Listing], judged: Mapping[str, str] | None = None) -> list[str]:
    """One line an experiment under its chapter's name: name, the course's heading, the question; then the verdicts."""
    names = max((len(one.name) for one in found), default=0)
    headings = max((width(one.heading) for one in found), default=0)
    lines: list[str] = []
    chapter = ""
    for one in found:
        if one.chapter != chapter:
            lines += ["", one.chapter] if lines else [one.chapter]
            chapter = one.chapter
        lines.append(f"  {one.name:<{names}}  {pad(one.heading, headings)}  {one.question}")
        if judged and judged.get(one.name):
            lines.append(" " * (names + headings + 6) + judged[one.name])
    return lines


def verdicts(kept: Sequence[Remembered]) -> str:
    """`claims: 2 supported, 1 undecided (mnist, paper)`: the newest judgement that rests on more than a smoke run."""
    whole = [one for one in kept if one.preset != "smoke"]
    if not whole:
        return ""
    newest = whole[0]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in newest.counts().items())
    return f"claims: {counts} ({', '.join(part for part in (newest.data, newest.preset) if part)})"


def markdown(found: list[Listing]) -> list[str]:
    """The README's table of experiments."""
    rows = [f"| `{one.name}` | {one.chapter} | {one.heading} | {one.question} |" for one in found]
    return ["| name | chapter | the course's part | question |", "| --- | --- | --- | --- |", *rows]


def width(text: str) -> int:
    """Columns a text takes in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pad(text: str, columns: int) -> str:
    """Text filled with blanks to a number of terminal columns."""
    return text + " " * (columns - width(text))
