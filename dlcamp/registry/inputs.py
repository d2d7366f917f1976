"""What a person gives a model to look at: INPUT as typed becomes inputs with names, as the model's kind takes them.

    photo.jpg   a.jpg,b.png   holiday/      images; of a folder those in its folders too
    rows.csv    rows.json   '[{"a": 1}]'    rows of numbers; a JSON file holds a list of objects, or one
    notes.txt   texts.csv   two words       texts: one a line, a column `text`, or the words themselves
    -                                       one image's bytes, rows as CSV or JSON, or lines of text, from stdin

One that cannot be read says so when it is read, and is no reason to leave out the others. Nothing here loads a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dlcamp.data.photographs import SUFFIXES
from dlcamp.errors import DataError, UserError
from dlcamp.registry.rows import rows_of, shown

STDIN = "-"
_TABLES, _TEXTS = (".csv", ".json"), (".txt",)
_TAKES = {
    "image": "images: a JPEG or PNG file, several separated by commas, a folder of them, or - for one from stdin",
    "row": "rows: a .csv or .json file, JSON like '[{...}]', or - for either from stdin",
    "text": "texts: words, a .txt file with one a line, a .csv or .json file with a column text, or - for lines",
}
# by what INPUT looks like; a file without a known ending may be an image
_FITS = {
    "image": {"an image", "a folder", "something else"},
    "row": {"a table of rows"},
    "text": {"a table of rows", "a file of texts", "something else"},
}


@dataclass(frozen=True)
class Input:
    """One input.

    Args:
        name: the file, or "row 3", "line 2" (counted from 1): what its answer is called.
        read: gives what a predictor of the kind takes; raises DataError, which names the input, when it cannot.
    """

    name: str
    read: Callable[[], Any]


@dataclass(frozen=True)
class Inputs:
    """Everything that INPUT names, in order; `remark`: what a person should know of it, or ""."""

    items: tuple[Input, ...]
    remark: str = ""


def check(text: str) -> None:
    """What can be seen of INPUT before any model is looked for.

    Raises:
        UserError: it names nothing, or only files that are not there.
    """
    if not text.strip():
        raise UserError("INPUT names nothing; models take\n  " + "\n  ".join(_TAKES.values()))
    names_files = text != STDIN and not _is_json(text) and _form(text) != "something else"
    if names_files and not any(path.exists() for path in _paths(text)):
        raise UserError(f"there is no file or folder {_paths(text)[0]}")


def inputs_of(kind: str, text: str, columns: Sequence[str], model: str, stdin: Callable[[], bytes]) -> Inputs:
    """The inputs that INPUT names, for a model of one kind.

    Args:
        kind: of the model: "image", "row" or "text".
        columns: that a row must have.
        model: what messages call the model.
        stdin: gives all of standard input; called where INPUT is "-".

    Raises:
        UserError: INPUT is for another kind of model, is not there, or holds nothing.
        DataError: a table that cannot be read, or that has not the model's columns.
    """
    takes = f"{model} takes {_TAKES[kind]}" + (f"\nits columns: {shown(columns)}" if kind == "row" else "")
    if text != STDIN and _form(text) not in _FITS[kind]:
        raise UserError(f"INPUT={text} is {_form(text)}; {takes}")
    if kind == "image":
        return Inputs((_image(STDIN, stdin),) if text == STDIN else tuple(_images(text, takes)))
    content, file = _content(text, stdin)
    suffix = Path(file).suffix.lower()
    if kind == "text" and suffix not in _TABLES:
        found = Inputs(tuple(_lines(content)) if file else (Input("text", partial(str, content)),))
    else:
        found = _table(content, file or "INPUT", kind, columns)
    if not found.items:
        raise UserError(f"{file or 'INPUT'} holds no {kind}; {takes}")
    return found


def image_files(paths: Sequence[Path]) -> list[Input]:
    """Each path as an image: its bytes, when they are read."""
    return [_image(str(path), path.read_bytes) for path in paths]


def _form(text: str) -> str:
    """What INPUT is by its look."""
    path = _paths(text)[0]
    suffix = path.suffix.lower()
    if _is_json(text) or suffix in _TABLES:
        return "a table of rows"
    if suffix in SUFFIXES:
        return "an image"
    if suffix in _TEXTS:
        return "a file of texts"
    return "a folder" if _exists(path) and path.is_dir() else "something else"


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("[", "{"))


def _paths(text: str) -> list[Path]:
    """INPUT as paths: one name, commas and all, where there is such a file; else several."""
    whole = Path(text).expanduser()
    parts = [Path(part.strip()).expanduser() for part in text.split(",") if part.strip()]
    return [whole] if _exists(whole) or not parts else parts


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text may be longer than a name can be
        return False


def _image(name: str, read: Callable[[], bytes]) -> Input:
    def content() -> bytes:
        try:
            return read()
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror or error}") from None

    return Input(name, content)


def _images(text: str, takes: str) -> list[Input]:
    named = _paths(text)
    if not any(path.exists() for path in named):
        raise UserError(f"there is no file or folder {named[0]}; {takes}")
    found: list[Path] = []
    for path in named:
        inside = sorted(_inside(path)) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"the folder {path} holds no image ({', '.join(sorted(SUFFIXES))})")
        found += inside
    return image_files(found)


def _inside(folder: Path) -> Iterator[Path]:
    """The image files of a folder and of the folders in it, without hidden ones."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir():
            yield path


def _content(text: str, stdin: Callable[[], bytes]) -> tuple[str, str]:
    """The text behind INPUT, and what its file is called; "" where INPUT itself is the text."""
    path = Path(text).expanduser()
    known = path.suffix.lower() in _TABLES + _TEXTS
    if text != STDIN and (_is_json(text) or not (known or _exists(path))):
        return text, ""
    try:
        return (stdin() if text == STDIN else path.read_bytes()).decode("utf-8-sig"), "stdin" if text == STDIN else text
    except OSError as error:
        raise UserError(f"cannot read {text}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{text} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None


def _lines(content: str) -> list[Input]:
    """A text a line; empty lines hold none."""
    return [
        Input(f"line {number}", partial(str, line))
        for number, line in enumerate(content.splitlines(), 1)
        if line.strip()
    ]


def _table(content: str, name: str, kind: str, columns: Sequence[str]) -> Inputs:
    as_json = name.lower().endswith(".json") or (not name.lower().endswith(".csv") and _is_json(content))
    readers, extra = rows_of(content, name, as_json, kind, columns)
    items = tuple(Input(f"row {number}", read) for number, read in enumerate(readers, 1))
    return Inputs(items, f"{name}: not looked at: {shown(extra)}" if extra else "")
