"""EfficientNet-Lite as one plain function: raw pixels in, an uncompiled `keras.Model` out.

EfficientNet-Lite (Liu 2020, tensorflow/tpu "EfficientNet-Lite") is EfficientNet (Tan & Le 2019,
arXiv:1905.11946) without squeeze-and-excitation, with ReLU6 for swish, and with a stem and a head that do not
grow with the scale. Another size is one more row of `SCALES`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import keras
from keras import layers

from dlcamp.errors import UnknownName
from dlcamp.vision.scales import FEATURES, SCALES, Output

_BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}


class Stage(NamedTuple):
    """A row of Table 1 of Tan & Le 2019: `repeats` blocks of one kernel; the first one strides."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Block:
    """One inverted residual block, after scaling."""

    name: str
    kernel: int
    stride: int
    expand: int
    filters_in: int
    filters: int

    @property
    def residual(self) -> bool:
        """Whether the input is added to the output: same size, same channels."""
        return self.stride == 1 and self.filters_in == self.filters


def blocks(scale: str) -> list[Block]:
    """The blocks of a scale in order, named `block_00`, `block_01`, ... as the published weights count them."""
    width, depth = SCALES[scale].width, SCALES[scale].depth
    found: list[Block] = []
    channels = 32
    for number, stage in enumerate(STAGES):
        fixed = number in (0, len(STAGES) - 1)
        filters = round_filters(stage.filters, width)
        for repeat in range(stage.repeats if fixed else math.ceil(stage.repeats * depth)):
            stride = stage.stride if repeat == 0 else 1
            found.append(Block(f"block_{len(found):02d}", stage.kernel, stride, stage.expand, channels, filters))
            channels = filters
    return found


def round_filters(filters: int, width: float) -> int:
    """`filters * width` to the nearest multiple of 8, never more than a tenth below it."""
    wanted = filters * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def efficientnet_lite(
    scale: str = "lite0",
    output: Output = "logits",
    *,
    classes: int = 1000,
    folded: bool = False,
    dtype: Literal["float32", "mixed_bfloat16"] = "float32",
    seed: int = 0,
) -> keras.Model:
    """An uncompiled EfficientNet-Lite with random weights.

    Args:
        scale: a row of `SCALES`.
        output: "map" (h, w, 1280), "pooled" (1280) or "logits" (classes).
        classes: width of the logits.
        folded: leave batch normalisation out and give every convolution a bias instead: the form for
            inference, for weights in which the normalisation is multiplied in.
        dtype: the dtype policy of the convolutions; pooling and logits are computed in float32, and every output is.
        seed: of the initial weights and of the dropout before the logits.

    Returns:
        A model of pixels (batch, size, size, 3), 0..255, RGB; it scales them itself by (x - 127) / 128.
    """
    if scale not in SCALES:
        raise UnknownName("scale of EfficientNet-Lite", scale, SCALES)
    build = _Layers(folded, dtype, keras.random.SeedGenerator(seed))

    # inputs
    size = SCALES[scale].size
    inputs = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, dtype=dtype, name="scale")(inputs)

    # body
    x = build.convolution(x, "stem", 32, kernel=3, stride=2)
    for block in blocks(scale):
        x = _inverted_residual(x, block, build)

    # head
    x = build.convolution(x, "head", FEATURES)
    if output == "map" and dtype != "float32":
        x = layers.Activation("linear", dtype="float32", name="map")(x)
    if output != "map":
        x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    if output == "logits":
        x = layers.Dropout(SCALES[scale].dropout, dtype="float32", seed=seed, name="dropout")(x)
        x = layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=build.initializer)(x)
    return keras.Model(inputs, x, name=f"efficientnet_{scale}_{output}")


def _inverted_residual(x: keras.KerasTensor, block: Block, build: _Layers) -> keras.KerasTensor:
    shortcut = x
    if block.expand != 1:
        x = build.convolution(x, f"{block.name}_expand", block.filters_in * block.expand)
    x = build.depthwise(x, f"{block.name}_depthwise", block.kernel, block.stride)
    x = build.convolution(x, f"{block.name}_project", block.filters, relu6=False)
    return layers.Add(dtype=build.dtype, name=f"{block.name}_add")([x, shortcut]) if block.residual else x


class _Layers:
    """Convolution, normalisation and ReLU6 in the two forms, trainable and folded."""

    def __init__(self, folded: bool, dtype: str, seeds: keras.random.SeedGenerator) -> None:
        self.folded, self.dtype = folded, dtype
        self.initializer = keras.initializers.VarianceScaling(2.0, "fan_out", seed=seeds)

    def convolution(
        self, x: keras.KerasTensor, name: str, filters: int, *, kernel: int = 1, stride: int = 1, relu6: bool = True
    ) -> keras.KerasTensor:
        layer = partial(layers.Conv2D, filters, kernel, kernel_initializer=self.initializer)
        return self._finish(layer, x, name, stride, relu6)

    def depthwise(self, x: keras.KerasTensor, name: str, kernel: int, stride: int) -> keras.KerasTensor:
        layer = partial(layers.DepthwiseConv2D, kernel, depthwise_initializer=self.initializer)
        return self._finish(layer, x, name, stride, True)

    def _finish(self, layer: partial, x: keras.KerasTensor, name: str, stride: int, relu6: bool) -> keras.KerasTensor:
        x = layer(strides=stride, padding="same", use_bias=self.folded, dtype=self.dtype, name=name)(x)
        if not self.folded:
            x = layers.BatchNormalization(dtype=self.dtype, name=f"{name}_norm", **_BATCH_NORM)(x)
        return layers.ReLU(6.0, dtype=self.dtype, name=f"{name}_relu6")(x) if relu6 else x
