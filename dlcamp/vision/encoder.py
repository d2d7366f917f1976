"""What turns an image into numbers, as a value: cheap to make, compare and record; TensorFlow comes with first use.

encoder = lite0("pooled")                        # embedded: 1,280 values
encoder = choose("lite2", "map").mirrored()      # 9x9x1,280, of images whose left and right are exchanged
encoder = choose("vgg16", "pooled")              # fc2, 4,096 values; its weights are fetched at first use
"""

from __future__ import annotations

import abc
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from dlcamp.errors import ConfigError, DataError, UnknownName
from dlcamp.vision.images import FITS, Fit, decode
from dlcamp.vision.scales import SCALES, Output, output_shape
from dlcamp.vision.vgg_table import CONFIGURATIONS
from dlcamp.vision.weights import SOURCES, digest, load_weights, read_weights

if TYPE_CHECKING:
    import keras

Precision = Literal["auto", "float32", "mixed_bfloat16"]
Stored = Literal["float32", "float16"]
Preparation = Literal["own", "course"]
Forward = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[int, str, str], AbstractContextManager[Any]]

_CHOICES: dict[str, tuple[str, ...]] = {
    "output": ("pooled", "map", "logits"),
    "precision": ("auto", "float32", "mixed_bfloat16"),
    "dtype": ("float32", "float16"),
}
_MIRRORED = "-mirrored"


class Encoder(abc.ABC):
    """A pretrained net cut at one of its outputs; the classes below it are frozen dataclasses.

    Args:
        output: "pooled" (one vector), "map" (height, width, channels) or "logits" (1000).
        precision: what the net computes in. "auto" is settled by timing on this machine, in `extract`, and
            the encoder of its result holds what was chosen: two precisions are two encoders.
        dtype: what a feature is stored as.
        mirror: exchange left and right of every image first; see `mirrored`.
    """

    output: Output
    precision: Precision
    dtype: Stored
    mirror: bool

    # Whether a loaded net is too large to keep a second one beside it.
    heavy: ClassVar[bool] = False

    # What the net does to the values of pixels, where its preprocessing is called by it.
    scaling: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field, known in _CHOICES.items():
            if getattr(self, field) not in known:
                raise UnknownName(f"{field} of an encoder", str(getattr(self, field)), known)

    @property
    @abc.abstractmethod
    def name(self) -> str: ...

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Side of the input, in pixels."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one image's feature."""

    @property
    @abc.abstractmethod
    def weights(self) -> str:
        """Digest of the weights."""

    @property
    @abc.abstractmethod
    def fit(self) -> Fit:
        """How an image becomes a square."""

    @property
    def preprocessing(self) -> str:
        """What is done to the pixels, by name and version."""
        return f"{FITS[self.fit].key}-{self.size}{self.scaling}{_MIRRORED if self.mirror else ''}"

    @abc.abstractmethod
    def describe(self) -> dict[str, str]:
        """Everything a feature depends on besides its image, as plain text; `restore` is the inverse."""

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Encoder:
        """The encoder that `describe` described; DataError when this version would compute something else."""
        encoder = _kind(described["name"]).restored(described)
        for field in ("weights", "preprocessing"):
            if described[field] != encoder.describe()[field]:
                raise DataError(
                    f"{encoder.name} was used with {field} {described[field][:16]!r}, "
                    f"this version has {encoder.describe()[field][:16]!r}: extract the features again"
                )
        return encoder

    @classmethod
    @abc.abstractmethod
    def restored(cls, described: Mapping[str, Any]) -> Self:
        """What `restore` makes of a description of this class, unchecked."""

    def pixels(self, data: bytes, name: str = "image") -> np.ndarray:
        """Encoded image to what the net takes: uint8 (size, size, 3), RGB; ImageError where it cannot be read."""
        pixels = decode(data, self.size, name, self.fit)
        return np.ascontiguousarray(pixels[:, ::-1]) if self.mirror else pixels

    @abc.abstractmethod
    def network(self) -> keras.Model:
        """The net without its weights (any values), for weights that were saved with something else."""

    @abc.abstractmethod
    def trained(self) -> keras.Model:
        """A new net with its weights; DataError where they cannot be had."""

    @property
    def available(self) -> bool:
        """Whether `load` needs no network; cheap. True for a net whose weights come with the package."""
        return True

    def ready(self, progress: Progress | None = None) -> None:  # noqa: B027 - most have nothing to fetch
        """Fetch what `load` needs and this machine lacks; DataError where it cannot be had."""

    @property
    def key(self) -> str:
        """Digest of `describe()`: features with one key may be mixed."""
        self._settled()
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()

    @property
    def model(self) -> keras.Model:
        """The net with its weights: uint8 pixels (batch, size, size, 3) to float32 features; callable in a graph."""
        return self._loaded().model

    def load(self) -> Forward:
        """The net as a compiled function, uint8 pixels (n, size, size, 3) to an array; made once a process."""
        return self._loaded().forward

    def encode(self, images: Sequence[bytes], names: Sequence[str] | None = None) -> np.ndarray:
        """Features of a few encoded images, straight and without a cache: (n, *shape), as they would be stored.

        Raises:
            ImageError: an image cannot be read; named by `names`, else by its position.
        """
        labels = names or [f"image {number}" for number in range(len(images))]
        pixels = [self.pixels(data, label) for data, label in zip(images, labels, strict=True)]
        return self.load()(np.stack(pixels)).astype(self.dtype) if pixels else np.empty((0, *self.shape), self.dtype)

    def with_precision(self, precision: Precision) -> Self:
        return replace(self, precision=precision)  # type: ignore[type-var]  # every class below is a dataclass

    def mirrored(self) -> Self:
        """The encoder of the same images with left and right exchanged: the same net, features with another key.

        They are no mirror images of the plain features: a net's padding and strides know left from right.
        """
        return replace(self, mirror=True)  # type: ignore[type-var]

    def _loaded(self) -> _Loaded:
        self._settled()
        # How a feature is stored, and how its image was turned, does not change the net.
        alike = replace(self, dtype="float32", mirror=False)  # type: ignore[type-var]
        return (_latest if self.heavy else _kept)(alike)

    def _settled(self) -> Literal["float32", "mixed_bfloat16"]:
        if self.precision == "auto":
            raise ConfigError(
                f"the precision of {self.name} is still 'auto'\n"
                "use the encoder of an extraction (features.encoder), or name one: precision='float32'"
            )
        return self.precision


@dataclass(frozen=True)
class LiteEncoder(Encoder):
    """EfficientNet-Lite with ImageNet weights: "pooled" has 1280 values; "map" has stride 32, (7, 7, 1280) of lite0.

    Args:
        scale: "lite0" (224 pixels), "lite1" (240) or "lite2" (260): those with an entry in `weights.SOURCES`.
    """

    scale: str = "lite0"
    output: Output = "pooled"
    precision: Precision = "auto"
    dtype: Stored = "float32"
    mirror: bool = False

    def __post_init__(self) -> None:
        digest(self.scale)
        super().__post_init__()

    @property
    def name(self) -> str:
        return f"efficientnet_{self.scale}"

    @property
    def size(self) -> int:
        return SCALES[self.scale].size

    @property
    def shape(self) -> tuple[int, ...]:
        return output_shape(self.scale, self.output)

    @property
    def weights(self) -> str:
        return digest(self.scale)

    @property
    def fit(self) -> Fit:
        return "squash"

    def describe(self) -> dict[str, str]:
        # whether images are mirrored is part of the preprocessing
        return {
            "scale": self.scale,
            "output": self.output,
            "precision": self.precision,
            "dtype": self.dtype,
            "name": self.name,
            "weights": self.weights,
            "preprocessing": self.preprocessing,
        }

    @classmethod
    def restored(cls, described: Mapping[str, Any]) -> Self:
        fields = {field: described[field] for field in ("scale", "output", "precision", "dtype")}
        return cls(**fields, mirror=described["preprocessing"].endswith(_MIRRORED))

    def network(self) -> keras.Model:
        from dlcamp.vision.efficientnet_lite import efficientnet_lite

        return efficientnet_lite(self.scale, self.output, folded=True, dtype=self._settled())

    def trained(self) -> keras.Model:
        model = self.network()
        load_weights(model, read_weights(self.scale, folded=True))
        return model


def lite0(output: Output = "pooled", precision: Precision = "auto", dtype: Stored | None = None) -> LiteEncoder:
    """EfficientNet-Lite0; the map is stored in float16 unless told otherwise (125 kB an image), the rest in float32."""
    return LiteEncoder("lite0", output, precision, dtype or stored_as(output))


def choose(
    encoder: str,
    output: Output = "pooled",
    *,
    weights: str = "",
    preprocessing: Preparation = "own",
    precision: Precision = "auto",
) -> Encoder:
    """The encoder of this name.

    Args:
        encoder: "lite0", "lite1", "lite2", "vgg16" or "vgg19".
        output: "pooled" (Lite: 1,280 values; VGG: fc2, 4,096) or "map" (lite0, lite1 and lite2: 7x7, 8x8 and 9x9
            by 1,280; VGG: 14x14x512).
        weights: "" for the published ones, or the path of a VGG's: see `vgg_weights.locate`.
        preprocessing: "own", what the net is evaluated with; "course", the VGG's as the course prepares images.

    Raises:
        ConfigError: weights or a preprocessing for a Lite, which has its own.
        DataError: `weights` names no file that could hold weights.
        UnknownName: no such encoder, output, preprocessing or precision.
    """
    if encoder not in SOURCES:
        from dlcamp.vision.vgg_encoder import vgg_encoder

        if encoder not in CONFIGURATIONS:
            raise UnknownName("encoder", encoder, (*SOURCES, *CONFIGURATIONS))
        return vgg_encoder(encoder, output, weights=weights, preparation=preprocessing, precision=precision)
    for option, value, default in (("weights", weights, ""), ("preprocessing", preprocessing, "own")):
        if value != default:
            raise ConfigError(
                f"{encoder} comes with its own weights and preprocessing: {option}={value!r} has no meaning for it\n"
                f"leave {option} out, or take the encoder vgg16 or vgg19"
            )
    return LiteEncoder(encoder, output, precision, stored_as(output))


def stored_as(output: Output) -> Stored:
    """What features of an output are stored as unless told otherwise: maps are large."""
    return "float16" if output == "map" else "float32"


def compiled(model: keras.Model) -> Forward:
    """A net as a compiled function of uint8 pixels; one trace for every batch size."""
    import tensorflow as tf

    graph = tf.function(
        lambda pixels: model(pixels, training=False),
        input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)],
    )
    return lambda pixels: graph(tf.constant(pixels)).numpy()


class _Loaded(NamedTuple):
    model: keras.Model
    forward: Forward


def _load(encoder: Encoder) -> _Loaded:
    model = encoder.trained()
    model.trainable = False
    return _Loaded(model, compiled(model))


_kept = functools.cache(_load)
_latest = functools.lru_cache(maxsize=1)(_load)


def _kind(name: str) -> type[Encoder]:
    if name.startswith("efficientnet_"):
        return LiteEncoder
    from dlcamp.vision.vgg_encoder import VggEncoder

    return VggEncoder
