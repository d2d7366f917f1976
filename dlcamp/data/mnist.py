"""`mnist` and `fashion_mnist`: 60,000 and 10,000 images of 28x28 pixels in ten classes; the official test is kept.

Sources: LeCun, Bottou, Bengio, Haffner 1998; Xiao, Rasul, Vollgraf 2017. Both come as `mnist.npz`, as Keras ships
it, or as the four official idx files. Validation is cut from train by a seed and 10,000 images large, as in
Srivastava et al. 2014, who then train on all 60,000 again (`train_all`).
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.data.digits import DigitSplits, Part
from dlcamp.data.unpacked import Unpacked, locate, shown
from dlcamp.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 28
CLASSES = 10
_IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_UNSIGNED_BYTE = 8  # the only kind of value these files hold, in the third byte of an idx file


@dataclass(frozen=True)
class MnistSplits(DigitSplits):
    """The parts of one cut; images `x` are (n, 784). `train` and `val` are views into `train_all`."""

    train_all: Part


class Mnist(Unpacked):
    """Handwritten digits; the files are read when a split is asked for."""

    name = "mnist"
    # images of each class in train; the files of the two sets have the same names and sizes and only this differs
    class_sizes: tuple[int, ...] = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    test_size = 10_000

    def split(self, seed: int, val: int = 10_000) -> MnistSplits:
        """50,000 / 10,000 / 10,000 images and all 60,000 of train; another seed gives another val, never another test.

        Raises:
            DataError: the files are not those of the data set, or `val` leaves no image to train on.
        """
        import numpy as np

        images, labels = self.arrays["x_train"], self.arrays["y_train"]
        if not 0 < val < len(labels):
            raise DataError(f"{self.name}: {val:,} images asked for val; train has {len(labels):,}, keep some of them")
        order = np.random.default_rng(seed).permutation(len(labels))
        whole = _part(images[order], labels[order])
        train, held = Part(whole.x[:-val], whole.y[:-val]), Part(whole.x[-val:], whole.y[-val:])
        return MnistSplits(train, held, _part(self.arrays["x_test"], self.arrays["y_test"]), whole)

    @cached_property
    def arrays(self) -> dict[str, NDArray[np.uint8]]:
        """`x_train`, `y_train`, `x_test`, `y_test` as they are stored, uint8; images are (n, 28, 28)."""
        packed = locate(self.folder, "mnist.npz")
        arrays = _read_npz(packed) if packed is not None else _read_four(self.name, self.folder)
        for part in ("train", "test"):
            _check(self.name, part, arrays[f"x_{part}"], arrays[f"y_{part}"])
        return arrays


class FashionMnist(Mnist):
    """Pictures of clothes in ten classes, in the form of MNIST."""

    name = "fashion_mnist"
    class_sizes = (6000,) * CLASSES


def examine_mnist(folder: Path) -> list[str]:
    """What an unpacked folder holds; DataError if it is not the whole of MNIST."""
    return _examine(Mnist(folder, digest=""))


def examine_fashion(folder: Path) -> list[str]:
    """What an unpacked folder holds; DataError if it is not the whole of Fashion-MNIST."""
    return _examine(FashionMnist(folder, digest=""))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped idx file of unsigned bytes; a file that is not gzipped is read as well.

    The format: two zero bytes, the kind of value, the number of dimensions, each dimension as four bytes
    (big-endian), then the values.

    Raises:
        DataError: another magic number, fewer or more values than the header says, or a damaged file.
    """
    import numpy as np

    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}\nthe file is damaged: fetch it again") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or not 1 <= data[3] <= 3:
        raise DataError(f"{path} is no idx file of bytes: it begins with {data[:4].hex(' ') or 'nothing'}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{path} ends inside its header, after {len(data)} bytes")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    if len(data) - start != math.prod(shape):
        sizes = " x ".join(f"{size:,}" for size in shape)
        raise DataError(f"{path} should hold {sizes} values and holds {len(data) - start:,}: fetch it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_npz(path: Path) -> dict[str, NDArray[np.uint8]]:
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as packed:
            return {name: packed[name] for name in _IDX}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not mnist.npz as Keras ships it: {error}\nfetch it again") from None


def _read_four(name: str, folder: Path) -> dict[str, NDArray[np.uint8]]:
    found = {key: locate(folder, f"{stem}.gz", stem) for key, stem in _IDX.items()}
    missing = [f"{_IDX[key]}.gz" for key, path in found.items() if path is None]
    if missing:
        npz = " (or mnist.npz)" if name == "mnist" else ""
        raise DataError(f"{name}: no {', '.join(missing)}{npz} in {folder}; it holds {shown(folder)}")
    return {key: read_idx(path) for key, path in found.items() if path is not None}


def _check(name: str, part: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    if images.dtype != "uint8" or labels.dtype.kind not in "iu":
        raise DataError(f"{name}: {part} holds {images.dtype} pixels and {labels.dtype} labels, not bytes")
    if images.shape != (len(labels), SIDE, SIDE) or labels.ndim != 1 or not len(labels):
        raise DataError(
            f"{name}: {part} has images {images.shape} and labels {labels.shape}; they should be n x 28 x 28"
        )
    if not 0 <= labels.min() <= labels.max() < CLASSES:
        raise DataError(f"{name}: {part} has labels from {labels.min()} to {labels.max()}; they should be 0 to 9")


def _part(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Part:
    import numpy as np

    x = images.reshape(len(images), -1).astype(np.float32)
    x /= np.float32(255)
    return Part(x, labels.astype(np.int64))


def _examine(data: Mnist) -> list[str]:
    import numpy as np

    labels = {part: data.arrays[f"y_{part}"] for part in ("train", "test")}
    for part, size in (("train", sum(data.class_sizes)), ("test", data.test_size)):
        if len(labels[part]) != size:
            raise DataError(f"{data.name}: {len(labels[part]):,} {part} images; there should be {size:,}")
    sizes = tuple(np.bincount(labels["train"], minlength=CLASSES).tolist())
    if sizes != data.class_sizes:
        other = next((one.name for one in (Mnist, FashionMnist) if one.class_sizes == sizes), "another data set")
        raise DataError(
            f"{data.name}: {sizes} images a class in train, not {data.class_sizes}: these files are {other}"
        )
    return [f"{part}: {len(found):,} images of 28x28 pixels, {CLASSES} classes" for part, found in labels.items()]
