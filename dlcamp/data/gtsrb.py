"""`gtsrb`: the German traffic signs, 43 classes; train 39,209 frames of 1,307 signs driven past, test 12,630.

Source: Stallkamp, Schlipsing, Salmen, Igel, "Man vs. computer", Neural Networks 32, 2012. About thirty frames show
one sign (a track), so val is cut by track: neighbouring frames on both sides of a cut measure memory, not sight. Sizes
and boxes are in pixels of the original image, whatever size the file has.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from dlcamp.data.unpacked import Unpacked, locate, shown
from dlcamp.errors import DataError

CLASSES = 43
OFFICIAL = {"train": 39_209, "test": 12_630}
MOST_ABSENT = 0.1
_TRAIN, _TEST, _TRUTH = "Final_Training/Images", "Final_Test/Images", "GT-final_test.csv"
_COLUMNS = ("Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId")


@dataclass(frozen=True)
class Sign:
    """One image: its path inside `GTSRB/`, class, track ("00014/00003"; None in test), and the original's measures."""

    id: str
    label: int
    track: str | None
    width: int
    height: int
    box: tuple[int, int, int, int]  # left, top, right, bottom of the sign


@dataclass(frozen=True)
class SignSplits:
    """The three parts of one cut."""

    train: tuple[Sign, ...]
    val: tuple[Sign, ...]
    test: tuple[Sign, ...]


class Gtsrb(Unpacked):
    """The signs in the files' order."""

    name = "gtsrb"

    def split(self, seed: int, val: float = 0.2) -> SignSplits:
        """Train and val by track, `val` of each class' tracks (at least one, if it has two); the official test."""
        tracks: dict[int, set[str]] = defaultdict(set)
        for sign in self.train_all:
            tracks[sign.label].add(str(sign.track))
        held = {track for names in tracks.values() for track in _held(names, seed, val)}
        train = tuple(sign for sign in self.train_all if sign.track not in held)
        return SignSplits(train, tuple(sign for sign in self.train_all if sign.track in held), self.test)

    @property
    def train_all(self) -> tuple[Sign, ...]:
        """Every training image that is there, by class, track and frame."""
        return self._trained.signs

    @property
    def test(self) -> tuple[Sign, ...]:
        """Every test image that is there, with its label."""
        return self._tested.signs

    def image(self, item_id: str) -> bytes:
        """The image file as it lies on disk; DataError if there is none."""
        if item_id not in self._ids:
            raise DataError(f"gtsrb has no image {item_id!r}; an id is like {self.train_all[0].id}")
        try:
            return (self.root / item_id).read_bytes()
        except OSError as error:
            raise DataError(f"gtsrb: cannot read image {item_id!r}: {error.strerror or error}") from None

    def report(self) -> dict[str, int]:
        """Images a split, to log: `data_train_used`, `data_train_absent` (listed but not there); test."""
        found = {"train": self._trained, "test": self._tested}
        used = {f"data_{split}_used": len(present.signs) for split, present in found.items()}
        return used | {f"data_{split}_absent": present.absent for split, present in found.items()}

    @cached_property
    def _trained(self) -> _Present:
        return _present(self.root, _training(self.root), "train")

    @cached_property
    def _tested(self) -> _Present:
        return _present(self.root, _testing(self.folder, self.root), "test")

    @cached_property
    def root(self) -> Path:
        """The folder `GTSRB`."""
        found = locate(self.folder, "GTSRB")
        if found is None:
            raise DataError(f"gtsrb: no folder GTSRB in {self.folder}; it holds {shown(self.folder)}")
        return found

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(sign.id for sign in (*self.train_all, *self.test))


def examine(folder: Path) -> list[str]:
    """What an unpacked folder holds; DataError if classes, test labels or more than 10 % of train are missing."""
    data = Gtsrb(folder, digest="")
    classes = {sign.label for sign in data.train_all}
    if len(classes) < CLASSES:
        missing = ", ".join(f"{label:05d}" for label in range(CLASSES) if label not in classes)
        raise DataError(f"gtsrb: no training images of the classes {missing}; there should be {CLASSES} classes")
    tracks = {sign.track for sign in data.train_all}
    counts = data.report()
    lines = []
    for split, official in OFFICIAL.items():
        absent = counts[f"data_{split}_absent"]
        lines.append(f"{split}: {counts[f'data_{split}_used']:,} images (officially {official:,})")
        lines[-1] += f"; {absent:,} listed are absent" if absent else ""
    return [*lines, f"{len(classes)} classes; train shows {len(tracks):,} signs, about thirty frames each officially"]


class _Present(NamedTuple):
    """The images of a split that are there, and how many more are listed."""

    signs: tuple[Sign, ...]
    absent: int


def _held(tracks: set[str], seed: int, share: float) -> list[str]:
    """The tracks of one class that val gets; the order follows from the names and the seed alone."""
    ordered = sorted(tracks, key=lambda track: hashlib.sha256(f"{seed}/{track}".encode()).digest())
    return ordered[: max(round(share * len(ordered)), 1)] if len(ordered) > 1 else []


def _training(root: Path) -> Iterator[Sign]:
    folders = sorted(path for path in (root / _TRAIN).glob("*") if path.name.isdecimal() and path.is_dir())
    if not folders:
        raise DataError(f"gtsrb: no class folders in {root / _TRAIN}: GTSRB_Final_Training_Images.zip holds them")
    for folder in folders:
        table = folder / f"GT-{folder.name}.csv"
        for number, sign in _rows(table, f"{_TRAIN}/{folder.name}", track=True):
            if sign.label != int(folder.name):
                raise DataError(f"{table}, line {number}: class {sign.label} in the folder of class {folder.name}")
            yield sign


def _testing(folder: Path, root: Path) -> Iterator[Sign]:
    table = locate(root, _TRUTH) or locate(folder, _TRUTH) or locate(root / "Final_Test", _TRUTH)
    if table is None:
        raise DataError(f"gtsrb: no {_TRUTH} in {root}, the labels of test: GTSRB_Final_Test_GT.zip holds it")
    for _, sign in _rows(table, _TEST, track=False):
        yield sign


def _rows(table: Path, place: str, track: bool) -> Iterator[tuple[int, Sign]]:
    """Each line's number and sign; the class folder is part of a track's name."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=";")
            if not set(_COLUMNS) <= set(reader.fieldnames or ()):
                raise DataError(f"{table} has the columns {reader.fieldnames}; it should have {', '.join(_COLUMNS)}")
            for row in reader:
                yield reader.line_num, _sign(row, place, track, f"{table}, line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {table}: {error}") from None


def _sign(row: dict[str, str], place: str, track: bool, where: str) -> Sign:
    name = row["Filename"] or ""
    number, _, frame = name.partition("_")
    try:
        width, height, left, top, right, bottom, label = (int(row[column] or "") for column in _COLUMNS[1:])
    except ValueError:
        raise DataError(f"{where}: {list(row.values())} are not a file and seven whole numbers") from None
    if not 0 <= label < CLASSES or "/" in name or not name or (track and not (number.isdecimal() and frame)):
        raise DataError(f"{where}: {name!r} with class {label}; a class is 0 to 42, a training file TTTTT_FFFFF")
    series = f"{place.rpartition('/')[2]}/{number}" if track else None
    return Sign(f"{place}/{name}", label, series, width, height, (left, top, right, bottom))


def _present(root: Path, signs: Iterator[Sign], split: str) -> _Present:
    listed = list(signs)
    places = {os.path.dirname(sign.id) for sign in listed}
    there = {f"{place}/{name}" for place in places if (root / place).is_dir() for name in os.listdir(root / place)}
    found = tuple(sign for sign in listed if sign.id in there)
    absent = len(listed) - len(found)
    if not found or (split == "train" and absent > MOST_ABSENT * len(listed)):
        raise DataError(f"gtsrb: {absent:,} of the {len(listed):,} {split} images are not in {root}: fetch it again")
    return _Present(found, absent)
