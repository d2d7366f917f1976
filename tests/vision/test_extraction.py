from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dlcamp.errors import DataError, ImageError
from dlcamp.vision import extract, extract_folder, lite0
from dlcamp.vision.store import FeatureStore

Photos = list[tuple[str, bytes]]
POOLED = lite0("pooled", "float32")


class _Counter:
    """A progress bar that remembers."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, str, str]] = []
        self.steps: list[int] = []

    @contextmanager
    def __call__(self, total: int, what: str, unit: str) -> Iterator[_Counter]:
        self.opened.append((total, what, unit))
        yield self

    def advance(self, n: int = 1) -> None:
        self.steps.append(n)


def test_rows_are_aligned_with_ids_and_equal_the_direct_encoding(tmp_path: Path, photos: Photos) -> None:
    features = extract(photos[:5], POOLED, cache=tmp_path, batch=3)
    assert features.ids == tuple(name for name, _ in photos[:5])
    np.testing.assert_array_equal(features.array, POOLED.encode([data for _, data in photos[:5]]))
    assert isinstance(features.array, np.memmap)
    assert features.array.dtype == np.float32
    assert features.from_cache == 0
    assert features.images_per_second > 0
    assert features.encoder == POOLED


def test_the_map_is_stored_in_float16(tmp_path: Path, photos: Photos) -> None:
    features = extract(photos[:1], lite0("map", "float32"), cache=tmp_path)
    assert features.array.shape == (1, 7, 7, 1280)
    assert features.array.dtype == np.float16


def test_only_what_is_new_is_computed_and_copies_are_stored_once(tmp_path: Path, photos: Photos) -> None:
    first = extract(photos[:3], POOLED, cache=tmp_path)
    copied = [*photos[:4], ("a copy.jpg", photos[3][1]), ("renamed.jpg", photos[0][1])]
    second = extract(copied, POOLED, cache=tmp_path)
    assert (first.from_cache, second.from_cache) == (0, 5)
    np.testing.assert_array_equal(second.array[4], second.array[3])
    np.testing.assert_array_equal(second.array[[0, 1, 2, 5]], first.array[[0, 1, 2, 0]])
    assert len(FeatureStore(tmp_path, POOLED).index()) == 4


def test_features_of_mirrored_images_have_a_cache_of_their_own(tmp_path: Path, photos: Photos) -> None:
    mirrored, bar = POOLED.mirrored(), _Counter()
    plain = extract(photos[:3], POOLED, cache=tmp_path)
    turned = extract(photos[:3], mirrored, cache=tmp_path, progress=bar)
    assert bar.opened == [(3, "features efficientnet_lite0, mirrored", "images")]
    assert (turned.from_cache, extract(photos[:3], mirrored, cache=tmp_path).from_cache) == (0, 3)
    assert extract(photos[:3], POOLED, cache=tmp_path).from_cache == 3
    np.testing.assert_array_equal(turned.array, mirrored.encode([data for _, data in photos[:3]]))
    assert turned.digest != plain.digest
    assert sum("-mirrored-" in folder.name for folder in tmp_path.glob("efficientnet_lite0-*")) == 1


def test_the_digest_tells_content_ids_and_encoder_apart(tmp_path: Path, photos: Photos) -> None:
    (_, one), (_, two) = photos[:2]
    cases = [[("a", one), ("b", two)], [("a", two), ("b", one)], [("a", one), ("c", two)], [("a", one)]]
    digests = [extract(case, POOLED, cache=tmp_path).digest for case in cases]
    assert len(set(digests)) == len(cases)
    assert extract(cases[0], POOLED, cache=tmp_path).digest == digests[0]
    assert extract(cases[0], lite0("pooled", "float32", "float16"), cache=tmp_path).digest not in digests


def test_all_from_the_cache_needs_no_tensorflow(tmp_path: Path, photos: Photos) -> None:
    for name, data in photos[:2]:
        (tmp_path / name).write_bytes(data)
    extract_folder(tmp_path, POOLED, cache=tmp_path / "cache")
    code = """
import sys, pathlib
from dlcamp.vision import extract_folder, lite0
folder = pathlib.Path(sys.argv[1])
features = extract_folder(folder, lite0("pooled", "float32"), cache=folder / "cache")
assert features.from_cache == 2 and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


def test_the_bar_ends_full_whether_computed_or_cached(tmp_path: Path, photos: Photos) -> None:
    for _ in range(2):
        bar = _Counter()
        extract(photos[:5], POOLED, cache=tmp_path, batch=2, progress=bar)
        assert bar.opened == [(5, "features efficientnet_lite0", "images")]
        assert sum(bar.steps) == 5


def test_an_unreadable_image_is_named_and_what_came_before_it_is_kept(tmp_path: Path, photos: Photos) -> None:
    images = [*photos[:3], ("broken.jpg", photos[3][1][:700]), *photos[4:6]]
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        extract(images, POOLED, cache=tmp_path, batch=2)
    assert extract(photos[:3], POOLED, cache=tmp_path).from_cache >= 2


def test_unreadable_images_are_skipped_and_counted_when_asked(tmp_path: Path, photos: Photos) -> None:
    broken = photos[1][1][:700]
    images = [("first.jpg", broken), photos[0], ("text.jpg", b"hello"), photos[1], ("copy.jpg", broken)]
    for _ in range(2):
        features = extract(images, POOLED, cache=tmp_path, batch=2, on_error="skip")
        assert features.ids == (photos[0][0], photos[1][0])
        assert [skipped.id for skipped in features.skipped] == ["first.jpg", "text.jpg", "copy.jpg"]
        assert "not an image" in features.skipped[1].reason
    np.testing.assert_array_equal(features.array, POOLED.encode([data for _, data in photos[:2]]))
    assert features.from_cache == 2


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_file_that_is_gone_is_an_unreadable_image(tmp_path: Path, photos: Photos, on_error: str) -> None:
    def load(name: str) -> bytes:
        return (tmp_path / name).read_bytes() if name == "gone.jpg" else photos[0][1]

    ids = ["here.jpg", "gone.jpg"]
    if on_error == "raise":
        with pytest.raises(ImageError, match=r"gone\.jpg"):
            extract((ids, load), POOLED, cache=tmp_path)
    else:
        features = extract((ids, load), POOLED, cache=tmp_path, on_error="skip")
        assert features.skipped[0].id == "gone.jpg"


def test_a_mistake_in_the_loader_comes_out_as_it_is(tmp_path: Path, photos: Photos) -> None:
    def load(name: str) -> bytes:
        return dict(photos)[name]

    with pytest.raises(KeyError, match="unheard"):
        extract(([photos[0][0], "unheard"], load), POOLED, cache=tmp_path)


@pytest.mark.parametrize(
    ("images", "reason"),
    [([], "no images"), ([("a", b"1"), ("a", b"2")], "more than once"), ([("a", b"1")], "none of the 1")],
)
def test_images_that_make_no_features_are_a_clear_error(tmp_path: Path, images: Photos, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        extract(images, POOLED, cache=tmp_path, on_error="skip")


def test_a_folder_is_read_in_order_by_name(tmp_path: Path, photos: Photos) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("b.JPG", "a.jpeg", "inner/c.jpg"):
        (tmp_path / name).write_bytes(photos[0][1])
    (tmp_path / "notes.txt").write_text("no image")
    assert extract_folder(tmp_path, POOLED, cache=tmp_path / "cache").ids == ("a.jpeg", "b.JPG")
    deep = extract_folder(tmp_path, POOLED, recursive=True, cache=tmp_path / "cache")
    assert deep.ids == ("a.jpeg", "b.JPG", "inner/c.jpg")


def test_an_empty_or_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image"):
        extract_folder(tmp_path, POOLED)
    with pytest.raises(DataError, match="no folder"):
        extract_folder(tmp_path / "absent", POOLED)


def test_an_automatic_precision_is_timed_once_and_is_part_of_the_result(tmp_path: Path, photos: Photos) -> None:
    first = extract(photos[:2], lite0("pooled"), cache=tmp_path, batch=2)
    assert first.encoder.precision in ("float32", "mixed_bfloat16")
    written = (tmp_path / "precision.json").stat().st_mtime_ns
    second = extract(photos[:2], lite0("pooled"), cache=tmp_path, batch=2)
    assert (second.encoder, second.digest, second.from_cache) == (first.encoder, first.digest, 2)
    assert (tmp_path / "precision.json").stat().st_mtime_ns == written


_EXTRACT_SLOWLY = """
import sys, time, pathlib
from contextlib import contextmanager
from dlcamp.vision import extract_folder, lite0
folder = pathlib.Path(sys.argv[1])
class Bar:
    def advance(self, n=1):
        (folder / "one batch is done").touch()
        time.sleep(0.05)
@contextmanager
def progress(total, what, unit):
    yield Bar()
extract_folder(folder, lite0("pooled", "float32"), cache=folder / "cache", batch=1, progress=progress)
"""


def test_after_a_kill_the_rest_is_computed_and_all_rows_are_right(tmp_path: Path, photos: Photos) -> None:
    for name, data in photos:
        (tmp_path / name).write_bytes(data)
    process = subprocess.Popen([sys.executable, "-c", _EXTRACT_SLOWLY, str(tmp_path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "one batch is done").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.12)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    resumed = extract(photos, POOLED, cache=tmp_path / "cache")
    assert 0 < resumed.from_cache < len(photos)
    # the interrupted process computed one image at a time, which may round otherwise than a batch
    np.testing.assert_allclose(resumed.array, POOLED.encode([data for _, data in photos]), rtol=0, atol=1e-5)
