"""The SMS Spam Collection: quotation marks lose no row, in either form."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from dlcamp.data.sms_spam import Message, SmsSpam, examine
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

SHARED = REPOSITORY.parent / "shared" / "data"
LINES = [
    'ham\t"Never closed, he said',
    "spam\tWIN £100 now\u2028call\u0085me",
    "ham\tok\tlar ",
    'ham\t"quoted"',
    "ham\tok\tlar ",
    "spam\tFree entry",
]


def official(folder: Path, lines: list[str], ending: str = "\n") -> Path:
    (folder / "SMSSpamCollection").write_bytes("".join(line + ending for line in lines).encode())
    return folder


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_line_is_one_message_as_it_stands(tmp_path: Path, ending: str) -> None:
    data = SmsSpam(official(tmp_path, LINES, ending))
    assert data.rows == tuple(Message(*line.split("\t", 1)) for line in LINES)  # type: ignore[arg-type]
    assert data.name == "sms_spam"
    assert len(data.digest) == 64


def test_exact_duplicates_are_counted_and_stay(tmp_path: Path) -> None:
    data = SmsSpam(official(tmp_path, LINES))
    assert data.duplicates() == 1
    assert len(data.rows) == 6


def test_almeida_trains_on_the_first_three_tenths(tmp_path: Path) -> None:
    data = SmsSpam(official(tmp_path, LINES * 5))
    train, test = data.almeida()
    assert train == data.rows[:9]
    assert test == data.rows[9:]


def test_kaggles_form_is_latin_1_and_its_text_ends_in_the_unnamed_columns(tmp_path: Path) -> None:
    rows = [
        "v1,v2,,,",
        "ham,Ok lar...,,,",
        'spam,"WIN £100, now",,,',
        'ham,"He said:\\one", two,"three""",',
        'ham,"a\rham",,,',
    ]
    (tmp_path / "spam.csv").write_bytes("\r\n".join(rows).encode("latin-1"))
    assert [row.text for row in SmsSpam(tmp_path).rows] == [
        "Ok lar...",
        "WIN £100, now",
        'He said:\\one, two,three"',
        "a\rham",
    ]


@pytest.mark.parametrize("line", ["egg\ta message", "ham", "ham\t", "no label at all"])
def test_a_line_that_is_no_message_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"line 7: .* is not ham or spam and then a text"):
        SmsSpam(official(tmp_path, [*LINES, line, *LINES])).rows  # noqa: B018


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("SMSSpamCollection", b"ham\tonly ham\n", "both ham and spam"),
        ("SMSSpamCollection", b"", "both ham and spam"),
        ("SMSSpamCollection", b"ham\tcaf\xe9\n", "not UTF-8"),
        ("spam.csv", b"label,text\nham,hello\n", "begins with v1 and v2"),
        ("readme", b"", "no SMSSpamCollection and no spam.csv in .* it holds readme"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        examine(tmp_path)


@pytest.mark.real_data
def test_the_real_files_have_the_known_counts(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    with zipfile.ZipFile(SHARED / "smsspamcollection.zip") as archive:
        archive.extractall(tmp_path / "official")
    (tmp_path / "kaggle").mkdir()
    shutil.copyfile(SHARED / "spam.csv", tmp_path / "kaggle" / "spam.csv")
    assert examine(tmp_path / "official") == [
        "5,574 messages: 4,827 ham, 747 spam",
        "Almeida's split: 1,674 to train on, 3,900 to test on",
        "exact duplicates: 403; 206 of the test messages stand in train too",
    ]
    data = SmsSpam(tmp_path / "official")
    test = data.almeida().test
    assert f"{sum(row.label == 'ham' for row in test) / len(test):.4f}" == "0.8695"  # all-ham, as published
    assert len(SmsSpam(tmp_path / "kaggle").rows) == 5572
