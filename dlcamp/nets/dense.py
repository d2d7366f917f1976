"""The dense net as a plain function: shapes and numbers in, an uncompiled model of logits out.

Noise stands between the layers and what is regularised on the kernels, so that regularisers, initialisers and
activations can be changed one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from dlcamp.errors import DataError
from dlcamp.nets.classifier import Classifier
from dlcamp.training.seeds import derive

Activation = str | Callable[[Any], Any]
Kernels = Callable[[int], keras.initializers.Initializer]
"""Layer, from 0 -> what its kernel starts from."""

Between = Callable[[int], Sequence[keras.layers.Layer]]
"""0 -> layers on the inputs; k -> layers after the k-th hidden layer."""


def he_normal(seed: int) -> Kernels:
    """Normal with variance 2 / inputs, cut at two deviations, an own stream for each layer (He et al. 2015)."""
    return lambda layer: keras.initializers.HeNormal(seed=derive(seed, "kernel", layer))


def dense_net(
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    *,
    kernel: Kernels,
    activation: Activation = "relu",
    between: Between | None = None,
    regularizer: keras.regularizers.Regularizer | None = None,
    constraint: keras.constraints.Constraint | None = None,
    precision: str = "float32",
) -> keras.Model:
    """A fully connected net: (batch, inputs) -> logits (batch, classes) in float32.

    The layers are called `hidden_1`, `hidden_2`, ... and `logits`; biases start at 0.

    Args:
        hidden: width of each hidden layer.
        kernel: layer, from 0 to len(hidden), -> initialiser of its kernel.
        activation: of the hidden layers.
        between: 0 -> layers on the inputs, k -> layers after the k-th hidden layer (Dropout).
        regularizer, constraint: of every kernel, the logits' too.
        precision: dtype policy of the hidden layers ("mixed_bfloat16" computes in bfloat16 on float32 weights).
    """
    # inputs
    x = start = keras.Input((inputs,), name="inputs")
    for layer in between(0) if between else ():
        x = layer(x)

    # hidden layers
    options = {"kernel_regularizer": regularizer, "kernel_constraint": constraint}
    for index, width in enumerate(hidden):
        dense = keras.layers.Dense(
            width, activation, kernel_initializer=kernel(index), name=f"hidden_{index + 1}", dtype=precision, **options
        )
        x = dense(x)
        for layer in between(index + 1) if between else ():
            x = layer(x)

    # logits: in float32 whatever the rest computes in, for the sake of the loss
    head = keras.layers.Dense(
        classes, kernel_initializer=kernel(len(hidden)), name="logits", dtype="float32", **options
    )
    return keras.Model(start, head(x), name="dense_net")


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    """The model's fully connected layers, from inputs to logits."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def classifier_of(model: keras.Model, features: Sequence[str], classes: Sequence[int | str]) -> Classifier:
    """The predictor that a trained dense net is.

    Args:
        features: names of the inputs, in order.
        classes: what the logits stand for, in order.

    Raises:
        DataError: hidden layers with several activations, or with one that the predictor does not know.
    """
    layers = dense_layers(model)
    names = {layer.activation.__name__ for layer in layers[:-1]} or {"linear"}
    if len(names) != 1:
        raise DataError(f"hidden layers with several activations cannot be served: {', '.join(sorted(names))}")
    arrays = [(np.asarray(layer.kernel), np.asarray(layer.bias)) for layer in layers]
    return Classifier(features, classes, names.pop(), arrays)
