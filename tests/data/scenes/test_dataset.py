from __future__ import annotations

import hashlib
import io
import random
import subprocess
import sys

import pytest
from PIL import Image

from dlcamp.data.scenes import HELD_OUT, Scenes
from dlcamp.data.scenes.dataset import GENERATOR_VERSION
from dlcamp.data.scenes.draw import draw
from dlcamp.errors import DataError


def test_the_default_sizes_are_2000_250_and_400():
    assert Scenes().sizes == {"train": 2000, "val": 250, "test": 400}


def test_items_have_unique_ids_and_five_references_and_a_limit_takes_the_first():
    data = Scenes(train=30, val=10, test=10)
    items = data.items("train")
    assert len({item.id for item in items}) == 30
    assert all(len(item.references) == 5 for item in items)
    assert data.items("train", limit=4) == items[:4]
    assert data.items("train", limit=99) == items


def test_an_item_does_not_depend_on_the_sizes_but_on_the_seed():
    small, other = Scenes(train=5, val=5, test=5), Scenes(seed=1)
    assert small.items("test") == Scenes().items("test", limit=5)
    assert other.items("test", limit=5) != small.items("test")


def test_images_are_the_same_jpeg_bytes_every_time():
    data = Scenes()
    first = data.image("test-00003")
    assert Scenes().image("test-00003") == first
    assert data.image("test-00004") != first
    assert Image.open(io.BytesIO(first)).size == (224, 224)


def test_what_an_image_shows_can_be_asked():
    data = Scenes(val=40)
    for item in data.items("val"):
        scene = data.scene(item.id)
        assert data.objects(item.id) == len(scene.objects)
        assert data.held_out(item.id) == any((o.colour, o.shape) in HELD_OUT for o in scene.objects)


def test_the_digest_names_version_seed_and_sizes():
    assert Scenes(seed=3, val=7).digest == f"scenes-v{GENERATOR_VERSION}-seed3-train2000-val7-test400"
    assert len({Scenes().digest, Scenes(seed=1).digest, Scenes(train=5).digest}) == 3


def test_the_generator_version_changes_whenever_what_is_generated_changes():
    """When this fails on purpose: raise GENERATOR_VERSION, then pin the new pair here."""
    data = Scenes()
    seen = hashlib.sha256()
    for split in ("train", "val", "test"):
        for item in data.items(split, limit=8):
            seen.update(repr((item, data.scene(item.id))).encode())
        seen.update(draw(data.scene(f"{split}-00000"), random.Random(0)).tobytes())  # no JPEG: libraries differ
    assert (GENERATOR_VERSION, seen.hexdigest()[:16]) == (1, "6b1150e97491e8a6")


@pytest.mark.parametrize("item_id", ["test-00400", "test-", "holdout-00001", "test--1", "test-x", "", "test-²"])
def test_an_unknown_image_is_named_in_the_error(item_id):
    with pytest.raises(DataError, match="scenes has no image") as caught:
        Scenes().image(item_id)
    assert repr(item_id) in str(caught.value)


def test_an_unknown_split_and_an_empty_split_are_errors():
    with pytest.raises(DataError, match="no split 'dev'"):
        Scenes().items("dev")
    with pytest.raises(DataError, match="val = 0"):
        Scenes(val=0)


def test_listing_items_imports_neither_pillow_nor_numpy():
    code = (
        "import sys; from dlcamp.data.scenes import Scenes; Scenes().items('train', limit=3); "
        "print([m for m in ('PIL', 'numpy', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
