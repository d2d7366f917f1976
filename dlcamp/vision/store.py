"""Features on disk by the content of the image: append-only, memory-mapped, whole after any kill.

A folder belongs to one encoder key. `rows.bin` holds raw rows, `index.bin` the sha256 of the image behind each.
An index entry is written after its row is on disk, so what the index names is always whole; a longer rows file or
a part of an entry is the trace of a killed writer, is never read, and is cut off by the next writer. Writers take
turns by a file lock, which the system frees when its holder dies; readers need no lock.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock

from dlcamp.errors import StoreError
from dlcamp.vision.encoder import Encoder

DIGEST_BYTES = 32
_CHUNK_BYTES = 1 << 24


class FeatureStore:
    """The rows of one encoder under a cache folder; nothing is created before the first write."""

    def __init__(self, cache: Path, encoder: Encoder) -> None:
        turned = "-mirrored" if encoder.mirror else ""
        name = f"{encoder.name}-{encoder.output}-{encoder.precision}-{encoder.dtype}{turned}-{encoder.key[:12]}"
        self.folder = cache / name
        self.encoder = encoder
        self.dtype = np.dtype(encoder.dtype)
        self.row_bytes = int(np.prod(encoder.shape)) * self.dtype.itemsize

    @property
    def rows_file(self) -> Path:
        return self.folder / "rows.bin"

    @property
    def index_file(self) -> Path:
        return self.folder / "index.bin"

    def index(self) -> dict[bytes, int]:
        """Row number by the sha256 of the image, of every whole row."""
        try:
            entries = self.index_file.read_bytes()
            whole = min(len(entries) // DIGEST_BYTES, self.rows_file.stat().st_size // self.row_bytes)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self.error("read", error) from error
        return {entries[DIGEST_BYTES * row : DIGEST_BYTES * (row + 1)]: row for row in range(whole)}

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Exclusive access for appending; waits for another writer, and clears what a killed one left.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
        """
        with ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(FileLock(self.folder / "lock"))
                self._describe()
                whole = len(self.index())
                rows = held.enter_context(_open_at(self.rows_file, whole * self.row_bytes))
                index = held.enter_context(_open_at(self.index_file, whole * DIGEST_BYTES))
            except OSError as error:
                raise self.error("write", error) from error
            yield Writer(self, rows.fileno(), index.fileno())

    def array(self, digests: Sequence[bytes]) -> np.ndarray:
        """Rows of these images in this order, memory-mapped and read-only.

        Rows that lie one after the other are mapped where they are; any other order is written once as a file
        of its own under `views/`.

        Raises:
            KeyError: an image has no row.
        """
        index = self.index()
        rows = np.array([index[digest] for digest in digests], dtype=np.int64)
        shape = (len(rows), *self.encoder.shape)
        if not len(rows):
            return np.empty(shape, self.dtype)
        if np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            offset = int(rows[0]) * self.row_bytes
            return np.memmap(self.rows_file, self.dtype, "r", offset, shape)
        return np.memmap(self._view(rows, hashlib.sha256(b"".join(digests)).hexdigest()), self.dtype, "r", 0, shape)

    def _view(self, rows: np.ndarray, name: str) -> Path:
        path = self.folder / "views" / f"{name[:32]}.bin"
        if path.exists() and path.stat().st_size == len(rows) * self.row_bytes:
            return path
        source = np.memmap(self.rows_file, np.uint8, "r", 0, (int(rows.max()) + 1, self.row_bytes))
        step = max(1, _CHUNK_BYTES // self.row_bytes)
        try:
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            try:
                with part.open("wb") as file:
                    for start in range(0, len(rows), step):
                        file.write(source[rows[start : start + step]].data)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise self.error("write", error) from error
        return path

    def _describe(self) -> None:
        path = self.folder / "encoder.json"
        if not path.exists():
            path.write_text(json.dumps(self.encoder.describe(), indent=1) + "\n")

    def error(self, act: str, error: OSError) -> StoreError:
        """What the system's error means for the user."""
        return StoreError(
            f"cannot {act} the feature cache {self.folder}: {error.strerror or error}\n"
            "what was stored before is kept; free some space or name another folder"
        )


class Writer:
    """Appends to a store whose lock is held."""

    def __init__(self, store: FeatureStore, rows: int, index: int) -> None:
        self._store, self._rows, self._index = store, rows, index

    def append(self, digests: Sequence[bytes], rows: np.ndarray) -> None:
        """Store rows (n, *shape) for n images; on return they survive a power cut."""
        expected = (len(digests), *self._store.encoder.shape)
        if rows.shape != expected:
            raise ValueError(f"rows of shape {rows.shape} for {expected}")
        try:
            _write_all(self._rows, np.ascontiguousarray(rows, self._store.dtype).tobytes())
            os.fsync(self._rows)
            _write_all(self._index, b"".join(digests))
            os.fsync(self._index)
        except OSError as error:
            raise self._store.error("write", error) from error


@contextmanager
def _open_at(path: Path, size: int) -> Iterator:
    """A file cut to a size and open for appending, unbuffered."""
    with path.open("ab", buffering=0) as file:
        file.truncate(size)
        yield file


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
