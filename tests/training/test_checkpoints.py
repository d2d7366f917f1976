"""Checkpoint files: exact, whole or absent, and clear about what is wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from dlcamp.errors import StoreError
from dlcamp.training import checkpoints


class Variable:
    """A value with a name, as Keras has it."""

    def __init__(self, name: str, value: np.ndarray) -> None:
        self.name, self._value = name, value
        self.shape, self.dtype = value.shape, str(value.dtype)

    def numpy(self) -> np.ndarray:
        return self._value

    def assign(self, value: np.ndarray) -> None:
        self._value[...] = value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "training.npz"


def test_what_is_read_is_what_was_written_bit_for_bit(path: Path) -> None:
    arrays: dict[str, np.ndarray] = {
        "model/0000": np.array([0.1, np.nan, -0.0, np.inf], np.float32),
        "model/0001": np.array(5, np.int64),
        "seeds/0000": np.array([1, 2**32 - 1], np.uint32),
        "empty": np.zeros((0, 3)),
    }
    state = {"epoch": 3, "best": 0.1 + 0.2, "history": [{"train/loss": 1e-300}], "words": "ключ 猫"}
    checkpoints.write_archive(path, arrays, state)
    read, found = checkpoints.read_archive(path)
    assert found == state
    assert read.keys() == arrays.keys()
    for key, value in arrays.items():
        assert read[key].dtype == value.dtype
        assert read[key].tobytes() == value.tobytes()


def test_order_survives_packing_of_many_arrays() -> None:
    values = [np.array(i) for i in range(120)]
    assert [int(v) for v in checkpoints.unpack("model", checkpoints.pack("model", values))] == list(range(120))


def test_a_write_that_dies_before_the_move_leaves_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write_archive(path, {"a": np.array(1)}, {"epoch": 1})

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.write_archive(path, {"a": np.array(2)}, {"epoch": 2})
    monkeypatch.undo()
    assert checkpoints.read_archive(path)[1] == {"epoch": 1}
    checkpoints.write_archive(path, {"a": np.array(3)}, {"epoch": 3})
    assert checkpoints.read_archive(path)[1] == {"epoch": 3}
    assert [p.name for p in path.parent.iterdir()] == ["training.npz"]


def test_a_full_disk_is_named_and_leaves_nothing_half_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write_archive(path, {}, {"epoch": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"training\.npz: No space left"):
        checkpoints.write_archive(path, {}, {"epoch": 2})
    assert [p.name for p in path.parent.iterdir()] == ["training.npz"]
    assert checkpoints.read_archive(path)[1] == {"epoch": 1}


@pytest.mark.parametrize("keep", [0, 10, 200, -30, -1])
def test_a_file_cut_short_is_refused(path: Path, keep: int) -> None:
    checkpoints.write_archive(path, {"a": np.arange(100)}, {"epoch": 1})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match="delete it to start again"):
        checkpoints.read_archive(path)


def test_a_flipped_bit_is_noticed(path: Path) -> None:
    checkpoints.write_archive(path, {"a": np.zeros(1000)}, {"epoch": 1})
    data = bytearray(path.read_bytes())
    data[data.index(b"NUMPY") + 2000] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="no readable checkpoint"):
        checkpoints.read_archive(path)


def test_other_files_are_refused(path: Path) -> None:
    path.parent.mkdir()
    np.savez(path, a=np.zeros(3))
    with pytest.raises(StoreError, match="not a checkpoint of dlcamp"):
        checkpoints.read_archive(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(StoreError):
        checkpoints.read_archive(path.with_suffix(".npy"))
    np.savez(path, a=np.array([{}], object))
    with pytest.raises(StoreError):  # a pickle inside is never read
        checkpoints.read_archive(path)
    with pytest.raises(StoreError):
        checkpoints.read_archive(path.with_name("absent.npz"))


def test_a_checkpoint_of_another_format_says_both(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "FORMAT", "dlcamp-checkpoint-9")
    checkpoints.write_archive(path, {}, {})
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"checkpoint-9.*checkpoint-1"):
        checkpoints.read_archive(path)


def test_variables_take_back_what_they_were(path: Path) -> None:
    variables = [Variable("kernel", np.ones((2, 3), np.float32)), Variable("bias", np.zeros(3, np.float32))]
    kept = checkpoints.snapshot(variables)
    variables[0].assign(np.full((2, 3), 7))
    assert kept[0][0, 0] == 1, "a snapshot is a copy"
    checkpoints.restore(variables, kept)
    assert variables[0].numpy()[0, 0] == 1


def test_another_network_is_refused_by_the_first_variable_that_differs(path: Path) -> None:
    mine = checkpoints.signature([Variable("kernel", np.ones((2, 3), np.float32))])
    wider = checkpoints.signature([Variable("kernel", np.ones((2, 4), np.float32))])
    half = checkpoints.signature([Variable("kernel", np.ones((2, 3), np.float16))])
    checkpoints.check_signature(path, "model", mine, mine)
    for other in (wider, half, [], mine * 2):
        with pytest.raises(StoreError, match="belongs to another model"):
            checkpoints.check_signature(path, "model", mine, other)
    assert checkpoints.signature([Variable("dense_7/kernel", np.ones((2, 3), np.float32))]) == mine


def test_the_weights_hash_sees_one_bit_and_the_shape() -> None:
    class Model:
        def __init__(self, *values: np.ndarray) -> None:
            self.weights = [Variable("w", v) for v in values]

    ones = np.ones((2, 3), np.float32)
    other = ones.copy()
    other[1, 2] = np.nextafter(np.float32(1), np.float32(2))
    hashes = [checkpoints.weights_hash(Model(v)) for v in (ones, other, ones.reshape(3, 2), ones.astype(np.float64))]
    assert len(set(hashes)) == 4
    assert hashes[0] == checkpoints.weights_hash(Model(ones.copy()))
