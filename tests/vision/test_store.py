from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcamp.errors import StoreError
from dlcamp.vision.encoder import lite0
from dlcamp.vision.store import FeatureStore

ENCODER = lite0("pooled", "float32")


def _digests(*numbers: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in numbers]


def _rows(*numbers: int) -> np.ndarray:
    return np.repeat(np.array(numbers, np.float32)[:, None], 1280, axis=1)


def _append(store: FeatureStore, *numbers: int) -> None:
    with store.writer() as writer:
        writer.append(_digests(*numbers), _rows(*numbers))


def test_rows_come_back_by_content_and_are_mapped_in_place(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER)
    _append(store, 1, 2, 3)
    _append(store, 4)
    array = store.array(_digests(2, 3, 4))
    np.testing.assert_array_equal(array, _rows(2, 3, 4))
    assert isinstance(array, np.memmap)
    assert array.filename == store.rows_file
    assert not array.flags.writeable


def test_any_other_order_and_repeats_are_served_from_a_view_made_once(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER)
    _append(store, 1, 2, 3)
    for _ in range(2):
        array = store.array(_digests(3, 1, 1))
        np.testing.assert_array_equal(array, _rows(3, 1, 1))
        assert isinstance(array, np.memmap)
    assert len(list((store.folder / "views").iterdir())) == 1


def test_reading_creates_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "cache", ENCODER)
    assert store.index() == {}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("extra_rows", [0, 1, 1280 * 4, 1280 * 4 + 7])
@pytest.mark.parametrize("extra_index", [b"", b"half a digest"])
def test_what_a_killed_writer_left_is_never_read_and_is_overwritten(
    tmp_path: Path, extra_rows: int, extra_index: bytes
) -> None:
    store = FeatureStore(tmp_path, ENCODER)
    _append(store, 1, 2)
    for path, rest in ((store.rows_file, b"\x7f" * extra_rows), (store.index_file, extra_index)):
        with path.open("ab") as file:
            file.write(rest)
    assert list(store.index()) == _digests(1, 2)
    _append(store, 3)
    np.testing.assert_array_equal(store.array(_digests(1, 2, 3)), _rows(1, 2, 3))
    assert store.rows_file.stat().st_size == 3 * store.row_bytes


def test_an_index_that_names_more_rows_than_there_are_is_cut_to_the_whole_ones(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER)
    _append(store, 1, 2)
    with store.rows_file.open("ab") as file:
        file.truncate(store.row_bytes + 5)
    assert list(store.index()) == _digests(1)


def test_another_precision_or_dtype_is_another_folder(tmp_path: Path) -> None:
    encoders = [lite0("pooled", "float32"), lite0("pooled", "mixed_bfloat16"), lite0("pooled", "float32", "float16")]
    assert len({FeatureStore(tmp_path, encoder).folder for encoder in encoders}) == 3


def test_rows_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    with FeatureStore(tmp_path, ENCODER).writer() as writer, pytest.raises(ValueError, match="shape"):
        writer.append(_digests(1), np.zeros((1, 7)))


def test_a_cache_that_cannot_be_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(StoreError, match="cannot write the feature cache"),
        FeatureStore(tmp_path / "file", ENCODER).writer(),
    ):
        pass


def test_a_disk_that_fills_up_inside_a_row_is_a_clear_error_and_costs_only_that_row(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, ENCODER)
    _append(store, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.row_bytes * 3 // 2, hard))
    try:
        with pytest.raises(StoreError, match="cannot write the feature cache"):
            _append(store, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(store.index()) == _digests(1)
    _append(store, 2)
    np.testing.assert_array_equal(store.array(_digests(1, 2)), _rows(1, 2))


_APPEND_IN_TURNS = """
import hashlib, sys, pathlib, numpy as np
from dlcamp.vision.encoder import lite0
from dlcamp.vision.store import FeatureStore
store = FeatureStore(pathlib.Path(sys.argv[1]), lite0("pooled", "float32"))
for number in range(25):
    with store.writer() as writer:
        digest = hashlib.sha256(str(number).encode()).digest()
        if digest not in store.index():
            writer.append([digest], np.full((1, 1280), number, np.float32))
"""


def test_processes_that_write_at_once_store_every_row_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _APPEND_IN_TURNS, str(tmp_path)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    store = FeatureStore(tmp_path, ENCODER)
    np.testing.assert_array_equal(store.array(_digests(*range(25))), _rows(*range(25)))
    assert store.rows_file.stat().st_size == 25 * store.row_bytes
