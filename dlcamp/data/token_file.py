"""Files of captions, one a line: the official token file and the Kaggle form. A bad line keeps its number.

    1000268201_693b08cb0e.jpg#0<TAB>A child in a pink dress .      official: image, number, tab, caption
    image,caption                                                  Kaggle: csv; the header may be missing, and
    1000268201_693b08cb0e.jpg,"A child , in a pink dress ."        a caption with commas need not be quoted

Which of the two a file is, its content says. Captions stay as they stand; only blanks around them are dropped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from dlcamp.errors import DataError

Form = Literal["official", "Kaggle"]

MOST_BAD = 0.1  # a larger share of bad lines is another kind of file, or one that lost too much to go on with
_OFFICIAL = re.compile(r"(?P<image>[^\t]+)#[0-9]+[ ]*\t(?P<caption>.*)", re.S)
_OFFICIAL_KEY = re.compile(r"[^\t,]*#[0-9]+(\s|$)")
_KAGGLE = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")*)"\s*|(?P<plain>[^,"][^,]*)?),(?P<caption>.*)', re.S)
_HEADER = re.compile(r'"?(image|image_name|filename)"?\s*,\s*"?(caption|captions|comment)"?[\s,]*', re.I)
_WANTED = {
    "official": "a line is: image.jpg#0<TAB>caption",
    "Kaggle": 'a line is: image.jpg,caption; a caption that begins with a quotation mark is quoted: "..."',
}


class Row(NamedTuple):
    """One caption: its line's number from 1, the image as the line names it, the words."""

    number: int
    image: str
    caption: str


class BadLine(NamedTuple):
    """One line that cannot be used, and why."""

    number: int
    text: str
    reason: str

    def __str__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return f"line {self.number:,}: {text!r}: {self.reason}"


@dataclass(frozen=True)
class CaptionFile:
    """What a file of captions holds: every line that is not blank is a row, a bad line or the header."""

    name: str
    form: Form
    rows: tuple[Row, ...]
    bad: tuple[BadLine, ...] = ()

    @property
    def lines(self) -> int:
        """Lines that should hold a caption."""
        return len(self.rows) + len(self.bad)

    def captions(self) -> dict[str, tuple[str, ...]]:
        """The captions of each image, images and captions in the file's order."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(row.image, []).append(row.caption)
        return {image: tuple(captions) for image, captions in found.items()}

    def complaints(self, limit: int = 3) -> list[str]:
        """The count of bad lines, then the first of them with number and content; nothing if there are none."""
        if not self.bad:
            return []
        first = [f"  {line}" for line in self.bad[:limit]]
        more = [f"  and {len(self.bad) - limit:,} more"] if len(self.bad) > limit else []
        return [f"{len(self.bad):,} of {self.lines:,} lines of {self.name} cannot be used", *first, *more]

    def check(self) -> None:
        """DataError if there is no caption at all, or more than 10 % of the lines are bad."""
        if not self.lines:
            raise DataError(f"{self.name} holds no captions\n{_WANTED[self.form]}")
        if len(self.bad) > MOST_BAD * self.lines:
            head, *rest = self.complaints()
            raise DataError("\n".join([f"{head}; at most 10 % may be bad", *rest, _WANTED[self.form]]))


def read_captions(path: Path) -> CaptionFile:
    """The captions of a file in either form.

    Raises:
        DataError: it cannot be read.
    """
    return parse_captions(read_text(path), path.name)


def parse_captions(text: str, name: str = "captions") -> CaptionFile:
    """The captions in a text in either form."""
    lines = [(number, line.strip()) for number, line in enumerate(lines_of(text), 1) if line.strip()]
    if lines and _HEADER.fullmatch(lines[0][1]):
        return _collect(name, "Kaggle", lines[1:])
    official = sum(bool(_OFFICIAL_KEY.match(line)) for _, line in lines)
    others = sum("," in line and "\t" not in line for _, line in lines)
    return _collect(name, "Kaggle" if others > official else "official", lines)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file (UTF-16 if it says so); bytes that are not UTF-8 are kept as lone surrogates.

    Raises:
        DataError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def lines_of(text: str) -> list[str]:
    """The lines of a text, whatever system wrote it; unlike splitlines, no other character ends a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _collect(name: str, form: Form, lines: Iterable[tuple[int, str]]) -> CaptionFile:
    parse = _official if form == "official" else _kaggle
    rows, bad = [], []
    for number, line in lines:
        found = parse(line) if line.isascii() or not _broken(line) else "it is not UTF-8: save the file as UTF-8"
        if isinstance(found, str):
            bad.append(BadLine(number, line, found))
        else:
            rows.append(Row(number, *found))
    return CaptionFile(name, form, tuple(rows), tuple(bad))


def _broken(line: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in line)


def _official(line: str) -> tuple[str, str] | str:
    """Image and caption, or what is wrong."""
    found = _OFFICIAL.fullmatch(line)
    if found is not None:
        return found["image"].strip(), found["caption"].strip()
    key, tab, _ = line.partition("\t")
    if tab:
        return "no image before the #number" if _OFFICIAL_KEY.fullmatch(key) else "no #number after the image"
    # the tab of an empty caption went with the blanks around the line
    return "the caption is empty" if _OFFICIAL_KEY.fullmatch(key) else "no tab between image#number and caption"


def _kaggle(line: str) -> tuple[str, str] | str:
    """Image and caption, or what is wrong."""
    found = _KAGGLE.fullmatch(line)
    if found is None:
        return "no comma between image and caption"
    image = (found["quoted"] or "").replace('""', '"') if found["plain"] is None else found["plain"]
    if not image.strip():
        return "no image before the comma"
    caption = _unquoted(found["caption"].strip())
    if caption is None:
        return "a quotation mark is not closed on this line"
    return (image.strip(), caption) if caption else "the caption is empty"


def _unquoted(text: str) -> str | None:
    """The caption that the rest of a csv line holds, None if its quotation marks do not close."""
    if not text.startswith('"'):
        return text.rstrip(",").strip()  # empty columns; a comma inside was typed by somebody who did not quote
    try:
        first, *others = next(csv.reader([text], strict=True))
    except csv.Error:
        first, others = "", [text]
    if not any(others):
        return first.strip()
    return None if text.count('"') % 2 else text
