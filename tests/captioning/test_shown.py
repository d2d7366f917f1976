"""The images that every run keeps for pages that compare."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from dlcamp.captioning.shown import COUNT, drawn, read_shown, shown_json
from dlcamp.data.captions import CaptionItem
from dlcamp.data.scenes import Scenes
from dlcamp.errors import DataError, ImageError

DATA = Scenes(train=1, val=1, test=40)


class Large:
    """A data set of one large photograph."""

    def image(self, item_id: str) -> bytes:
        stream = io.BytesIO()
        Image.effect_noise((800, 600), 60).convert("RGB").save(stream, "PNG")
        return stream.getvalue() if item_id != "torn" else stream.getvalue()[:100]


def test_the_same_dozen_is_drawn_every_time_in_the_order_of_the_split() -> None:
    items = DATA.items("test")
    ids = [item.id for item in drawn(items)]
    assert ids == [item.id for item in drawn(list(items))]
    assert len(set(ids)) == COUNT
    assert ids == sorted(ids)
    assert ids != [item.id for item in items[:COUNT]]


def test_of_few_images_all_are_drawn() -> None:
    assert len(drawn(DATA.items("test", 3))) == 3


def test_what_is_written_is_read_again() -> None:
    items = DATA.items("test", 3)
    found = read_shown(shown_json(items, DATA))
    assert [(one.id, one.references) for one in found] == [(item.id, item.references) for item in items]
    assert all(one.source.startswith("data:image/jpeg;base64,") for one in found)


def test_a_large_photograph_becomes_small() -> None:
    (found,) = read_shown(shown_json([CaptionItem("a.png", ("noise",))], Large()))  # type: ignore[arg-type]
    content = base64.b64decode(found.source.partition(",")[2])
    with Image.open(io.BytesIO(content)) as opened:
        assert max(opened.size) <= 320


def test_an_image_that_cannot_be_read_is_an_error_that_names_it() -> None:
    with pytest.raises(ImageError, match="torn"):
        shown_json([CaptionItem("torn", ("x",))], Large())  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{", json.dumps([{"id": "a"}]), "3"])
def test_another_file_is_an_error(text: str) -> None:
    with pytest.raises(DataError, match=r"shown\.json holds no images"):
        read_shown(text)
