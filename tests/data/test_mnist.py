"""MNIST and Fashion-MNIST from either form of their files, read strictly."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcamp.data.catalog import entry
from dlcamp.data.mnist import FashionMnist, Mnist, examine_fashion, examine_mnist, read_idx
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY
from dlcamp.references import follow

SHARED = REPOSITORY.parent / "shared" / "data"
FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def arrays() -> dict[str, Any]:
    """Forty images to train on and ten to test on; the first pixel of each is its number."""
    found = {}
    for split, size in (("train", 40), ("test", 10)):
        images = np.random.default_rng(size).integers(0, 256, (size, 28, 28), dtype=np.uint8)
        images[:, 0, 0] = range(size)
        found |= {f"x_{split}": images, f"y_{split}": np.arange(size, dtype=np.uint8) % 10}
    return found


def idx(values: Any) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_idx(folder: Path, packed: bool = True) -> Path:
    for key, name in FILES.items():
        data = idx(arrays()[key])
        (folder / (name if packed else name[:-3])).write_bytes(gzip.compress(data) if packed else data)
    return folder


def write_npz(folder: Path, **changed: Any) -> Path:
    np.savez(folder / "mnist.npz", **(arrays() | changed))
    return folder


def numbers(part: Any) -> list[int]:
    return [round(float(value) * 255) for value in part.x[:, 0]]


def test_val_is_cut_from_train_by_the_seed_and_test_is_kept(tmp_path: Path) -> None:
    data = Mnist(write_npz(tmp_path))
    cut = data.split(0, val=10)
    assert [len(part.y) for part in (cut.train, cut.val, cut.test, cut.train_all)] == [30, 10, 10, 40]
    assert sorted(numbers(cut.train) + numbers(cut.val)) == sorted(numbers(cut.train_all)) == list(range(40))
    assert numbers(cut.test) == list(range(10))
    assert [number % 10 for number in numbers(cut.train)] == cut.train.y.tolist()
    assert numbers(data.split(0, val=10).val) == numbers(cut.val)
    assert numbers(data.split(1, val=10).val) != numbers(cut.val)
    assert numbers(data.split(1, val=10).test) == numbers(cut.test)


def test_pixels_are_float32_from_0_to_1_and_labels_int64(tmp_path: Path) -> None:
    cut = Mnist(write_npz(tmp_path)).split(0, val=10)
    for part in (cut.train, cut.val, cut.test, cut.train_all):
        assert part.x.dtype == np.float32
        assert part.y.dtype == np.int64
        assert part.x.shape == (len(part.y), 784)
        assert 0 <= part.x.min() < part.x.max() <= 1
    expected = arrays()["x_test"].reshape(10, 784) / np.float32(255)
    assert (cut.test.x == expected).all()


@pytest.mark.parametrize("packed", [True, False])
def test_the_four_idx_files_give_the_same_as_the_npz(tmp_path: Path, packed: bool) -> None:
    (tmp_path / "idx").mkdir()
    data = FashionMnist(write_idx(tmp_path / "idx", packed))
    assert data.name == "fashion_mnist"
    for key, values in Mnist(write_npz(tmp_path)).arrays.items():
        assert (data.arrays[key] == values).all()


@pytest.mark.parametrize("val", [0, -1, 40, 10_000])
def test_val_must_leave_images_to_train_on(tmp_path: Path, val: int) -> None:
    with pytest.raises(DataError, match=r"train has 40"):
        Mnist(write_npz(tmp_path)).split(0, val=val)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "begins with nothing"),
        (lambda data: b"<html>", "begins with 3c 68 74 6d"),
        (lambda data: b"\0\0\x0d\x03" + data[4:], "no idx file of bytes"),
        (lambda data: data[:7], "ends inside its header"),
        (lambda data: data[:-1], "should hold 10 x 28 x 28 values and holds 7,839"),
        (lambda data: data + b"\0", "holds 7,841"),
        (lambda data: gzip.compress(data)[:-9], "damaged"),
        (lambda data: gzip.compress(data)[:40] + b"\xff" * 40 + gzip.compress(data)[80:], "damaged"),
    ],
)
def test_a_damaged_idx_file_is_an_error_that_names_it(tmp_path: Path, damage: Any, message: str) -> None:
    path = tmp_path / FILES["x_test"]
    path.write_bytes(damage(idx(arrays()["x_test"])))
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_train": np.zeros(39, np.uint8)}, "should be n x 28 x 28"),
        ({"x_test": np.zeros((10, 784), np.uint8)}, "should be n x 28 x 28"),
        ({"y_test": np.full(10, 10, np.uint8)}, "should be 0 to 9"),
        ({"x_train": np.zeros((40, 28, 28), np.float64)}, "float64 pixels"),
        ({"x_train": np.array([object()] * 40)}, "not mnist.npz"),
    ],
)
def test_arrays_of_another_shape_or_kind_are_refused(tmp_path: Path, changed: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Mnist(write_npz(tmp_path, **changed)).split(0, val=10)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"<html>"])
def test_a_damaged_npz_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"not mnist.npz as Keras ships it"):
        Mnist(tmp_path).split(0)


def test_an_npz_without_one_of_the_arrays_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=arrays()["x_train"])
    with pytest.raises(DataError, match=r"y_train"):
        Mnist(tmp_path).split(0)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    (write_idx(tmp_path) / FILES["y_test"]).unlink()
    with pytest.raises(DataError, match=r"no t10k-labels-idx1-ubyte.gz in "):
        FashionMnist(tmp_path).split(0)


def test_examining_wants_the_whole_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path)
    with pytest.raises(DataError, match=r"40 train images; there should be 60,000"):
        examine_fashion(tmp_path)
    monkeypatch.setattr(FashionMnist, "class_sizes", (4,) * 10)
    with pytest.raises(DataError, match=r"10 test images; there should be 10,000"):
        examine_fashion(tmp_path)
    monkeypatch.setattr(Mnist, "test_size", 10)
    assert examine_fashion(tmp_path)[1] == "test: 10 images of 28x28 pixels, 10 classes"


def test_files_of_the_other_data_set_under_the_same_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path)
    monkeypatch.setattr(Mnist, "class_sizes", (3, 5, 4, 4, 4, 4, 4, 4, 4, 4))
    monkeypatch.setattr(Mnist, "test_size", 10)
    monkeypatch.setattr(FashionMnist, "class_sizes", (4,) * 10)
    with pytest.raises(DataError, match=r"mnist: .* these files are fashion_mnist"):
        examine_mnist(tmp_path)


def test_the_catalogue_examines_each_of_the_two_as_itself() -> None:
    assert follow(str(entry("mnist").examine)) is examine_mnist
    assert follow(str(entry("fashion_mnist").examine)) is examine_fashion
    assert (entry("mnist").source, entry("fashion_mnist").source) == (
        "dlcamp.data.mnist:Mnist",
        "dlcamp.data.mnist:FashionMnist",
    )


@pytest.mark.real_data
def test_the_real_mnist_has_the_known_counts(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    shutil.copyfile(SHARED / "mnist.npz", tmp_path / "mnist.npz")
    assert examine_mnist(tmp_path) == [
        "train: 60,000 images of 28x28 pixels, 10 classes",
        "test: 10,000 images of 28x28 pixels, 10 classes",
    ]
    cut = Mnist(tmp_path).split(0)
    assert [part.x.shape for part in (cut.train, cut.val, cut.test)] == [(50_000, 784), (10_000, 784), (10_000, 784)]
    assert cut.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.shares_memory(cut.train.x, cut.train_all.x)
