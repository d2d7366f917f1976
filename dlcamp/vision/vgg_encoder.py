"""VGG16 and VGG19 as encoders: known by their weights' digest, whichever file holds them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dlcamp.errors import DataError, UnknownName
from dlcamp.vision.encoder import Encoder, Precision, Preparation, Progress, Stored, stored_as
from dlcamp.vision.images import Fit
from dlcamp.vision.scales import Output
from dlcamp.vision.vgg_table import configuration
from dlcamp.vision.vgg_weights import PUBLISHED, find, identity, locate, published, resolve

if TYPE_CHECKING:
    import keras

_FITS: dict[Preparation, Fit] = {"own": "crop", "course": "nearest"}


@dataclass(frozen=True)
class VggEncoder(Encoder):
    """VGG with ImageNet weights: "pooled" is fc2 after its ReLU (4096), "map" the last convolution (14, 14, 512).

    Args:
        net: a row of `vgg_table.CONFIGURATIONS`.
        preparation: "own" (shorter side to 256, central 224 x 224) or "course" (squashed to 224 x 224, nearest).
            Both are followed by BGR minus means inside the net.
        digest: `vgg_weights.identity` of the weights.
        file: what `weights` said; "" for the published ones. It is no part of the value.
    """

    net: str = "vgg16"
    output: Output = "pooled"
    precision: Precision = "auto"
    dtype: Stored = "float32"
    preparation: Preparation = "own"
    digest: str = ""
    file: str = field(default="", compare=False)
    mirror: bool = False

    heavy: ClassVar[bool] = True
    scaling: ClassVar[str] = "-bgr-means"

    def __post_init__(self) -> None:
        configuration(self.net)
        if self.preparation not in _FITS:
            raise UnknownName("preprocessing of VGG", self.preparation, _FITS)
        super().__post_init__()

    @property
    def name(self) -> str:
        return self.net

    @property
    def size(self) -> int:
        return configuration(self.net).size

    @property
    def shape(self) -> tuple[int, ...]:
        return configuration(self.net).output_shape(self.output)

    @property
    def weights(self) -> str:
        return self.digest

    @property
    def fit(self) -> Fit:
        return _FITS[self.preparation]

    def describe(self) -> dict[str, str]:
        return {
            "name": self.net,
            "output": self.output,
            "precision": self.precision,
            "dtype": self.dtype,
            "weights": self.digest,
            "preprocessing": self.preprocessing,
        }

    @classmethod
    def restored(cls, described: Mapping[str, Any]) -> Self:
        fields = {name: described[name] for name in ("output", "precision", "dtype")}
        candidates = [
            cls(net=described["name"], preparation=preparation, digest=described["weights"], mirror=mirror, **fields)
            for preparation, mirror in itertools.product(_FITS, (False, True))
        ]
        alike = [one for one in candidates if one.preprocessing == described["preprocessing"]]
        return alike[0] if alike else candidates[0]

    def network(self) -> keras.Model:
        from dlcamp.vision.vgg import vgg

        return vgg(self.net, self.output, dtype=self._settled(), seed=None)

    def trained(self) -> keras.Model:
        from dlcamp.vision.vgg_files import load_vgg

        path = self._located()
        model = self.network()
        load_vgg(model, path, self.net, self.output)
        return model

    @property
    def available(self) -> bool:
        return self._known and find(self.net, self.file) is not None

    def ready(self, progress: Progress | None = None) -> None:
        self._located(progress)

    @property
    def _known(self) -> bool:
        """Whether it is known which file to look for: an encoder restored from its description has the digest only."""
        return bool(self.file) or (self.net in PUBLISHED and self.digest == published(self.net))

    def _located(self, progress: Progress | None = None) -> Path:
        if not self._known:
            raise DataError(
                f"which file holds the weights {self.digest[:12]} of this {self.net} is not known here\n"
                "choose the encoder again with weights=PATH"
            )
        path = locate(self.net, self.file, progress)
        got = identity(self.net, path)
        if got != self.digest:
            raise DataError(
                f"the weights {path} are no longer those that were asked for: digest {got[:12]}, "
                f"asked for {self.digest[:12]}\nput the file back, or choose the encoder again"
            )
        return path


def vgg_encoder(
    net: str, output: Output, *, weights: str = "", preparation: Preparation = "own", precision: Precision = "auto"
) -> VggEncoder:
    """A VGG with the published weights, known without having them, or with those of a path, which is read once.

    Raises:
        DataError: the path names no weights.
    """
    known = published(net) if not weights else identity(net, resolve(net, weights))
    return VggEncoder(net, output, precision, stored_as(output), preparation, known, weights)
