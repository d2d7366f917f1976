"""What turns an image into numbers, as a value: cheap to make, compare and record; TensorFlow comes with first use."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dlcamp.errors import ConfigError, DataError, UnknownName
from dlcamp.vision.images import PREPROCESSING, decode
from dlcamp.vision.scales import SCALES, Output, output_shape
from dlcamp.vision.weights import digest, load_weights, read_weights

if TYPE_CHECKING:
    import keras

Precision = Literal["auto", "float32", "mixed_bfloat16"]
Stored = Literal["float32", "float16"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "output": ("pooled", "map", "logits"),
    "precision": ("auto", "float32", "mixed_bfloat16"),
    "dtype": ("float32", "float16"),
}


@dataclass(frozen=True)
class Encoder:
    """EfficientNet-Lite with ImageNet weights, cut at one of its outputs.

    Args:
        scale: "lite0" (224 pixels); a scale with an entry in `weights.SOURCES`.
        output: "pooled" (1280), "map" (7, 7, 1280 for lite0) or "logits" (1000).
        precision: what the net computes in. "auto" is settled by timing on this machine, in `extract`, and
            the encoder of its result holds what was chosen: two precisions are two encoders.
        dtype: what a feature is stored as.
    """

    scale: str = "lite0"
    output: Output = "pooled"
    precision: Precision = "auto"
    dtype: Stored = "float32"

    def __post_init__(self) -> None:
        digest(self.scale)
        for field, known in _CHOICES.items():
            if getattr(self, field) not in known:
                raise UnknownName(f"{field} of an encoder", str(getattr(self, field)), known)

    @property
    def name(self) -> str:
        return f"efficientnet_{self.scale}"

    @property
    def size(self) -> int:
        """Side of the input, in pixels."""
        return SCALES[self.scale].size

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image's feature."""
        return output_shape(self.scale, self.output)

    @property
    def weights(self) -> str:
        """Digest of the weights."""
        return digest(self.scale)

    @property
    def preprocessing(self) -> str:
        return f"{PREPROCESSING}-{self.size}"

    def describe(self) -> dict[str, str]:
        """Everything a feature depends on besides its image, as plain text; `restore` is the inverse."""
        return {**asdict(self), "name": self.name, "weights": self.weights, "preprocessing": self.preprocessing}

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Encoder:
        """The encoder that `describe` described; DataError when this version would compute something else."""
        encoder = cls(**{field: described[field] for field in ("scale", "output", "precision", "dtype")})
        for field in ("weights", "preprocessing"):
            if described[field] != encoder.describe()[field]:
                raise DataError(
                    f"{encoder.name} was used with {field} {described[field][:16]!r}, "
                    f"this version has {encoder.describe()[field][:16]!r}: extract the features again"
                )
        return encoder

    @property
    def key(self) -> str:
        """Digest of `describe()`: features with one key may be mixed."""
        self._settled()
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()

    @property
    def model(self) -> keras.Model:
        """The net with its weights: uint8 pixels (batch, size, size, 3) to float32 features; callable in a graph."""
        return _model(self.scale, self.output, self._settled())

    def load(self) -> Callable[[np.ndarray], np.ndarray]:
        """The net as a compiled function, uint8 pixels (n, size, size, 3) to an array; made once a process."""
        return _compiled(self.scale, self.output, self._settled())

    def encode(self, images: Sequence[bytes], names: Sequence[str] | None = None) -> np.ndarray:
        """Features of a few encoded images, straight and without a cache: (n, *shape), as they would be stored.

        Raises:
            ImageError: an image cannot be read; named by `names`, else by its position.
        """
        labels = names or [f"image {number}" for number in range(len(images))]
        pixels = [decode(data, self.size, label) for data, label in zip(images, labels, strict=True)]
        return self.load()(np.stack(pixels)).astype(self.dtype) if pixels else np.empty((0, *self.shape), self.dtype)

    def with_precision(self, precision: Precision) -> Encoder:
        return replace(self, precision=precision)

    def _settled(self) -> str:
        if self.precision == "auto":
            raise ConfigError(
                f"the precision of {self.name} is still 'auto'\n"
                "use the encoder of an extraction (features.encoder), or name one: precision='float32'"
            )
        return self.precision


def lite0(output: Output = "pooled", precision: Precision = "auto", dtype: Stored | None = None) -> Encoder:
    """EfficientNet-Lite0; the map is stored in float16 unless told otherwise (125 kB an image), the rest in float32."""
    return Encoder("lite0", output, precision, dtype or ("float16" if output == "map" else "float32"))


@functools.cache
def _model(scale: str, output: Output, precision: Literal["float32", "mixed_bfloat16"]) -> keras.Model:
    from dlcamp.vision.efficientnet_lite import efficientnet_lite

    model = efficientnet_lite(scale, output, folded=True, dtype=precision)
    load_weights(model, read_weights(scale, folded=True))
    model.trainable = False
    return model


@functools.cache
def _compiled(scale: str, output: Output, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    model = _model(scale, output, precision)
    size = SCALES[scale].size
    # One trace for every batch size.
    graph = tf.function(
        lambda pixels: model(pixels, training=False),
        input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
    )
    return lambda pixels: graph(tf.constant(pixels)).numpy()
