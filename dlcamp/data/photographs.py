"""Photographs with captions in three splits: what Flickr8k and the user's own folder share.

What is listed, what is there and what has captions never agree in full; the difference is counted and reported,
and past 10 % of train or val it is an error. Nothing is cut again and nothing is taken away in silence.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from dlcamp.data.captions import CaptionItem, Split
from dlcamp.data.token_file import lines_of, read_text
from dlcamp.data.unpacked import Unpacked, sha256_of
from dlcamp.errors import DataError, ImageError, nearest

SPLITS: tuple[Split, ...] = ("train", "val", "test")
LISTS: dict[Split, str] = {"train": "trainImages.txt", "val": "devImages.txt", "test": "testImages.txt"}
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"})
MOST_MISSING = 0.1


class Duplicate(NamedTuple):
    """Two image files of the same content, with their splits."""

    first: str
    first_split: Split
    second: str
    second_split: Split

    @property
    def across(self) -> bool:
        """Whether one of the two was trained or tuned on, and the other is scored."""
        return self.first_split != self.second_split


@dataclass(frozen=True)
class ListedSplit:
    """One split: every image listed, and of those the ones that are absent or have no caption."""

    split: Split
    listed: tuple[str, ...]
    absent: tuple[str, ...]
    uncaptioned: tuple[str, ...]

    @cached_property
    def usable(self) -> tuple[str, ...]:
        """Images that are there and have captions, in the list's order."""
        left_out = {*self.absent, *self.uncaptioned}
        return tuple(image for image in self.listed if image not in left_out)

    def __str__(self) -> str:
        parts = [f"{self.split}: {len(self.usable):,} images of {len(self.listed):,} listed"]
        parts += [f"{len(self.absent):,} are absent ({first_of(self.absent)})"] if self.absent else []
        parts += [f"{len(self.uncaptioned):,} have no caption ({first_of(self.uncaptioned)})"] * bool(self.uncaptioned)
        return "; ".join(parts)


@dataclass(frozen=True)
class Album:
    """Image files by id, captions by id, and the ids of each split."""

    files: Mapping[str, str]
    captions: Mapping[str, tuple[str, ...]]
    parts: Mapping[Split, ListedSplit]

    @classmethod
    def of(
        cls,
        name: str,
        files: Mapping[str, str],
        captions: Mapping[str, tuple[str, ...]],
        listed: Mapping[Split, Sequence[str]],
    ) -> Album:
        """Compare lists, files and captions.

        Raises:
            DataError: an image in two splits, an empty split, or more than 10 % of train or val missing.
        """
        _check_apart(name, listed)
        parts = {}
        for split in SPLITS:
            ids = tuple(dict.fromkeys(listed[split]))  # a name twice in a list is one image
            absent = tuple(image for image in ids if image not in files)
            uncaptioned = tuple(image for image in ids if image in files and image not in captions)
            parts[split] = ListedSplit(split, ids, absent, uncaptioned)
            _check_enough(name, parts[split])
        return cls(files, captions, parts)

    @cached_property
    def unlisted(self) -> tuple[str, ...]:
        """Images with captions that are in no split."""
        listed = {image for part in self.parts.values() for image in part.listed}
        return tuple(image for image in self.captions if image in self.files and image not in listed)


class Photographs(Unpacked, ABC):
    """Photographs in a folder (a `CaptionData`)."""

    @cached_property
    def album(self) -> Album:
        """What the folder holds; read when first asked."""
        return self._read()

    @abstractmethod
    def _read(self) -> Album: ...

    def items(self, split: Split, limit: int | None = None) -> Sequence[CaptionItem]:
        """The items of a split in their fixed order; the first `limit` of them if given."""
        if split not in self.album.parts:
            raise DataError(f"{self.name} has no split {split!r}; it has {', '.join(SPLITS)} (val is the dev list)")
        usable = self.album.parts[split].usable
        return [CaptionItem(image, self.album.captions[image]) for image in usable[:limit]]

    def in_file_order(self, items: Sequence[CaptionItem]) -> list[CaptionItem]:
        """Items as their captions stand in the file, which numbers the course's words."""
        place = {image: number for number, image in enumerate(self.album.captions)}
        return sorted(items, key=lambda item: place[item.id])

    def image(self, item_id: str) -> bytes:
        """The image file as it lies on disk; DataError for an unknown id, ImageError where the file cannot be read."""
        path = self.album.files.get(item_id)
        if path is None:
            near = nearest(item_id, self.album.files)
            raise DataError(f"{self.name} has no image {item_id!r}" + (f"; did you mean {near!r}?" if near else ""))
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise ImageError(f"{self.name}: cannot read image {item_id!r}: {error.strerror or error}") from None

    def report(self) -> dict[str, int]:
        """Images a split, to log: `data_train_used`, `..._listed`, `..._absent`, `..._uncaptioned`; so val and test."""
        counts = {}
        for split, part in self.album.parts.items():
            counts[f"data_{split}_used"] = len(part.usable)
            counts[f"data_{split}_listed"] = len(part.listed)
            counts[f"data_{split}_absent"] = len(part.absent)
            counts[f"data_{split}_uncaptioned"] = len(part.uncaptioned)
        return counts

    def duplicates(self) -> list[Duplicate]:
        """Pairs of usable images whose files hold the same bytes; of three alike, the first with each other one."""
        splits = {image: split for split, part in self.album.parts.items() for image in part.usable}
        alike = same_content({image: self.album.files[image] for image in splits})
        return [Duplicate(first, splits[first], other, splits[other]) for first, *rest in alike for other in rest]

    def summary(self) -> list[str]:
        """Lines about splits, captions and identical files, for `make data`."""
        captioned = [image for part in self.album.parts.values() for image in part.usable]
        captions = sum(len(self.album.captions[image]) for image in captioned)
        lines = [str(part) for part in self.album.parts.values()]
        lines.append(f"{captions:,} captions of {len(captioned):,} images")
        if self.album.unlisted:
            lines.append(f"{len(self.album.unlisted):,} images with captions are in no split")
        return [*lines, *_duplicate_lines(self.duplicates())]


def read_list(path: Path) -> list[str]:
    """The names in a split list, one a line."""
    return [line.strip() for line in lines_of(read_text(path)) if line.strip()]


def same_content(files: Mapping[str, str]) -> list[list[str]]:
    """Groups of ids whose files are identical; only files of one size are read. DataError if one cannot be."""
    try:
        by_size = _grouped((os.stat(path).st_size, item) for item, path in files.items())
        found = []
        for ids in by_size:
            found += _grouped((sha256_of(Path(files[item])), item) for item in ids)
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from None
    return found


def first_of(names: Sequence[str], limit: int = 3) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _grouped(pairs: Iterable[tuple[object, str]]) -> list[list[str]]:
    groups: dict[object, list[str]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return [ids for ids in groups.values() if len(ids) > 1]


def _check_apart(name: str, listed: Mapping[Split, Sequence[str]]) -> None:
    seen: dict[str, Split] = {}
    for split in SPLITS:
        for image in listed[split]:
            if seen.setdefault(image, split) != split:
                raise DataError(
                    f"{name}: {image!r} is listed in {seen[image]} and in {split}: a model would be scored on what it "
                    f"was fitted to\nlist every image in one of the files *{', *'.join(LISTS.values())} only"
                )


def _check_enough(name: str, part: ListedSplit) -> None:
    missing = len(part.absent) + len(part.uncaptioned)
    if not part.usable:
        raise DataError(f"{name} has no {part.split} image\n{part}")
    if part.split != "test" and missing > MOST_MISSING * len(part.listed):
        raise DataError(
            f"{name}: {missing:,} of the {len(part.listed):,} images listed for {part.split} cannot be used; at most "
            f"10 % may be missing\n{part}\nfetch the whole archive again: make data DATA={name}"
        )


def _duplicate_lines(found: Sequence[Duplicate]) -> list[str]:
    across = [pair for pair in found if pair.across]
    inside = len(found) - len(across)
    lines = [f"identical files: {_pairs(len(across))} across splits, {_pairs(inside)} within one"]
    lines += [f"  {a} ({split_a}) = {b} ({split_b})" for a, split_a, b, split_b in across[:3]]
    return [*lines, f"  and {len(across) - 3:,} more across splits"] if len(across) > 3 else lines


def _pairs(count: int) -> str:
    return f"{count:,} pair{'' if count == 1 else 's'}" if count else "none"
