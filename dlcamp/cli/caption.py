"""`caption`: what a trained captioner says about photographs, and where it looked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlcamp.registry.captions import Captioned


def run(given: Given, root: Path) -> int:
    """Print one line an image; name those that cannot be read and those unlike the training images.

    With `--attention PAGE.html` the captions are drawn too, word by word, over the photos.
    """
    if len(given.positional) < 2:
        raise UserError(
            "caption needs a model and at least one image\n"
            "example: .venv/bin/python -m dlcamp caption caption_lstm@champion photo.jpg"
        )
    model, *images = given.positional
    if not any(Path(image).is_file() for image in images):
        raise UserError(f"there is no file {images[0]}")
    asked = given.get("--attention")
    page = page_to_write(asked) if asked else None
    from dlcamp.registry.captions import attention_of_files, caption_files
    from dlcamp.tracking import Terminal, captured_output, open_existing_store

    store = open_existing_store(say=say)
    if store is None:
        raise UserError("there is no model yet; train one: make exp NAME=caption_lstm")
    paths, drawn = [Path(image) for image in images], ""
    # TensorFlow greets on the terminal whatever it is told; its lines are kept where a bug would be looked for
    with captured_output(store.folder / "caption.log", Terminal.standard()):
        if page is None:
            found = caption_files(store, model, paths)
        else:
            found, drawn = attention_of_files(store, model, paths)
    _tell(model, found)
    if page is not None and drawn:
        write_page(page, drawn)
        say(f"attention  {page}       (open it in a browser; it needs nothing else)")
    elif page is not None:
        say(f"no photo could be read, so {page} was not written")
    return 2 if all(one.error for one in found) else 0


def _tell(model: str, found: Sequence[Captioned]) -> None:
    from dlcamp.registry.captions import beware

    trained_on = next((one.trained_on for one in found if one.trained_on), "")
    if trained_on:
        say(f"{model}, trained on {trained_on}")
    for one in found:
        say(f"{one.path}: {one.caption if one.error is None else one.error.splitlines()[0]}")
    warning = beware([(str(one.path), one.novel) for one in found], trained_on)
    if warning:
        say(warning)


def page_to_write(asked: str) -> Path:
    """Where a page may be written: a new file, or one that is a page already.

    Raises:
        UserError: a directory, a name that is not a page's, a file that is none, or a folder that is not there.
    """
    path = Path(asked).expanduser()
    if path.is_dir():
        raise UserError(f"--attention {asked} is a directory; name a page in it: --attention {path / 'attention.html'}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--attention names the page to write, which ends in .html; got {asked}")
    if not path.parent.is_dir():
        raise UserError(f"--attention {asked}: there is no folder {path.parent}; make it first")
    if path.exists() and not path.is_file():
        raise UserError(f"--attention {asked} is no file that can be replaced; choose another name")
    if path.exists() and not os.access(path, os.R_OK):
        raise UserError(f"--attention {asked} cannot be read, so whether it may be replaced is not known")
    if path.exists():
        with path.open("rb") as file:
            begins = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if begins and not begins.startswith((b"<!doctype html", b"<html")):
            raise UserError(f"--attention {asked} exists and is no HTML page; it is left as it is, choose another name")
    return path


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all.

    Raises:
        UserError: it cannot be written there.
    """
    target = path.resolve()  # what a link points at is replaced, not the link
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        draft.write_text(page, "utf-8")
        os.replace(draft, target)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
