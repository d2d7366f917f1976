"""Feature caches: those that no present encoder makes or no present data set fills may go, others when asked for."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from dlcamp.data.fetched import FileRecord, Manifest
from dlcamp.data.scenes import Scenes
from dlcamp.paths import data_folder
from dlcamp.room import features
from dlcamp.room.leftover import IN_USE, Leftover, remove
from dlcamp.room.limits import DAY, Limits
from dlcamp.vision.encoder import lite0
from dlcamp.vision.store import FeatureStore

ENCODER = lite0("pooled", "float32")
SCENE = hashlib.sha256(Scenes().image("train-00000")).digest()
PHOTO = hashlib.sha256(b"a photograph").digest()


@pytest.fixture(autouse=True)
def _looked_anew(fresh_home: Path) -> Iterator[None]:
    features.images_here.cache_clear()
    yield
    features.images_here.cache_clear()


def cache(*images: bytes, days_ago: float = 8.0, **described: str) -> Path:
    store = FeatureStore(data_folder() / "features", ENCODER)
    store.folder.mkdir(parents=True)
    (store.folder / "encoder.json").write_text(json.dumps(ENCODER.describe() | described))
    store.index_file.write_bytes(b"".join(images))
    store.rows_file.write_bytes(b"x" * 100_000)
    (store.folder / "lock").touch()
    for path in (*store.folder.iterdir(), store.folder):
        os.utime(path, (time.time() - days_ago * DAY,) * 2)
    return store.folder


def fetch(*images: bytes) -> None:
    """A data set "mine" that holds these images."""
    (data_folder() / "mine").mkdir(parents=True)
    files = tuple(FileRecord(f"{place}.jpg", 1, 1, image.hex()) for place, image in enumerate(images))
    Manifest(0.0, (), files).write(data_folder() / "mine")


def find(all_of_them: bool = False, busy: str = "", days: float = 7.0) -> list[Leftover]:
    return features.find(Limits(days), all_of_them=all_of_them, busy=lambda: busy)[0]


def test_a_cache_of_drawn_images_is_in_use() -> None:
    cache(PHOTO, SCENE)
    found, (kept,) = features.find(Limits(), all_of_them=False, busy=str)
    assert found == []
    assert (kept.what, kept.size >= 100_000) == ("feature caches in use", True)
    assert "FEATURES=1" in kept.advice


def test_a_cache_of_a_data_set_goes_with_it() -> None:
    cache(PHOTO)
    fetch(PHOTO)
    assert find() == []
    features.images_here.cache_clear()
    (data_folder() / "mine/manifest.json").unlink()
    (one,) = find()
    assert one.why == "none of its 1 images belongs to a data set that is here"
    assert remove(one).freed >= 100_000
    assert not one.path.exists()


def test_a_cache_that_was_just_written_stays_whatever_it_holds() -> None:
    path = cache(PHOTO, days_ago=6)
    found, (kept,) = features.find(Limits(), all_of_them=False, busy=str)
    assert found == []
    assert "last 7 days" in kept.advice
    os.utime(path / "rows.bin")
    assert find(days=0) == []  # nor less than a day


def test_an_orphan_stays_while_a_run_may_read_it_with_older_code() -> None:
    path = cache(PHOTO)
    (one,) = find(busy="toy-1 is under way")
    assert remove(one).stayed == "toy-1 is under way"
    assert path.exists()


@pytest.mark.parametrize(
    ("described", "why"),
    [
        ({"weights": "0" * 64}, "used with weights"),
        ({"preprocessing": "cut-224"}, "used with preprocessing"),
        ({"name": "resnet"}, "resnet"),
        ({"dtype": "float16"}, "describes its encoder otherwise"),
        ({"output": "nothing"}, "nothing"),
    ],
)
def test_a_cache_of_an_encoder_that_this_version_does_not_make_goes(described: dict[str, str], why: str) -> None:
    cache(SCENE, **described)
    (one,) = find()
    assert why in one.why


def test_a_description_that_cannot_be_read_makes_a_cache_that_nobody_reads() -> None:
    path = cache(SCENE)
    (path / "encoder.json").write_text("[")
    os.utime(path / "encoder.json", (0, 0))
    assert "no encoder of this version" in find()[0].why


def test_caches_in_use_go_when_asked_for_unless_a_run_or_a_writer_is_at_work() -> None:
    path = cache(SCENE)
    assert remove(find(all_of_them=True, busy="toy-1 is under way")[0]).stayed == "toy-1 is under way"
    (one,) = find(all_of_them=True)
    with FileLock(path / "lock"):
        assert remove(one).stayed == IN_USE
    assert remove(one).freed >= 100_000
