"""`flickr8k`: 8,000 photographs with five captions each, in the official splits of 6,000, 1,000 and 1,000.

Source: M. Hodosh, P. Young, J. Hockenmaier, "Framing Image Description as a Ranking Task", JAIR 47, 2013. The
official layout is read as it is: `Flicker8k_Dataset/` (so spelt), `Flickr8k.token.txt` and three lists of images.
The real files hold a caption key without an image and copies without some of the images; both are tolerated.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from dlcamp.data.captions import Split
from dlcamp.data.photographs import LISTS, SPLITS, SUFFIXES, Album, Photographs, first_of, read_list
from dlcamp.data.token_file import CaptionFile, read_captions
from dlcamp.data.unpacked import locate, shown
from dlcamp.errors import DataError

OFFICIAL: dict[Split, int] = {"train": 6000, "val": 1000, "test": 1000}
_IMAGES = ("Flicker8k_Dataset", "Flickr8k_Dataset")
_TOKENS = "Flickr8k.token.txt"


class Flickr8k(Photographs):
    """Flickr8k (a `CaptionData`): `val` is the dev list; items stand in the lists' order, captions in the file's."""

    name = "flickr8k"

    @cached_property
    def token_file(self) -> CaptionFile:
        """The captions with the numbers of their lines."""
        return read_captions(self._paths[_TOKENS])

    def orphans(self) -> list[str]:
        """Keys of captions to which no image belongs, in the file's order."""
        return [image for image in self.album.captions if image not in self.album.files]

    def _read(self) -> Album:
        self.token_file.check()
        listed = {split: read_list(self._paths[f"Flickr_8k.{LISTS[split]}"]) for split in SPLITS}
        with os.scandir(self._paths[_IMAGES[0]]) as entries:
            files = {entry.name: entry.path for entry in entries if Path(entry.name).suffix.lower() in SUFFIXES}
        return Album.of(self.name, files, self.token_file.captions(), listed)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """Where the images, the captions and the three lists are.

        Raises:
            DataError: one of them is not there.
        """
        wanted = {_IMAGES[0]: _IMAGES, _TOKENS: (_TOKENS,)}
        wanted |= {name: (name,) for name in (f"Flickr_8k.{ending}" for ending in LISTS.values())}
        found = {name: locate(self.folder, *options) for name, options in wanted.items()}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            raise DataError(_what_is_missing(self.folder, missing, len(wanted)))
        return {name: path for name, path in found.items() if path is not None}


def examine(folder: Path) -> list[str]:
    """What an unpacked folder holds: images a split, captions, what is missing, identical files.

    Raises:
        DataError: it is not Flickr8k, or too much of it is missing.
    """
    data = Flickr8k(folder, digest="")
    lines = data.summary()
    for index, (split, part) in enumerate(data.album.parts.items()):
        if len(part.listed) != OFFICIAL[split]:
            lines[index] += f" (the official list has {OFFICIAL[split]:,})"
    orphans = data.orphans()
    if orphans:
        lines.append(f"caption keys without an image: {len(orphans):,} ({first_of(orphans)})")
    return [*lines, *data.token_file.complaints()]


def _what_is_missing(folder: Path, missing: list[str], wanted: int) -> str:
    lines = [f"flickr8k: no {', '.join(missing)} in {folder}", f"it holds {shown(folder)}"]
    if len(missing) == wanted:
        lines.append("Flickr8k comes as Flickr8k_Dataset.zip and Flickr8k_text.zip: give a folder that holds both")
        if locate(folder, "captions.txt"):
            lines.append("captions.txt is the Kaggle form, which has no official splits: make data DATA=mine FROM=...")
    else:
        if _IMAGES[0] in missing:
            lines.append("the images are in Flickr8k_Dataset.zip: give a folder that holds both archives")
        if set(missing) - {_IMAGES[0]}:
            lines.append("the captions and lists are in Flickr8k_text.zip: give a folder that holds both archives")
    return "\n".join(lines)
