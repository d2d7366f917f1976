"""Captions for photos on disk, by a model of the store: what `python -m dlcamp caption MODEL photo.jpg` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcamp.errors import UserError
from dlcamp.registry.resolve import resolve_model
from dlcamp.tracking.models import load_model
from dlcamp.tracking.protocol import Store


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
    uri, row = resolve_model(store, ref)
    predictor = load_model(store, uri)
    look = getattr(predictor, "look", None)
    if look is None:
        origin = f" (of {row.experiment})" if row else ""
        raise UserError(f"{ref}{origin} does not caption images: it takes {predictor.kind} inputs")
    contents, refused = _read(paths)
    readable = [path for path in paths if path in contents]
    answers = look([contents[path] for path in readable], [str(path) for path in readable]) if readable else []
    seen = dict(zip(readable, answers, strict=True))
    trained_on = str(getattr(predictor, "data", ""))
    return [_captioned(path, refused[path] if path in refused else seen[path], trained_on) for path in paths]


def _read(paths: Sequence[Path]) -> tuple[dict[Path, bytes], dict[Path, OSError]]:
    contents: dict[Path, bytes] = {}
    refused: dict[Path, OSError] = {}
    for path in paths:
        try:
            contents[path] = path.read_bytes()
        except OSError as error:
            refused[path] = error
    return contents, refused


def _captioned(path: Path, answer: object, trained_on: str) -> Captioned:
    if isinstance(answer, OSError):
        return Captioned(path, None, False, f"cannot read {path}: {answer.strerror or answer}", 0.0, trained_on)
    if isinstance(answer, Exception):
        return Captioned(path, None, False, str(answer), 0.0, trained_on)
    caption, novel, novelty = (getattr(answer, name) for name in ("caption", "novel", "novelty"))
    return Captioned(path, str(caption), bool(novel), None, float(novelty), trained_on)
