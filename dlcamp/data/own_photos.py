"""`mine`: the user's own photographs with a file of captions, in official split lists or in splits of our own.

    photos/captions.txt              Kaggle's form: image,caption      or photos/*.token.txt, the official form
    photos/dog.jpg                   images of any kind, in folders too; a line may leave the folder out
    photos/Flickr_8k.trainImages.txt, ...devImages.txt, ...testImages.txt     if there are lists, they are kept

Without lists an image's split follows from its name alone (80/10/10 by sha256), so that it stays when others come.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dlcamp.data.captions import Split
from dlcamp.data.photographs import LISTS, SPLITS, SUFFIXES, Album, Photographs, first_of, read_list
from dlcamp.data.token_file import BadLine, CaptionFile, Row, read_captions
from dlcamp.data.unpacked import MACOS, locate, shown
from dlcamp.errors import DataError, nearest

LEAST = 10  # images with captions: below that no split of a tenth says anything
_GUESSABLE = 500  # the nearest of more names takes too long, a name a millisecond
_SHARES = (0.8, 0.9)  # train below the first, val below the second, then test


class OwnPhotos(Photographs):
    """A folder of photographs with captions (a `CaptionData`); an id is the image's path inside the folder."""

    name = "mine"

    @cached_property
    def caption_file(self) -> CaptionFile:
        """The captions whose images are known, each under its id; every other line is a bad one.

        Raises:
            DataError: no file of captions, or several.
        """
        read = read_captions(_captions_path(self.folder))
        found = {name: self._names.find(name) for name in {row.image for row in read.rows}}
        rows: list[Row] = []
        bad = list(read.bad)
        for row in read.rows:
            image = found[row.image]
            if image is not None:
                rows.append(Row(row.number, image, row.caption))
            else:
                bad.append(BadLine(row.number, row.image, self._names.problem(row.image)))
        return replace(read, rows=tuple(rows), bad=tuple(sorted(bad)))

    @cached_property
    def lists(self) -> dict[Split, Path] | None:
        """The split lists in the folder, or None.

        Raises:
            DataError: one or two of the three are missing.
        """
        found = {split: _one(self.folder, f"*{ending}") for split, ending in LISTS.items()}
        there = {split: path for split, path in found.items() if path is not None}
        if there and len(there) < len(LISTS):
            missing = ", ".join(f"*{LISTS[split]}" for split in SPLITS if split not in there)
            raise DataError(
                f"mine: {', '.join(path.name for path in there.values())} without {missing} in {self.folder}\n"
                "give all three lists, or none to have the images split 80/10/10"
            )
        return there or None

    @cached_property
    def _names(self) -> _Names:
        return _Names(_image_files(self.folder))

    def _read(self) -> Album:
        self.caption_file.check()
        captions = self.caption_file.captions()
        if len(captions) < LEAST:
            raise DataError(
                f"mine: {len(captions)} images with captions in {self.folder}; at least {LEAST} are needed to train, "
                "choose and test"
            )
        listed = cut(list(captions)) if self.lists is None else self._listed(self.lists)
        return Album.of(self.name, self._names.files, captions, listed)

    def _listed(self, lists: Mapping[Split, Path]) -> dict[Split, list[str]]:
        return {split: [self._names.find(name) or name for name in read_list(path)] for split, path in lists.items()}


def examine(folder: Path) -> list[str]:
    """What an unpacked folder holds: images, captions, splits, and the lines that cannot be used.

    Raises:
        DataError: no captions, too many bad lines, or too few images.
    """
    data = OwnPhotos(folder, digest="")
    album, read = data.album, data.caption_file
    lines = [f"{read.name} read in the {read.form} form", *data.summary(), *read.complaints()]
    silent = [image for image in album.files if image not in album.captions]
    if silent:
        lines.append(f"images without captions: {len(silent):,} ({first_of(silent)})")
    return [*lines, "splits: the lists in the folder" if data.lists else "splits: 80/10/10 by the images' names"]


def cut(images: Sequence[str]) -> dict[Split, list[str]]:
    """80/10/10 by the sha256 of the file's name, in the order of it.

    The first of a split are a fair sample of it. Where val or test would be empty, the image nearest to it moves.
    """
    places = sorted((_place(image), image) for image in images)
    ordered = [image for _, image in places]
    last = len(ordered) - 2
    first = min(max(sum(place < _SHARES[0] for place, _ in places), 1), last)
    second = min(max(sum(place < _SHARES[1] for place, _ in places), first + 1), last + 1)
    return {"train": ordered[:first], "val": ordered[first:second], "test": ordered[second:]}


def _place(image: str) -> float:
    """A number from 0 to 1 that follows from the file's name; the folder does not matter."""
    name = unicodedata.normalize("NFC", image.rpartition("/")[2])
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2**64


class _Names:
    """Finds the image that a line means: by path, by the same path written otherwise, by the bare name."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self._paths = {_plain(image): image for image in files}
        self._bare: dict[str, list[str]] = {}
        for image in files:
            self._bare.setdefault(_plain(image.rpartition("/")[2]), []).append(image)

    def find(self, name: str) -> str | None:
        """The image's id; None if there is no such image, or several."""
        if name in self.files:
            return name
        plain = _plain(name)
        bare = self._bare.get(plain, [])
        return self._paths.get(plain) or (bare[0] if len(bare) == 1 else None)

    def problem(self, name: str) -> str:
        """Why `find` found nothing."""
        several = self._bare.get(_plain(name), [])
        if several:
            return f"several folders hold this image ({first_of(several)}): name the folder too"
        near = nearest(name, self.files) if len(self.files) <= _GUESSABLE else None
        return "there is no such image" + (f"; did you mean {near!r}?" if near else "")


def _plain(name: str) -> str:
    """One way to write a path: the Mac's accents, Windows' separators and a leading "./" are taken away."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def _image_files(folder: Path) -> dict[str, str]:
    """Id (path inside the folder) and file of every image, sorted; hidden files and folders are left out."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != MACOS]
        inside = "" if place == os.fspath(folder) else f"{Path(place).relative_to(folder).as_posix()}/"
        for name in names:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                found[inside + name] = os.path.join(place, name)
    if not found:
        raise DataError(f"mine: no image in {folder}; it holds {shown(folder)}\nput images and captions.txt there")
    return dict(sorted(found.items()))


def _captions_path(folder: Path) -> Path:
    found = locate(folder, "captions.txt") or _one(folder, "*.token.txt")
    if found is None:
        raise DataError(
            f"mine: no captions.txt and no *.token.txt in {folder}; it holds {shown(folder)}\n"
            "write captions.txt: a first line image,caption and then one line a caption, as dog.jpg,A dog sleeps ."
        )
    return found


def _one(folder: Path, pattern: str) -> Path | None:
    """The one file of a pattern in the folder or one folder deeper."""
    for depth in (pattern, f"*/{pattern}"):
        found = sorted(path for path in folder.glob(depth) if MACOS not in path.parts and path.name[0] != ".")
        found = [path for path in found if ".lemma." not in path.name]  # the official release has it beside the other
        if len(found) > 1:
            raise DataError(f"mine: {first_of([path.name for path in found])} in {folder}: keep one of them")
        if found:
            return found[0]
    return None
