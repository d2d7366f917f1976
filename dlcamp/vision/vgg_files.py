"""Weights of a VGG out of the files Keras has written over the years, by layer name, without running anything.

.weights.h5 of Keras 3, .h5 weights of older ones, .keras and .h5 whole models, and the exported pair of json and h5.
What a file says of its architecture (the json beside it, or inside) is compared first; then every kernel and bias is
checked for its shape before it is read, and for finite values after.
"""

from __future__ import annotations

import contextlib
import math
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from dlcamp.errors import DataError
from dlcamp.vision import vgg_json
from dlcamp.vision.scales import Output
from dlcamp.vision.vgg_table import CONFIGURATIONS, configuration
from dlcamp.vision.vgg_weights import description_of

if TYPE_CHECKING:
    import keras

_MAX_BYTES = 4 << 30  # of weights inside an archive: seven times a VGG19
_INNER = "model.weights.h5"


class Weights(NamedTuple):
    """The arrays of one layer, not read yet."""

    layer: str
    kernel: h5py.Dataset
    bias: h5py.Dataset | None


@dataclass(frozen=True)
class _Content:
    """A file of weights, open: its arrays, and the layers its own description names (None without one)."""

    source: Path
    file: h5py.File
    layers: list[vgg_json.Layer] | None


def load_vgg(model: keras.Model, path: Path, name: str, output: Output) -> None:
    """Assign every variable of a model of `vgg`.

    Args:
        model: with the layer names of `vgg(name, output)`.
        path: what `vgg_weights.locate` gave.
        name: the configuration.
        output: where the model ends; the file need not hold what comes behind it.

    Raises:
        DataError: the file is damaged, or holds something else; the message says what.
    """
    for layer, kernel, bias in read_vgg(path, name, output):
        variables = model.get_layer(layer)
        variables.kernel.assign(kernel)
        variables.bias.assign(bias)


def read_vgg(path: Path, name: str, output: Output) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Layer name, kernel and bias in float32, one layer at a time so that only one is in memory."""
    row = configuration(name)
    with _opened(path) as content:
        if content.layers is not None:
            vgg_json.check(content.layers, name, output, str(path))
        stored = _ordered(content)
        wanted = row.kernel_shapes(output)
        for (layer, shape), weights in zip(wanted.items(), _matched(stored, wanted, name, path), strict=True):
            yield layer, _values(weights.kernel, shape, path), _values(weights.bias, shape[-1:], path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_Content]:
    try:
        with contextlib.ExitStack() as held:
            text: str | bytes | None
            if path.suffix.lower() == ".keras":
                text, source = _inside_archive(path, held)
                file = held.enter_context(h5py.File(source, "r"))
            else:
                file = held.enter_context(h5py.File(path, "r"))
                text = _description(path, file)
            layers = None if text is None else vgg_json.read_layers(text, str(path))
            yield _Content(path, file, layers)
    except (OSError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # h5py's own words; the first line says it
        reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"cannot read the weights {path} ({path.stat().st_size if path.exists() else 0:,} bytes): {reason}\n"
            "the file is damaged or of another kind: get it again"
        ) from error


def _description(path: Path, file: h5py.File) -> str | bytes | None:
    """What the file itself says of its net, else the json beside it."""
    inner = file.attrs.get("model_config")
    if inner is not None:
        return inner if isinstance(inner, (str, bytes)) else str(inner)
    beside = description_of(path)
    if beside is None:
        return None
    if beside.stat().st_size > vgg_json.MAX_BYTES:
        raise ValueError(f"{beside.name} is too large to describe a net")
    return beside.read_bytes()


def _inside_archive(path: Path, held: contextlib.ExitStack) -> tuple[bytes, IO[bytes]]:
    archive = held.enter_context(zipfile.ZipFile(path))
    config, weights = archive.getinfo("config.json"), archive.getinfo(_INNER)
    if config.file_size > vgg_json.MAX_BYTES or weights.file_size > _MAX_BYTES:
        raise ValueError("it is larger than any VGG")
    inner: Any = held.enter_context(archive.open(weights))
    if weights.compress_type != zipfile.ZIP_STORED:
        # seeking back in compressed data reads it from the start
        unpacked: Any = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        shutil.copyfileobj(inner, unpacked, 1 << 20)
        inner = unpacked
    return archive.read(config), inner


def _ordered(content: _Content) -> list[Weights]:
    """Layers with weights: convolutions before dense layers, in the order of the net as far as the file tells it."""
    found = _layers(content.file)
    names = [_text(name) for name in _root(content.file).attrs.get("layer_names", [])]
    places = {name: place for place, name in enumerate(names)}

    def place(weights: Weights) -> tuple[Any, ...]:
        digits = [int(part) for part in re.findall(r"\d+", weights.kernel.name)]
        return (-weights.kernel.ndim, places.get(weights.layer, len(places)), digits)

    return sorted(found, key=place)


def _root(file: h5py.File) -> h5py.Group:
    # a link may lead to another file, which no digest covers
    if not isinstance(file.get("model_weights", getlink=True), h5py.HardLink):
        return file
    inner = file["model_weights"]
    return inner if isinstance(inner, h5py.Group) else file


def _layers(file: h5py.File) -> list[Weights]:
    """Kernel and bias of every layer; an array's rank says which it is. Links out of the file are not followed."""
    arrays: dict[str, list[h5py.Dataset]] = {}

    def note(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and "optimizer" not in path.split("/")[0]:
            arrays.setdefault(path.rpartition("/")[0], []).append(item)

    _root(file).visititems(note)
    tops = Counter(group.split("/")[0] for group in arrays)
    found = []
    for group, datasets in arrays.items():
        kernels = [one for one in datasets if one.ndim in (2, 4)]
        biases = [one for one in datasets if one.ndim == 1]
        if len(kernels) != 1 or len(biases) > 1 or len(datasets) > 2:
            shapes = ", ".join(str(one.shape) for one in datasets)
            raise ValueError(f"the group {group!r} holds arrays of the shapes {shapes}, not a kernel and a bias")
        found.append(Weights(_layer_name(group, tops, file), kernels[0], biases[0] if biases else None))
    return found


def _layer_name(group: str, tops: Counter[str], file: h5py.File) -> str:
    parts = group.split("/")
    if parts[-1] == "vars":  # Keras 3: layers/conv2d_1/vars, which knows its layer's name
        return _text(file[group].attrs.get("name", parts[-2] if len(parts) > 1 else ""))
    # Older: the layer is the first group; in a model inside a model that is the inner model, and the layer the last.
    return parts[0] if tops[parts[0]] == 1 else parts[-1]


def _matched(stored: Sequence[Weights], wanted: dict[str, tuple[int, ...]], name: str, path: Path) -> list[Weights]:
    """The stored layer for every wanted one: by name, or by place where the file calls its layers otherwise."""
    row = configuration(name)
    by_name = {weights.layer: weights for weights in stored}
    full = row.kernel_shapes()
    if wanted.keys() <= by_name.keys() <= full.keys():
        chosen = [by_name[layer] for layer in wanted]
    elif len(wanted) <= len(stored) <= len(full) and not (by_name.keys() & full.keys()):
        chosen = list(stored[: len(wanted)])
    else:
        raise _unlike(stored, wanted, name, path)
    for weights, shape in zip(chosen, wanted.values(), strict=True):
        if weights.kernel.shape != shape or weights.bias is None or weights.bias.shape != shape[-1:]:
            raise _unlike(stored, wanted, name, path, weights, shape)
    return chosen


def _unlike(
    stored: Sequence[Weights],
    wanted: dict[str, tuple[int, ...]],
    name: str,
    path: Path,
    weights: Weights | None = None,
    shape: tuple[int, ...] = (),
) -> DataError:
    title, last = configuration(name).title, list(wanted)[-1]
    if weights is None:
        missing = [layer for layer in wanted if layer not in {one.layer for one in stored}]
        differs = f"; it lacks {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}" if missing else ""
    else:
        bias = "none" if weights.bias is None else str(weights.bias.shape)
        differs = f"; {weights.layer} has the kernel {weights.kernel.shape} and the bias {bias}"
        differs += f", expected {shape} and {shape[-1:]}"
    return DataError(
        f"the weights {path} do not fit {title}: asked for block1_conv1 to {last} ({len(wanted)} layers), "
        f"got {_recognised(stored)}{differs}\n"
        f"name weights of {title}, with its dense layers unless only the map is wanted"
    )


def _recognised(stored: Sequence[Weights]) -> str:
    """What the weights of a file look like, in words."""
    shapes = [weights.kernel.shape for weights in stored]
    for row in CONFIGURATIONS.values():
        full = list(row.kernel_shapes().values())
        if shapes == full:
            return f"all layers of {row.title}"
        if shapes == list(row.kernel_shapes("map").values()):
            return f"{row.title} without its dense layers (a 'notop' file)"
    convolutions = sum(len(shape) == 4 for shape in shapes)
    parameters = sum(math.prod(shape) + shape[-1] for shape in shapes)
    return f"{convolutions} convolutions and {len(shapes) - convolutions} dense layers, {parameters:,} values"


def _values(dataset: h5py.Dataset | None, shape: tuple[int, ...], path: Path) -> np.ndarray:
    assert dataset is not None  # `_matched` checked it
    if dataset.shape != shape or dataset.dtype.kind != "f":
        raise ValueError(f"{dataset.name} holds {dataset.dtype} values of the shape {dataset.shape}")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} keeps its values in another file, which is not opened")
    values = np.asarray(dataset[()], np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{dataset.name} holds values that are not finite")
    return values


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
