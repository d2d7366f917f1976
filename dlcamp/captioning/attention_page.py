"""The attention page: photos, each with its caption and, word by word, where the decoder looked; one file by itself.

It needs no script, no network and no other file, as the gallery does: choosing a word is a radio button, so that the
keyboard's arrows go from word to word. All text is escaped. A photo takes less than a megabyte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from dlcamp.captioning.attention_maps import Attention, attend, check_attends, whereabouts
from dlcamp.captioning.attention_overlays import (
    INFERNO,
    brightest,
    heat,
    overlaid,
    png,
    position_box,
    seen_box,
    squares,
)
from dlcamp.captioning.page_images import data_uri, small_jpeg
from dlcamp.errors import DataError
from dlcamp.vision.images import decode

if TYPE_CHECKING:
    from dlcamp.captioning.captioner import Sight
    from dlcamp.captioning.predictor import CaptionPredictor

HEADS_SHOWN = 16
"""Heads drawn one by one; of more the mean is shown only."""

_TEMPLATES = Path(__file__).parent / "templates"
_PHOTO = ((960, 82), (800, 78), (640, 72), (480, 66), (360, 55))  # longest side in pixels, JPEG quality
_PHOTO_BYTES = 140_000
_THUMBNAIL = ((264, 76), (264, 62), (220, 55), (176, 48), (132, 40), (96, 30))
_THUMBNAILS_BYTES = 250_000  # all words together: with photo and heats of 30 words 0.9 MB as base64
_NONE_LEFT_OUT: Mapping[str, str] = {}


@dataclass(frozen=True)
class AttendedPhoto:
    """A photo on the page.

    Attributes:
        name: of the file, shown.
        image: the encoded file.
        attention: what was said and looked at.
        warning: shown with the caption; none when empty.
    """

    name: str
    image: bytes
    attention: Attention
    warning: str = ""


def attention_page(
    predictor: CaptionPredictor,
    images: Mapping[str, bytes],
    title: str,
    sight: Sight | None = None,
    *,
    warnings: Mapping[str, str] | None = None,
    left_out: Mapping[str, str] = _NONE_LEFT_OUT,
) -> str:
    """Caption images, record where the decoder looked, and draw the page.

    Args:
        images: name to encoded file, all of them readable.
        title: of the page.
        sight: what `predictor.see` gave for them, where they were captioned before; those that could not be read are
            not among `images`. None: they are encoded here.
        warnings: name to what the reader must know of its caption.
        left_out: name to the reason why an image is not shown.

    Raises:
        UserError: the decoder does not look (`check_attends`).
        ImageError: an image that cannot be read.
        DataError: `sight` is of another number of images.
    """
    check_attends(predictor)
    features = predictor.features(list(images.values())) if sight is None else sight.features
    assert not isinstance(features, tuple)  # one encoder
    if len(features) != len(images):
        raise DataError(
            f"{len(features)} images were seen, {len(images)} are to be drawn: give those that were readable"
        )
    records = attend(predictor, features)
    photos = [
        AttendedPhoto(name, image, record, (warnings or {}).get(name, ""))
        for (name, image), record in zip(images.items(), records, strict=True)
    ]
    spec, beam = predictor.net.spec, predictor.decoding.beam
    layers = f"{spec.layers} layers, " if spec.decoder == "transformer" else ""
    height, width, _ = spec.feature_shape
    facts = {
        "trained on": predictor.data,
        "decoder": f"{spec.decoder}, {layers}{spec.heads} heads",
        "encoder": f"{predictor.encoder.name}, map of {height} × {width}",
        "search": "greedy" if beam == 1 else f"beam of {beam}",
    }
    step = "of the last layer " if spec.decoder == "transformer" and spec.layers > 1 else ""
    return attention_html(photos, title, facts, whose=step, left_out=left_out)


def attention_html(
    photos: Sequence[AttendedPhoto],
    title: str,
    facts: Mapping[str, str],
    *,
    whose: str = "",
    left_out: Mapping[str, str] = _NONE_LEFT_OUT,
) -> str:
    """The page as text.

    Args:
        photos: in their order.
        title: of the page.
        facts: shown on top, in their order.
        whose: more about the weights, for a decoder with several layers: "of the last layer ".
        left_out: name to the reason why an image is not shown.

    Raises:
        DataError: no photos.
        ImageError: a photo that cannot be read.
    """
    if not photos:
        raise DataError("an attention page needs at least one photo")
    shots = [_shot(photo) for photo in photos]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("attention.html.j2").render(
        title=title,
        facts=facts,
        whose=whose,
        shots=shots,
        most_words=max(len(photo.attention.words) for photo in photos),
        colours=INFERNO,
        left_out=left_out,
    )


def _shot(photo: AttendedPhoto) -> dict[str, Any]:
    """What the template shows of a photo."""
    record = photo.attention
    upright = Image.fromarray(decode(photo.image, None, photo.name))
    peak, head_peak = brightest(record.mean), brightest(record.weights)
    thumbnail = upright.copy()
    thumbnail.thumbnail((_THUMBNAIL[0][0],) * 2)
    rows, columns = record.grid
    return {
        "name": photo.name,
        "warning": photo.warning,
        "source": data_uri(small_jpeg(upright, _PHOTO_BYTES, _PHOTO), "image/jpeg"),
        "ratio": upright.width / upright.height,
        "caption": record.caption,
        "words": [
            _word(record, number, upright.size, thumbnail, peak, head_peak) for number in range(len(record.words))
        ],
        "rows": rows,
        "columns": columns,
        "heads": record.heads,
        "cut": record.fit == "crop",
        "scale": [0.0, peak / 2, peak],
        "head_peak": head_peak,
    }


def _word(
    record: Attention,
    number: int,
    size: tuple[int, int],
    thumbnail: Image.Image,
    peak: float,
    head_peak: float,
) -> dict[str, Any]:
    """What the template shows of a word: its heat, the heat over the photo, the heads as they are."""
    over = heat(record.mean[number], peak, size, record.fit)
    budget = _THUMBNAILS_BYTES // len(record.words)
    left, top, width, height = position_box(record.pointed_at(number), record.grid, seen_box(record.fit, *size))
    shown = record.weights[number] if record.heads <= HEADS_SHOWN else record.weights[number][:0]
    return {
        "word": record.words[number],
        "over": data_uri(png(over), "image/png"),
        "thumbnail": data_uri(small_jpeg(overlaid(thumbnail, over), budget, _THUMBNAIL), "image/jpeg"),
        "where": whereabouts(record.brightest(number), record.grid),
        "peak": float(record.top_share[number]),
        "spread": float(record.spread[number]),
        "mark": f"left:{left:.2%};top:{top:.2%};width:{width:.2%};height:{height:.2%}",
        "strongest": int(record.strongest[number]) + 1,
        "heads": [
            {"source": data_uri(png(squares(weights, head_peak)), "image/png"), "share": float(share)}
            for weights, share in zip(shown, record.head_top_share[number], strict=False)
        ],
    }
