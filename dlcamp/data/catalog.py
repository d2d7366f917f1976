"""Every data set dlcamp knows: one entry each, and the way to open it.

Opening is cheap: the value knows its digest at once and makes or reads items only when asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dlcamp.errors import UnknownName
from dlcamp.references import follow


class DataSet(Protocol):
    """What every data set value has: a name, and the digest of what its values depend on."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class Entry:
    """One data set: what it is, under which terms, and the function ("module:name") that opens it."""

    name: str
    title: str
    source: str
    licence: str
    citation: str
    embedded: bool = True

    def open(self) -> Any:
        """The data set's value."""
        return follow(self.source)()


_ENTRIES = (
    Entry(
        name="scenes",
        title="drawn scenes of one to four objects with grammar captions; the ceiling is known",
        source="dlcamp.data.scenes.dataset:Scenes",
        licence="part of dlcamp",
        citation="generated; see dlcamp/data/scenes",
    ),
    Entry(
        name="purchases",
        title="age and income of six people, and who bought",
        source="dlcamp.data.purchases:Purchases",
        licence="part of dlcamp",
        citation="the course's example",
    ),
    Entry(
        name="digits",
        title="1,797 handwritten digits of 8x8 pixels, which come with scikit-learn",
        source="dlcamp.data.digits:Digits",
        licence="CC BY 4.0",
        citation="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",
    ),
)


def entries() -> dict[str, Entry]:
    """Every entry by name."""
    return {entry.name: entry for entry in _ENTRIES}


def entry(name: str) -> Entry:
    """One entry; UnknownName otherwise."""
    known = entries()
    if name not in known:
        raise UnknownName("data set", name, known)
    return known[name]
