"""Both forms of caption files: nothing lost, nothing invented, every bad line named."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcamp.data.token_file import parse_captions, read_captions
from dlcamp.errors import DataError

BREAKS = "\r\n"
PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters=BREAKS)
CAPTION = st.text(PLAIN, min_size=1).map(str.strip).filter(bool)
IMAGE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=BREAKS + "\t"), min_size=1)
IMAGES = IMAGE.map(str.strip).filter(bool)


def pairs(text: str) -> list[tuple[str, str]]:
    found = parse_captions(text)
    assert not found.bad
    return [(row.image, row.caption) for row in found.rows]


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(IMAGES, CAPTION), min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_in_the_official_form_is_read_again(rows: list[tuple[str, str]], ending: str) -> None:
    text = "".join(f"{image}#{number}\t{caption}{ending}" for number, (image, caption) in enumerate(rows))
    assert pairs(text) == rows


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(IMAGES, CAPTION)), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_a_csv_writer_wrote_is_read_again(rows: list[tuple[str, str]], quoting: int) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=quoting).writerows([("image", "caption"), *rows])
    assert pairs(file.getvalue()) == rows


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_every_line_that_is_not_blank_is_a_row_a_bad_line_or_the_header(text: str) -> None:
    found = parse_captions(text)
    numbers = [row.number for row in found.rows] + [line.number for line in found.bad]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    written = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert sorted(numbers) in (written, written[1:])
    assert all(row.image and row.caption for row in found.rows)


@pytest.mark.parametrize(
    ("line", "image", "caption"),
    [
        ("a.jpg,A dog, a cat and a bird", "a.jpg", "A dog, a cat and a bird"),
        ('a.jpg,"A dog, a cat"', "a.jpg", "A dog, a cat"),
        ('a.jpg, "A ""big"" dog"', "a.jpg", 'A "big" dog'),
        ('a.jpg,A "big" dog', "a.jpg", 'A "big" dog'),
        ('a.jpg,"Rex" sits, he is tired', "a.jpg", '"Rex" sits, he is tired'),
        ('"a, b.jpg",A dog, a cat', "a, b.jpg", "A dog, a cat"),
        ("a.jpg,A dog,,,", "a.jpg", "A dog"),
        ("  a.jpg , A  dog .  ", "a.jpg", "A  dog ."),
        ("Ärger.jpg,Ein Hund — schön", "Ärger.jpg", "Ein Hund — schön"),
    ],
)
def test_commas_quotes_and_blanks_of_the_kaggle_form(line: str, image: str, caption: str) -> None:
    assert pairs(f"image,caption\n{line}\n") == [(image, caption)]


@pytest.mark.parametrize("header", ["image,caption\n", '\ufeff"Image","Caption"\r\n', "image_name, comment,,\n", ""])
def test_the_header_may_be_written_otherwise_or_be_missing(header: str, tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_bytes(f"{header}a.jpg,A dog\nb.jpg,A cat\n".encode())
    found = read_captions(tmp_path / "captions.txt")
    assert found.form == "Kaggle"
    assert [row.image for row in found.rows] == ["a.jpg", "b.jpg"]


def test_captions_are_kept_in_the_files_order_and_as_they_stand() -> None:
    found = parse_captions("b.jpg#0\tA Dog , wet .\na.jpg#0\tOne.\nb.jpg#1\tA  dog\n")
    assert found.form == "official"
    assert list(found.captions().items()) == [("b.jpg", ("A Dog , wet .", "A  dog")), ("a.jpg", ("One.",))]


def test_a_name_may_hold_a_number_sign_and_a_caption_a_tab() -> None:
    assert pairs("photo #1.jpg#2\tA dog\tand a cat\n") == [("photo #1.jpg", "A dog\tand a cat")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.jpg#0 A dog , big", "no tab"),
        ("a.jpg\tA dog", "no #number"),
        ("a.jpg#0\t ", "caption is empty"),
        ("#0\tA dog", "no image"),
    ],
)
def test_bad_lines_of_the_official_form_say_what_is_wrong(line: str, reason: str) -> None:
    found = parse_captions(f"b.jpg#0\tA cat\n\n{line}\n")
    assert found.form == "official"
    ((number, text, why),) = found.bad
    assert (number, text) == (3, line.strip())
    assert reason in why


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.jpg A dog", "no comma"),
        (",A dog", "no image"),
        ("a.jpg,", "caption is empty"),
        ('a.jpg,""', "caption is empty"),
        ('a.jpg,"A dog', "not closed"),
    ],
)
def test_bad_lines_of_the_kaggle_form_say_what_is_wrong_and_spoil_no_other(line: str, reason: str) -> None:
    found = parse_captions(f"image,caption\nb.jpg,A cat\n{line}\nc.jpg,A bird\n")
    assert [row.image for row in found.rows] == ["b.jpg", "c.jpg"]
    ((number, text, why),) = found.bad
    assert (number, text) == (3, line)
    assert reason in why


def test_a_line_that_is_not_utf8_is_a_bad_line_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_bytes("a.jpg,A café\n".encode() + "b.jpg,A café\n".encode("latin-1"))
    found = read_captions(tmp_path / "captions.txt")
    assert [row.caption for row in found.rows] == ["A café"]
    assert found.bad[0].number == 2
    assert "UTF-8" in found.bad[0].reason
    assert str(found.bad[0]).isascii()  # it can be printed anywhere


def test_a_spreadsheets_utf16_is_read(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_bytes("image,caption\r\na.jpg,A café\r\n".encode("utf-16"))
    assert [row.caption for row in read_captions(tmp_path / "captions.txt").rows] == ["A café"]


def test_up_to_a_tenth_of_bad_lines_is_reported_and_more_is_an_error() -> None:
    good = "".join(f"a{number}.jpg#0\tA dog .\n" for number in range(36))
    bad = "".join(f"broken {number}\n" for number in range(5))
    few = parse_captions(good + bad[: bad.index("broken 4")])
    few.check()
    assert few.complaints() == [
        "4 of 40 lines of captions cannot be used",
        "  line 37: 'broken 0': no tab between image#number and caption",
        "  line 38: 'broken 1': no tab between image#number and caption",
        "  line 39: 'broken 2': no tab between image#number and caption",
        "  and 1 more",
    ]
    with pytest.raises(DataError, match=r"5 of 41 .*\n  line 37: 'broken 0'.*\n.*\n.*\n  and 2 more\na line is: image"):
        parse_captions(good + bad).check()


@pytest.mark.parametrize("text", ["", "\n \n", "image,caption\n"])
def test_a_file_without_captions_is_an_error_that_shows_a_line(text: str) -> None:
    with pytest.raises(DataError, match=r"holds no captions\na line is: image"):
        parse_captions(text, "captions.txt").check()


def test_a_long_line_is_shown_cut() -> None:
    assert len(str(parse_captions("x" * 5000).bad[0])) < 130


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_captions(tmp_path / "captions.txt")
