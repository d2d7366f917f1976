"""Captions for photos on disk, by a model of the store: what `python -m dlcamp caption MODEL photo.jpg` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.errors import UserError
from dlcamp.tracking.models import load_model
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.resolve import resolve_model


@dataclass(frozen=True)
class Captioned:
    """One file, captioned or refused.

    Args:
        caption: None when the file is no image that can be read; `error` says why.
        novel: the photo's features lie far outside of those trained on, so that the caption means little.
        novelty: how far, in distances that one in a hundred held-out images exceeds.
        trained_on: name of the data set that the model knows.
    """

    path: Path
    caption: str | None
    novel: bool
    error: str | None
    novelty: float = 0.0
    trained_on: str = ""


def caption_files(store: Store, ref: str, paths: Sequence[Path]) -> list[Captioned]:
    """Caption files with one model; a file that cannot be read is reported and the others are done.

    Args:
        ref: see `resolve_model`.

    Raises:
        UserError: no such model, or it does not caption images.
    """
    return _caption(_captioner(store, ref), paths, _read(paths))


def attention_of_files(store: Store, ref: str, paths: Sequence[Path]) -> tuple[list[Captioned], str]:
    """`caption_files`, and a page of where the decoder looked for each word; no page ("") where no file can be read.

    The page names the files that cannot be read, and warns of captions that mean little.

    Raises:
        UserError: no such model, it does not caption images, or its decoder does not look at positions.
    """
    predictor = _captioner(store, ref)
    if not hasattr(predictor, "attention_page"):
        raise UserError(f"{ref} captions images but cannot show where it looked; leave out --attention")
    files = _read(paths)
    found = _caption(predictor, paths, files)
    images = {
        str(one.path): content for one in found if isinstance(content := files[one.path], bytes) and not one.error
    }
    if not images:
        return found, ""
    beware = f"unlike anything in {found[0].trained_on}, which it was trained on: the caption means little"
    page = predictor.attention_page(
        images,
        f"Where {ref} looked",
        warnings={str(one.path): beware for one in found if one.novel},
        left_out={str(one.path): one.error for one in found if one.error},
    )
    return found, str(page)


def _captioner(store: Store, ref: str) -> Any:
    """A predictor that can `look` at images."""
    uri, row = resolve_model(store, ref)
    predictor = load_model(store, uri)
    if not hasattr(predictor, "look"):
        origin = f" (of {row.experiment})" if row else ""
        raise UserError(f"{ref}{origin} does not caption images: it takes {predictor.kind} inputs")
    return predictor


def _read(paths: Sequence[Path]) -> dict[Path, bytes | OSError]:
    """The content of each file, or why there is none."""
    contents: dict[Path, bytes | OSError] = {}
    for path in paths:
        try:
            contents[path] = path.read_bytes()
        except OSError as error:
            contents[path] = error
    return contents


def _caption(predictor: Any, paths: Sequence[Path], files: Mapping[Path, bytes | OSError]) -> list[Captioned]:
    readable = {path: content for path, content in files.items() if isinstance(content, bytes)}
    answers = predictor.look(list(readable.values()), [str(path) for path in readable]) if readable else []
    seen = dict(zip(readable, answers, strict=True))
    trained_on = str(getattr(predictor, "data", ""))
    return [_captioned(path, seen.get(path, files[path]), trained_on) for path in paths]


def _captioned(path: Path, answer: object, trained_on: str) -> Captioned:
    if isinstance(answer, OSError):
        return Captioned(path, None, False, f"cannot read {path}: {answer.strerror or answer}", 0.0, trained_on)
    if isinstance(answer, Exception):
        return Captioned(path, None, False, str(answer), 0.0, trained_on)
    caption, novel, novelty = (getattr(answer, name) for name in ("caption", "novel", "novelty"))
    return Captioned(path, str(caption), bool(novel), None, float(novelty), trained_on)
