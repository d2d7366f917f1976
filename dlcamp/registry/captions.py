"""Captions for photos on disk, by a model of the store: what `python -m dlcamp caption MODEL photo.jpg` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.errors import DataError, UserError
from dlcamp.registry.inputs import Input, image_files
from dlcamp.registry.predict import Prediction, as_prediction, predictions, stored
from dlcamp.tracking.protocol import Store


@dataclass(frozen=True)
class Captioned:
    """One file, captioned or refused.

    Args:
        caption: None when the file is no image that can be read; `error` says why.
        novel: the photo's features lie far outside of those trained on, so that the caption means little.
        trained_on: name of the data set that the model knows.
    """

    path: Path
    caption: str | None
    novel: bool
    error: str | None
    trained_on: str = ""


def caption_files(store: Store, ref: str, paths: Sequence[Path]) -> list[Captioned]:
    """Caption files with one model; a file that cannot be read is reported and the others are done.

    Args:
        ref: see `resolve_model`.

    Raises:
        UserError: no such model, or it does not caption images.
    """
    predictor = _captioner(store, ref)
    trained_on = str(getattr(predictor, "data", ""))
    answers = predictions(lambda: predictor, image_files(paths))
    return [_captioned(path, answer, trained_on) for path, answer in zip(paths, answers, strict=True)]


def attention_of_files(store: Store, ref: str, paths: Sequence[Path]) -> tuple[list[Captioned], str]:
    """`caption_files`, and a page of where the decoder looked for each word; no page ("") where no file can be read.

    The page names the files that cannot be read, and warns of captions that mean little.

    Raises:
        UserError: no such model, it does not caption images, or its decoder does not look at positions.
    """
    predictor = _captioner(store, ref)
    if not hasattr(predictor, "attention_page"):
        raise UserError(f"{ref} captions images but cannot show where it looked; leave out --attention")
    contents = {one.name: _content(one) for one in image_files(paths)}
    readable = {name: content for name, content in contents.items() if isinstance(content, bytes)}
    answers: dict[str, Any] = dict(contents)
    if readable:
        # seen once, for the captions and for the page
        sight = predictor.see(list(readable.values()), list(readable))
        answers |= zip(readable, predictor.tell(sight), strict=True)
    trained_on = str(getattr(predictor, "data", ""))
    found = [_captioned(path, as_prediction(str(path), answers[str(path)]), trained_on) for path in paths]
    images = {str(one.path): readable[str(one.path)] for one in found if not one.error}
    if not images:
        return found, ""
    strange = f"unlike anything in {found[0].trained_on}, which it was trained on: the caption means little"
    page = predictor.attention_page(
        images,
        f"Where {ref} looked",
        sight,
        warnings={str(one.path): strange for one in found if one.novel},
        left_out={str(one.path): one.error for one in found if one.error},
    )
    return found, str(page)


def beware(found: Sequence[tuple[str, bool]], trained_on: str) -> str:
    """A warning of images that are unlike those trained on; "" where none is.

    Args:
        found: the name of each image, and whether it is.
    """
    novel = [Path(name).name for name, is_novel in found if is_novel]
    if not novel:
        return ""
    return (
        f"beware: {len(novel)} of {len(found)} lie far outside of what it was trained on "
        f"({', '.join(novel[:5])}); it can only speak of {trained_on}"
    )


def _captioner(store: Store, ref: str) -> Any:
    """A predictor that can `look` at images."""
    with stored(store, ref) as model:
        predictor = model.load() if model.kind == "image" else None
        if not hasattr(predictor, "look"):
            origin = f" (of {model.run.experiment})" if model.run else ""
            raise UserError(f"{ref}{origin} does not caption images: it takes {model.kind} inputs")
    return predictor


def _content(image: Input) -> bytes | DataError:
    try:
        return bytes(image.read())
    except DataError as error:
        return error


def _captioned(path: Path, answer: Prediction, trained_on: str) -> Captioned:
    caption = None if answer.error else str(answer.output)
    return Captioned(path, caption, answer.novel, answer.error, trained_on)
