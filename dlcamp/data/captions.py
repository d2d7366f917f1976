"""The one shape of a captioning data set, drawn or photographed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class CaptionItem:
    """One image: its id and its reference captions, as they stand in the source."""

    id: str
    references: tuple[str, ...]


class CaptionData(Protocol):
    """Images with reference captions in three official splits."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """What the values depend on: generator version and seed, or the files' hashes."""

    def items(self, split: Split, limit: int | None = None) -> Sequence[CaptionItem]:
        """The items of a split in their fixed order; the first `limit` of them if given."""

    def image(self, item_id: str) -> bytes:
        """The encoded image file (JPEG or PNG), as it would lie on disk."""
