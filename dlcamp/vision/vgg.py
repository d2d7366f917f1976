"""VGG as one plain function: raw pixels in, an uncompiled `keras.Model` out.

Simonyan & Zisserman 2014 (arXiv:1409.1556): blocks of 3x3 convolutions with ReLU, each ended by 2x2 max-pooling,
then two dense layers of 4,096 and the logits. Layers are named as in keras.applications. Another depth is one more
row of `vgg_table.CONFIGURATIONS`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import keras
from keras import layers, ops

from dlcamp.vision.scales import CLASSES, Output
from dlcamp.vision.vgg_table import Configuration, configuration

# Means of ImageNet's training images, blue, green, red: the weights come from Caffe, which reads BGR.
BGR_MEANS = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable("dlcamp")
class BgrMinusMeans(layers.Layer):
    """RGB pixels 0..255 to what VGG was trained on: BGR, float32, the mean colour subtracted, not scaled."""

    def call(self, pixels: Any) -> Any:
        return ops.flip(ops.cast(pixels, "float32"), axis=-1) - ops.convert_to_tensor(BGR_MEANS, "float32")


def vgg(
    name: str = "vgg16",
    output: Output = "logits",
    *,
    classes: int = CLASSES,
    width: int = 1,
    dtype: Literal["float32", "mixed_bfloat16"] = "float32",
    seed: int | None = 0,
) -> keras.Model:
    """An uncompiled VGG with random weights (He et al. 2015), or zeros.

    Args:
        name: a row of `CONFIGURATIONS`.
        output: "map" (14, 14, 512: the last convolution), "pooled" (4096: fc2 after its ReLU) or "logits" (classes).
        classes: width of the logits.
        width: what the filters and the dense widths are divided by.
        dtype: the dtype policy; logits are computed in float32, and every output is float32.
        seed: of the initial weights; None leaves zeros, for weights that are loaded.

    Returns:
        A model of pixels (batch, 224, 224, 3), 0..255, RGB; it turns them to BGR and subtracts the means itself.
    """
    row = configuration(name).narrowed(width)
    initializer = "zeros" if seed is None else keras.initializers.HeNormal(keras.random.SeedGenerator(seed))
    conv = partial(layers.Conv2D, padding="same", activation="relu", kernel_initializer=initializer, dtype=dtype)
    dense = partial(layers.Dense, kernel_initializer=initializer)

    # inputs
    inputs = keras.Input((row.size, row.size, 3), dtype="uint8", name="pixels")
    x = BgrMinusMeans(dtype="float32", name="bgr_minus_means")(inputs)

    # body
    x = _blocks(x, row, conv, last_pool=output != "map")

    # head
    if output != "map":
        x = layers.Flatten(dtype=dtype, name="flatten")(x)
        x = dense(row.dense, activation="relu", dtype=dtype, name="fc1")(x)
        x = dense(row.dense, activation="relu", dtype=dtype, name="fc2")(x)
    if output == "logits":
        x = dense(classes, dtype="float32", name="predictions")(x)
    elif dtype != "float32":
        x = layers.Activation("linear", dtype="float32", name=output)(x)
    return keras.Model(inputs, x, name=f"{name}_{output}")


def _blocks(x: keras.KerasTensor, row: Configuration, conv: partial, *, last_pool: bool) -> keras.KerasTensor:
    for block, (sides, filters) in enumerate(zip(row.kernels, row.filters, strict=True), start=1):
        for number, side in enumerate(sides, start=1):
            x = conv(filters, side, name=f"block{block}_conv{number}")(x)
        if last_pool or block < len(row.kernels):
            x = layers.MaxPooling2D(dtype=conv.keywords["dtype"], name=f"block{block}_pool")(x)
    return x
