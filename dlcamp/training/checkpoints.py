"""Exact checkpoints: what is loaded is, bit for bit, what was saved, or a clear error.

A checkpoint is one file, `<name>.npz`: named arrays, and beside them a JSON text (`state.json` in spirit, stored
as bytes) with the format's version, the dtype and shape of every variable and whatever the caller keeps (epoch,
history, early stopping). No pickle is written or read. The file appears whole or not at all: it is written beside
its place, synced, and moved over the old one, so a kill at any moment leaves the old checkpoint or the new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dlcamp.errors import StoreError

FORMAT = "dlcamp-checkpoint-1"
_STATE = "state"


class Variable(Protocol):
    """The part of a Keras variable that a checkpoint needs."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> Sequence[int]: ...

    @property
    def dtype(self) -> Any: ...

    def numpy(self) -> np.ndarray: ...

    def assign(self, value: Any) -> Any: ...


def write_archive(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """Write arrays and a JSON-able state as one file, atomically.

    Raises:
        StoreError: the folder cannot be written, or the disk is full; the old file stays as it was.
    """
    text = json.dumps({"format": FORMAT, "state": state}, allow_nan=True)
    draft = path.with_name(path.name + ".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **{**arrays, _STATE: np.frombuffer(text.encode(), np.uint8)})
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}\nfree space or permission is needed"
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make the move itself durable (POSIX: the folder is synced; elsewhere opening it fails, and it is skipped)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_archive(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_archive` wrote: arrays and state.

    Raises:
        StoreError: the file is missing, damaged, or something else than a checkpoint of this format.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError, AttributeError, TypeError) as error:
        raise StoreError(f"{path} is no readable checkpoint ({error})\ndelete it to start again") from error
    try:
        content = json.loads(arrays.pop(_STATE).tobytes().decode())
        found = content["format"]
        state = content["state"]
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is an array file, not a checkpoint of dlcamp\ndelete it to start again") from error
    if found != FORMAT:
        raise StoreError(f"{path} has format {found!r}, this version reads {FORMAT!r}\ndelete it to start again")
    return arrays, state


def snapshot(variables: Sequence[Variable]) -> list[np.ndarray]:
    """Copies of the variables' values, in order."""
    return [np.array(variable.numpy()) for variable in variables]


def restore(variables: Sequence[Variable], values: Sequence[np.ndarray]) -> None:
    """Assign `values` (of a `snapshot`) back, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def pack(group: str, values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Archive names for a list of arrays: `group/0000`, `group/0001`, ..."""
    return {f"{group}/{index:04d}": value for index, value in enumerate(values)}


def unpack(group: str, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The arrays that `pack` named, in order."""
    return [arrays[key] for key in sorted(arrays) if key.startswith(f"{group}/")]


def signature(variables: Sequence[Variable]) -> list[list[Any]]:
    """Name, shape and dtype of each variable: what must agree before values are assigned.

    Names are the last part only, without numbers ("kernel", "dense_kernel_momentum"): Keras counts layers of one
    kind per process, so full names differ between a first and a second network of one process.
    """
    return [[_uncounted(v.name), [int(n) for n in v.shape], str(np.dtype(_plain(v.dtype)))] for v in variables]


def _uncounted(name: str) -> str:
    return re.sub(r"_\d+(?=_|$)", "", name.split("/")[-1])


def _plain(dtype: Any) -> Any:
    return getattr(dtype, "as_numpy_dtype", dtype)


def check_signature(path: Path, what: str, expected: list[list[Any]], found: list[list[Any]]) -> None:
    """Refuse a checkpoint of another network or optimiser.

    Raises:
        StoreError: naming the first variable that differs.
    """
    if expected == found:
        return
    pairs = zip(expected, found, strict=False)
    different = next(((a, b) for a, b in pairs if a != b), (f"{len(expected)} variables", f"{len(found)} variables"))
    raise StoreError(
        f"{path} belongs to another {what}: asked for {different[0]}, the file holds {different[1]}\n"
        "resume with the config it was written with, or delete it to start again"
    )


def weights_hash(model: Any) -> str:
    """SHA-256 over shape, dtype and bytes of a Keras model's weights, in order (seed-generator states left out)."""
    digest = hashlib.sha256()
    for value in snapshot(model.weights):
        digest.update(f"{value.shape}{value.dtype.str}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
