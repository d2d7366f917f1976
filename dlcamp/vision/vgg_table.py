"""The VGG nets as facts that need no TensorFlow: one row a configuration, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dlcamp.errors import UnknownName
from dlcamp.vision.scales import CLASSES, Output

TOP = ("fc1", "fc2", "predictions")


@dataclass(frozen=True)
class Configuration:
    """A column of Table 1 of Simonyan & Zisserman 2014 (arXiv:1409.1556).

    Args:
        title: what people call it.
        kernels: sides of the kernels of each block's convolutions; 2x2 max-pooling ends a block.
        filters: of the convolutions of each block.
        dense: width of fc1 and of fc2.
        size: side of the input in pixels.
    """

    title: str
    kernels: tuple[tuple[int, ...], ...]
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)
    dense: int = 4096
    size: int = 224

    def narrowed(self, divisor: int) -> Configuration:
        """The same depth with every width divided: for tests, and for small data."""
        filters = tuple(max(1, width // divisor) for width in self.filters)
        return replace(self, filters=filters, dense=max(1, self.dense // divisor))

    @property
    def map_side(self) -> int:
        """Side of the map of the last convolution, before the last pooling."""
        return int(self.size // 2 ** (len(self.kernels) - 1))

    def kernel_shapes(self, output: Output = "logits", classes: int = CLASSES) -> dict[str, tuple[int, ...]]:
        """Shape of the kernel of every layer with weights, in order, under the layer names of keras.applications.

        Args:
            output: leave out the layers behind it.
            classes: width of the logits.
        """
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 3
        for block, (sides, filters) in enumerate(zip(self.kernels, self.filters, strict=True), start=1):
            for number, side in enumerate(sides, start=1):
                shapes[f"block{block}_conv{number}"] = (side, side, channels, filters)
                channels = filters
        flat = (self.map_side // 2) ** 2 * channels
        widths = (flat, self.dense, self.dense, classes)
        kept = {"map": 0, "pooled": 2, "logits": 3}[output]
        shapes |= {name: widths[i : i + 2] for i, name in enumerate(TOP[:kept])}
        return shapes

    def parameters(self, output: Output = "logits", classes: int = CLASSES) -> int:
        """Weights and biases up to an output."""
        return sum(math.prod(shape) + shape[-1] for shape in self.kernel_shapes(output, classes).values())

    def output_shape(self, output: Output) -> tuple[int, ...]:
        """Shape of the output for one image."""
        side = self.map_side
        return {"map": (side, side, self.filters[-1]), "pooled": (self.dense,), "logits": (CLASSES,)}[output]


CONFIGURATIONS = {
    "vgg16": Configuration("VGG16", ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))),
    "vgg19": Configuration("VGG19", ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))),
}


def configuration(name: str) -> Configuration:
    """A row of `CONFIGURATIONS`; UnknownName otherwise."""
    if name not in CONFIGURATIONS:
        raise UnknownName("VGG net", name, CONFIGURATIONS)
    return CONFIGURATIONS[name]
