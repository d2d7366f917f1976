"""`sms_spam`: 5,574 short messages, each ham or spam.

Source: Almeida, Gómez Hidalgo, Yamakami, "Contributions to the Study of SMS Spam Filtering", DocEng 2011. The
official `SMSSpamCollection` holds a label, a tab and the text a line, with quotation marks that mean nothing: a csv
reader would lose rows. Kaggle's `spam.csv` (latin-1, 5,572 rows) is read too. 403 messages are repeats of another.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, cast

from dlcamp.data.token_file import lines_of
from dlcamp.data.unpacked import Unpacked, locate, shown
from dlcamp.errors import DataError

Label = Literal["ham", "spam"]

_OFFICIAL, _KAGGLE = "SMSSpamCollection", "spam.csv"
_ROWS, _ALMEIDA = 5574, 1674  # messages in all, and those of them that the paper trains on


class Message(NamedTuple):
    """One message as it stands."""

    label: Label
    text: str


class AlmeidaSplit(NamedTuple):
    """The first 30 % and the rest, in the file's order."""

    train: tuple[Message, ...]
    test: tuple[Message, ...]


class SmsSpam(Unpacked):
    """The messages in the file's order."""

    name = "sms_spam"

    @cached_property
    def rows(self) -> tuple[Message, ...]:
        """Every message.

        Raises:
            DataError: neither file is there, or a line is not a label and a text.
        """
        path = locate(self.folder, _OFFICIAL, f"{_OFFICIAL}.txt", _KAGGLE)
        if path is None:
            raise DataError(
                f"sms_spam: no {_OFFICIAL} and no {_KAGGLE} in {self.folder}; it holds {shown(self.folder)}"
            )
        rows = _kaggle(path) if path.name == _KAGGLE else _official(path)
        if {row.label for row in rows} != {"ham", "spam"}:
            raise DataError(f"{path} does not hold both ham and spam: it is not the SMS Spam Collection")
        return tuple(rows)

    def almeida(self) -> AlmeidaSplit:
        """The paper's split: 1,674 messages to train on, 3,900 to test on; in that proportion of another number."""
        train = len(self.rows) * _ALMEIDA // _ROWS
        return AlmeidaSplit(self.rows[:train], self.rows[train:])

    def duplicates(self) -> int:
        """Messages whose label and text stood before, letter for letter; a random split puts them on both sides."""
        return len(self.rows) - len(set(self.rows))


def examine(folder: Path) -> list[str]:
    """What an unpacked folder holds; DataError if it is not the collection."""
    data = SmsSpam(folder, digest="")
    counts = Counter(row.label for row in data.rows)
    train, test = data.almeida()
    known = set(train)
    across = sum(row in known for row in test)
    return [
        f"{len(data.rows):,} messages: {counts['ham']:,} ham, {counts['spam']:,} spam",
        f"Almeida's split: {len(train):,} to train on, {len(test):,} to test on",
        f"exact duplicates: {data.duplicates():,}; {across:,} of the test messages stand in train too",
    ]


def _official(path: Path) -> list[Message]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}): it is not the official file") from None
    rows = []
    for number, line in enumerate(lines_of(text), 1):
        if line:
            label, _, words = line.partition("\t")
            rows.append(_message(path, number, label, words))
    return rows


def _kaggle(path: Path) -> list[Message]:
    """Label and text; what stands in the unnamed columns is the text's end, cut off at a comma when it was made."""
    reader = csv.reader(io.StringIO(path.read_bytes().decode("latin-1"), newline=""))
    header = next(reader, [])
    if header[:2] != ["v1", "v2"]:
        raise DataError(f"{path} begins with the columns {header[:2]}; Kaggle's file begins with v1 and v2")
    return [_message(path, reader.line_num, row[0], ",".join(row[1:]).rstrip(",")) for row in reader if row]


def _message(path: Path, number: int, label: str, text: str) -> Message:
    if label not in {"ham", "spam"} or not text:
        raise DataError(f"{path}, line {number:,}: {label[:40]!r} {text[:40]!r} is not ham or spam and then a text")
    return Message(cast(Label, label), text)
