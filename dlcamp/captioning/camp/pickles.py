"""The course's files, read without trusting them: `features.pkl` and `tokenizer.pkl`.

    features.pkl    dict of image -> float32 (1, 4096), the output of VGG's layer fc2; images are named by their file's
                    name up to the first point
    tokenizer.pkl   a fitted `Tokenizer` of Keras, of any of the modules it has lived in

Both are read as data (`pickle_data`): nothing in them is imported or called, and arrays are built from bytes whose
number has been checked. `pickle.load` would run whatever such a file asks for.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcamp.captioning.camp.pickle_data import DAMAGE, Built, Name, load_data
from dlcamp.captioning.camp.tokenizer import FILTERS, CampTokenizer
from dlcamp.errors import DataError, StoreError

WIDTH = 4096
"""Values of VGG's fc2."""

MAX_LENGTH = 40
"""The course's `max_length` on Flickr8k; `tokenizer.pkl` does not hold it."""

_LARGEST = 4 << 30  # bytes; the features of 120,000 images take half of it

_ARRAY_NAMES = {
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
_TOKENIZERS = {
    (f"{home}preprocessing.text", "Tokenizer")
    for home in (
        "keras.", "keras_", "keras.src.", "keras.src.legacy.", "tensorflow.python.keras.", "tensorflow.keras.",
        "tensorflow_core.python.keras.", "tf_keras.src.", "tf_keras.",
    )
} | {("keras_preprocessing.text", "Tokenizer")}  # fmt: skip
_TOKENIZER_NAMES = _TOKENIZERS | {
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    *((copy, "_reconstructor") for copy in ("copyreg", "copy_reg")),
    *((builtins, name) for builtins in ("builtins", "__builtin__") for name in ("int", "long", "object")),
}
_SETTINGS = {
    "filters": FILTERS,
    "lower": True,
    "split": " ",
    "char_level": False,
    "num_words": None,
    "oov_token": None,
    "analyzer": None,
}


def read_features(path: Path) -> tuple[list[str], np.ndarray]:
    """The course's `features.pkl`: names of the images in the file's order, and float32 (images, 4096).

    Raises:
        DataError: it is damaged or hostile, or holds something else; 1,000 values an image are explained.
    """
    data = _bytes_of(path)
    with _refusals(path, "features"):
        found = load_data(data, _ARRAY_NAMES)
        if type(found) is not dict or not found or not all(type(key) is str for key in found):
            raise ValueError("it is no dict of an image's name -> its array")
        arrays: dict[str, np.ndarray] = {}
        left = len(data)
        for key, value in found.items():
            arrays[key] = _flat(f"image {key[:80]!r}", value)
            left -= arrays[key].nbytes
            if left < 0:
                raise ValueError("one array stands for many images, which no extraction gives")
    _check_widths(path, {key: len(array) for key, array in arrays.items()})
    features = np.stack(list(arrays.values())).astype(np.float32, copy=False)
    wrong = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(wrong):
        names = list(arrays)
        raise DataError(
            f"{path}: {len(wrong)} of {len(names)} images have values that are no numbers, the first is "
            f"{names[wrong[0]]!r}\nextract the features again"
        )
    return list(arrays), features


def key_of(image: str) -> str:
    """What the course's file calls an image: the name of its file up to the first point."""
    return image.rpartition("/")[2].split(".")[0]


def write_features(path: Path, ids: Sequence[str], features: np.ndarray) -> None:
    """Write features (images, values) as the course's file, which `pickle.load` reads with any version of NumPy.

    The key of an image is its file's name up to the first point. The file appears whole or not at all.

    Raises:
        DataError: rows and ids do not fit together, or two ids give one key.
        StoreError: the file cannot be written.
    """
    keys = [key_of(name) for name in ids]
    if features.ndim != 2 or len(features) != len(keys):
        raise DataError(f"{len(keys)} images need {len(keys)} rows of features, got an array of {features.shape}")
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"two images would have the key {twice!r} in {path}: their names differ after the first point")
    named = {key: np.array(row[None], np.float32) for key, row in zip(keys, features, strict=True)}
    # NumPy 2 writes its new name of the module, which NumPy 1 does not know; both know the old one. In protocol 3 a
    # name is a line of text, written once and then pointed to.
    content = pickle.dumps(named, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
    draft = path.with_name(path.name + ".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}\nfree space or permission is needed"
        ) from error


def read_tokenizer(path: Path, max_length: int = MAX_LENGTH) -> CampTokenizer:
    """The course's `tokenizer.pkl`.

    Args:
        max_length: longest training caption, marks counted, which the file does not hold.

    Raises:
        DataError: it is damaged or hostile, or a tokenizer with other rules than the course's.
    """
    with _refusals(path, "a tokenizer"):
        state = _tokenizer_state(load_data(_bytes_of(path), _TOKENIZER_NAMES))
        other = {key: state[key] for key, value in _SETTINGS.items() if key in state and not _same(state[key], value)}
        index = state["word_index"]
        if type(index) is not dict or not all(type(word) is str for word in index):
            raise ValueError("its word_index is no dict of word -> number")
        if sorted(number for number in index.values() if type(number) is int) != list(range(1, len(index) + 1)):
            raise ValueError("its words are not numbered 1, 2, 3, ...")
    if other:
        has = ", ".join(f"{key}={_shown(value)}" for key, value in other.items())
        wanted = ", ".join(f"{key}={_SETTINGS[key]!r}" for key in other)
        raise DataError(f"{path} is a tokenizer with {has}; the course's has {wanted}\nfit it again with Tokenizer()")
    try:
        return CampTokenizer(tuple(sorted(index, key=index.__getitem__)), max_length)
    except DataError as error:
        raise DataError(f"{path} is no tokenizer of the course's: {error}") from error


def _same(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and found == expected


def _shown(value: Any) -> str:
    return f"{value!r:.60}" if type(value) in (str, int, float, bool) else f"a {type(value).__name__}"


def _bytes_of(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise DataError(f"{path} has {size:,} bytes, more than any file of the course")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _refusals(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise DataError(
            f"refused to read {path} as {what}: {error or type(error).__name__}\n"
            "make the file again, and never open one from elsewhere with pickle"
        ) from error


def _tokenizer_state(value: Any) -> dict[Any, Any]:
    """The attributes of a pickled tokenizer, whichever protocol wrote it."""
    if not isinstance(value, Built):
        raise ValueError("it holds no Tokenizer")
    made = value.arguments[0] if value.name.name == "_reconstructor" and value.arguments else value.name
    if not isinstance(made, Name) or (made.module, made.name) not in _TOKENIZERS or type(value.state) is not dict:
        raise ValueError("it holds no Tokenizer")
    return value.state


def _flat(image: str, value: Any) -> np.ndarray:
    """The values of one image, (values,), from an array of (values,) or (1, values)."""
    if not isinstance(value, Built):
        raise ValueError(f"{image} has a {type(value).__name__} in the place of an array")
    match value.name.name, value.arguments, value.state:
        case "_reconstruct", _, (int(), tuple(shape), dtype, bool(), raw):
            pass
        case "_frombuffer", (raw, dtype, tuple(shape), str()), None:
            pass
        case _:
            raise ValueError(f"{image} has no array that NumPy wrote")
    float32 = _float32(image, dtype)
    values = np.frombuffer(_raw(raw), float32)
    told = f"shape {shape}" if len(shape) < 5 and all(type(n) is int for n in shape) else "no possible shape"
    if told not in (f"shape ({len(values)},)", f"shape (1, {len(values)})"):
        raise ValueError(f"{image} has {len(values)} values in an array of {told}; shape (1, {WIDTH}) is right")
    return values


def _float32(image: str, dtype: Any) -> np.dtype:
    match dtype:
        case Built(name=Name(name="dtype"), arguments=("f4", *_), state=(_, "<" | ">" as order, *_)):
            return np.dtype(f"{order}f4")
        case Built(name=Name(name="dtype"), arguments=(str(code), *_)):
            told = {"O8": "Python objects", "f8": "float64", "f2": "float16"}.get(code, f"type {code:.10}")
            raise ValueError(f"{image} has values of {told}; the course's are float32")
    raise ValueError(f"{image} has values of no known type")


def _raw(value: Any) -> bytes | bytearray:
    """Bytes as protocols from 3 on hold them, or as the text that protocols 0 to 2 make of them."""
    match value:
        case bytes() | bytearray():
            return value
        case Built(name=Name(module="_codecs"), arguments=(str(text), "latin1" | "latin-1")):
            return text.encode("latin1")
    raise ValueError("an array's values are no bytes")


def _check_widths(path: Path, widths: dict[str, int]) -> None:
    kinds = set(widths.values())
    if kinds == {1000}:
        raise DataError(
            f"{path} holds 1,000 values an image: VGG's class probabilities, not the 4,096 values of its layer fc2\n"
            "under Keras 3 the course's `model.layers.pop()` drops nothing, so the softmax's output was saved\n"
            "extract again with keras.Model(model.input, model.layers[-2].output)"
        )
    if kinds != {WIDTH}:
        example = {width: next(key for key in widths if widths[key] == width) for width in sorted(kinds)[:3]}
        told = ", ".join(f"{width:,} ({key!r})" for width, key in example.items())
        mixed = "different numbers of values an image" if len(kinds) > 1 else "another number of values an image"
        raise DataError(f"{path} holds {mixed}: {told}; VGG's fc2 has {WIDTH:,}\nextract the features of one network")
