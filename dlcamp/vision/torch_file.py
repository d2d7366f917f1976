"""Tensors out of a legacy torch file without torch and without trusting the file.

A pickle may name any callable and have it called. This reader answers to four names only, builds plain numpy
arrays from them, and checks every extent against the bytes that are there; everything else is a `DataError`.

The format (torch.save before 1.6, `_use_new_zipfile_serialization=False`): pickles of a magic number, the
protocol, facts about the machine, the object, the list of storage keys; then for each key a 64-bit count and
the raw little-endian values.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from dlcamp.errors import DataError

MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass
class _Storage:
    """A block of values that follows the pickles; `values` stays empty until it is read."""

    dtype: np.dtype
    count: int
    values: np.ndarray | None = None


@dataclass(frozen=True)
class _Tensor:
    """A view into a storage; offset and strides count values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The values as a contiguous array; the extent is checked before any memory is looked at."""
        numbers = (self.offset, *self.shape, *self.strides)
        if len(self.shape) != len(self.strides) or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError("a tensor has an impossible shape")
        last = self.offset + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        if self.storage.values is None or 0 in self.shape or last >= self.storage.count:
            raise ValueError("a tensor reaches beyond its storage")
        byte_strides = [stride * self.storage.dtype.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(self.storage.values[self.offset :], self.shape, byte_strides)
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_ignored: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Restricted(pickle.Unpickler):
    """Resolves four names, none of which can do harm, and refuses every other."""

    def __init__(self, file: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or view is not None or dtype not in _STORAGES.values() or type(count) is not int:
            raise pickle.UnpicklingError("a storage of an unknown kind")
        return self._storages.setdefault(str(key), _Storage(dtype, count))


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a legacy torch state dict by name.

    Raises:
        DataError: it is not such a file, is damaged, or holds anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
    # A damaged pickle raises nearly anything; none of it is a bug of the caller.
    except (
        pickle.UnpicklingError,
        struct.error,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        EOFError,
        AttributeError,
        ImportError,
        OverflowError,
        MemoryError,
        RecursionError,
    ) as error:
        raise DataError(
            f"refused to read the weights {path}: {error or type(error).__name__}\n"
            "install the package of the weights again; never load such a file with pickle"
        ) from error


def _read(file: IO[bytes], size: int) -> dict[str, np.ndarray]:
    storages: dict[str, _Storage] = {}
    if _Restricted(file, {}).load() != MAGIC:
        raise ValueError("it is not a legacy torch file")
    _protocol, _machine = _Restricted(file, {}).load(), _Restricted(file, {}).load()
    state = _Restricted(file, storages).load()
    for key in _Restricted(file, {}).load():
        _fill(file, storages[key], size)
    if not isinstance(state, dict) or not all(isinstance(tensor, _Tensor) for tensor in state.values()):
        raise ValueError("it holds something that is not a tensor")
    return {str(name): tensor.array() for name, tensor in state.items()}


def _fill(file: IO[bytes], storage: _Storage, size: int) -> None:
    (count,) = struct.unpack("<q", file.read(8))
    if count != storage.count or not 0 <= count * storage.dtype.itemsize <= size - file.tell():
        raise ValueError("it ends too early")
    storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
