from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from dlcamp.errors import DataError
from dlcamp.vision.torch_file import MAGIC, read_torch


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def _legacy_file(values: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """What torch.save wrote for {"w": a view of float32 values}, put together by hand."""
    storage = _tuple(_text("storage"), b"ctorch\nFloatStorage\n", _text("7"), _text("cpu"), _number(len(values)), b"N")
    arguments = _tuple(
        storage + b"Q", _number(offset), _tuple(*map(_number, shape)), _tuple(*map(_number, strides)), b"\x89", b"}"
    )
    state = b"\x80\x02}" + _text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, {"little_endian": True}))
    return head + state + pickle.dumps(["7"], 2) + struct.pack("<q", len(values)) + values.astype("<f4").tobytes()


def _write(folder: Path, data: bytes) -> Path:
    path = folder / "weights.pth"
    path.write_bytes(data)
    return path


def test_a_tensor_is_read_with_its_strides_and_offset(tmp_path: Path) -> None:
    values = np.arange(7, dtype=np.float32)
    read = read_torch(_write(tmp_path, _legacy_file(values, (3, 2), (1, 3), offset=1)))
    np.testing.assert_array_equal(read["w"], [[1, 4], [2, 5], [3, 6]])


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("place", [0, 3], ids=["first pickle", "state"])
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, place: int) -> None:
    proof = tmp_path / "it ran"
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, {})][:place]
    path = _write(tmp_path, b"".join(parts) + pickle.dumps(_Hostile(proof), 2))
    with pytest.raises(DataError, match=r"refused.*which no weights need"):
        read_torch(path)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["os\nsystem", "builtins\neval", "builtins\ngetattr", "torch\nload"])
def test_every_other_global_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="it asks for"):
        read_torch(_write(tmp_path, b"\x80\x02c" + name.encode() + b"\n."))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((4,), (2,), 0), ((6,), (1,), 1), ((2,), (-1,), 3), ((2, 2), (1,), 0), ((1 << 30,), (0,), 7)],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    path = _write(tmp_path, _legacy_file(np.zeros(6), shape, strides, offset))
    with pytest.raises(DataError, match="refused"):
        read_torch(path)


@pytest.mark.parametrize("keep", [0, 1, 10, 40, 120, -1, -30])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, keep: int) -> None:
    path = _write(tmp_path, _legacy_file(np.zeros(6), (6,), (1,))[:keep])
    with pytest.raises(DataError, match="refused"):
        read_torch(path)


@pytest.mark.parametrize("data", [b"PK\x03\x04 a zip", b"GIF89a", pickle.dumps([1, 2])])
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="refused"):
        read_torch(_write(tmp_path, data))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.pth"):
        read_torch(tmp_path / "absent.pth")
