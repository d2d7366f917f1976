"""INPUT as people type it: images, rows and texts, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlcamp.errors import DataError, UserError
from dlcamp.registry.inputs import Inputs, check, inputs_of

COLUMNS = ("age", "income")


def given(kind: str, text: str, stdin: bytes = b"") -> Inputs:
    return inputs_of(kind, text, COLUMNS, "toy@champion", lambda: stdin)


def values(inputs: Inputs) -> list[Any]:
    """What each input holds, or the first line of why it cannot be read."""
    found: list[Any] = []
    for one in inputs.items:
        try:
            found.append(one.read())
        except DataError as error:
            found.append(str(error).splitlines()[0])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one of them in a folder, and files that are none."""
    for name in ("b.JPG", "deep/a.png", ".hidden/c.jpg", ".d.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_folder_gives_its_images_in_order_and_those_of_its_folders(folder: Path) -> None:
    found = given("image", str(folder))
    assert [one.name for one in found.items] == [str(folder / "b.JPG"), str(folder / "deep/a.png")]
    assert values(found) == [b"b.JPG", b"deep/a.png"]


def test_several_images_are_separated_by_commas_and_one_that_is_not_there_is_named(folder: Path) -> None:
    found = given("image", f"{folder / 'b.JPG'}, {folder / 'absent.jpg'},{folder / 'deep'}")
    assert values(found) == [b"b.JPG", f"cannot read {folder / 'absent.jpg'}: No such file or directory", b"deep/a.png"]


def test_a_name_with_a_comma_in_it_is_one_file(folder: Path) -> None:
    (folder / "two, three.jpg").write_bytes(b"one")
    assert values(given("image", str(folder / "two, three.jpg"))) == [b"one"]


def test_an_image_may_come_from_stdin() -> None:
    assert values(given("image", "-", b"\xff\xd8")) == [b"\xff\xd8"]


@pytest.mark.parametrize("text", ["[", '{"age": 1'])
def test_json_that_ends_early_is_named(text: str) -> None:
    with pytest.raises(DataError, match="INPUT is not JSON"):
        given("row", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "INPUT names nothing"), ("nowhere/a.jpg,b.jpg", "no file or folder nowhere/a.jpg"), ("x.csv", "x.csv")],
)
def test_what_is_not_there_is_said_before_any_model_is_looked_for(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check(text)


@pytest.mark.parametrize("text", ["-", '[{"age": 1}]', "a.jpg is my favourite, and/or b"])
def test_what_may_be_meant_for_some_model_passes(text: str) -> None:
    check(text)


def test_a_text_may_be_longer_than_a_name_can_be() -> None:
    check("x" * 5000)
    assert values(given("text", "x" * 5000)) == ["x" * 5000]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("image", "rows.csv", "rows.csv is a table of rows; toy@champion takes images"),
        ("image", "[1]", "is a table of rows"),
        ("image", "notes.txt", "is a file of texts"),
        ("image", "nothing", "there is no file or folder nothing"),
        ("row", "photo.jpg", "is an image; toy@champion takes rows.*\nits columns: age, income"),
        ("row", ".", "is a folder"),
        ("row", "absent.json", "cannot read absent.json: No such file"),
        ("text", "photo.jpg", "is an image; toy@champion takes texts"),
        ("text", "absent.txt", "cannot read absent.txt"),
    ],
)
def test_an_input_of_another_kind_says_what_the_model_takes(kind: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        given(kind, text)


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no image"):
        given("image", str(tmp_path))


ROWS = {
    "rows.csv": "\ufeffid,age,income\n7, 30,2\n8,30,lots\n9,30,\n10,1,2,3\n11,4\n\n12,4,inf\n13,1e1,2\n",
    "rows.JSON": '[{"id": 7, "age": 30, "income": 2}, {"age": 30, "income": "lots"}, {"age": 30, "incom": 2},'
    ' 3, {"age": true, "income": 1}, {"age": 4, "income": NaN}, {"age": 10.0, "income": "2"}]',
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_row_is_named_by_number_and_column_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(ROWS[name], "utf-8")
    found = given("row", str(tmp_path / name))
    first, *bad, last = values(found)
    assert (first, last) == ({"age": 30.0, "income": 2.0}, {"age": 10.0, "income": 2.0})
    where = f"of {tmp_path / name}"
    assert bad[0] == f'row 2 {where}: income must be a finite number, got "lots"'
    assert bad[1].startswith(f"row 3 {where} has no value of income")
    if name == "rows.csv":
        assert bad[2:] == [
            f"row 4 {where} has 4 values for 3 columns",
            f"row 5 {where} has no value of income",
            f'row 6 {where}: income must be a finite number, got "inf"',
        ]
    else:
        assert bad[1].endswith("(did you mean income by incom?)")
        assert bad[2:] == [
            f"row 4 {where} must be an object of columns and values, got 3",
            f"row 5 {where}: age must be a finite number, got true",
            f"row 6 {where}: income must be a finite number, got NaN",
        ]
    assert "not looked at: id" in found.remark


def test_rows_may_be_typed_and_come_from_stdin_as_json_or_csv() -> None:
    one = {"age": 1.0, "income": 2.0}
    assert values(given("row", '{"age": 1, "income": 2}')) == [one]
    assert values(given("row", "-", b'[{"age": 1, "income": 2}]')) == [one]
    assert values(given("row", "-", b"income,age\n2,1\n")) == [one]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"age,incme\n1,2\n", r"lacks the column income \(did you mean income by incme\?\); it has age, incme"),
        (b"age,age,income\n1,2,3\n", "has the column age twice"),
        (b"age,income\n", "holds no row"),
        (b"", "holds no row"),
        (b"age;income\n1;2\n", "lacks the columns age, income .*; it has age;income"),
        (b'age,income\n"1,2\n', "is not CSV"),
        (b"\xff\xfe,", "is not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_as_a_whole(content: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        given("row", "-", content)


def test_texts_are_words_lines_or_a_column(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("one\n\ntwo words\n", "utf-8")
    (tmp_path / "notes.csv").write_text('text,id\n"a, b",1\n42,2\n,3\n', "utf-8")
    assert values(given("text", "free, and/or easy")) == ["free, and/or easy"]
    lines = given("text", str(tmp_path / "notes.txt"))
    assert [(one.name, one.read()) for one in lines.items] == [("line 1", "one"), ("line 3", "two words")]
    assert values(given("text", "-", b"a\nb\n")) == ["a", "b"]
    rows = values(given("text", str(tmp_path / "notes.csv")))
    assert rows == ["a, b", "42", f"row 3 of {tmp_path / 'notes.csv'} has no value of text"]
    (tmp_path / "notes.json").write_text('["a", {"text": "b"}, {"text": 3}]', "utf-8")
    assert values(given("text", str(tmp_path / "notes.json")))[:2] == ["a", "b"]
