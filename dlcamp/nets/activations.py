"""Eight activations of hidden layers, with the exact facts that laws and probes need. NumPy only: importing is cheap.

`dense_net(..., activation=name)` computes them in Keras; what stands here is the same function in float64 (a test
compares them), its slope, and the way a gradient goes back through it.

| name | value | usual initialiser |
| --- | --- | --- |
| sigmoid | 1 / (1 + e^-z) | Glorot |
| tanh | tanh z | Glorot (Glorot & Bengio 2010) |
| softmax | e^z / sum over the layer | Glorot; nobody's hidden layer, the course's warning |
| relu | max(z, 0) | He (He et al. 2015, eq. 10) |
| leaky_relu | z or 0.2 z, Keras' slope (Maas et al. 2013: 0.01) | variance 2 / ((1 + 0.2^2) n), He's eq. 15 |
| elu | z or e^z - 1 (Clevert et al. 2016) | He |
| selu | 1.0507 z or 1.7581 (e^z - 1) (Klambauer et al. 2017, eq. 2) | LeCun |
| gelu | z Phi(z), exact, not by tanh (Hendrycks & Gimpel 2016) | He |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from dlcamp.errors import UnknownName

Array = NDArray[np.float64]

LEAK = 0.2
"""Slope of leaky_relu below 0."""
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
SATURATED = 0.05
"""A unit is saturated where its slope is below this share of the steepest."""


@dataclass(frozen=True)
class Activation:
    """One activation.

    Args:
        name: as Keras knows it too.
        value: pre-activations (..., units) -> activations.
        slope: pre-activations -> derivative of each unit by its own pre-activation.
        steepest: largest slope there is.
        initialiser: the usual one, of `initialisers`.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    steepest: float
    initialiser: str

    def back(self, z: Array, signal: Array, slope: Array | None = None) -> Array:
        """d loss / d pre-activation from d loss / d activation.

        Args:
            signal: may have leading axes that `z` has not.
            slope: that of `z`, where it is known already.
        """
        if self.name != "softmax":
            return signal * (self.slope(z) if slope is None else slope)
        p = self.value(z)
        return p * (signal - (p * signal).sum(axis=-1, keepdims=True))

    def saturated(self, slope: Array) -> NDArray[np.bool_]:
        """Which units let nearly nothing back, by their slopes: below 5 % of the steepest."""
        return np.abs(slope) < SATURATED * self.steepest


def _sigmoid(z: Array) -> Array:
    return 0.5 * (1 + np.tanh(z / 2))  # never overflows


def _softmax(z: Array) -> Array:
    shifted = np.exp(z - z.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _exponential(z: Array) -> Array:
    """e^z below 0, 1 above, without overflow."""
    return np.exp(np.minimum(z, 0))


def _normal_share(z: Array) -> Array:
    return 0.5 * (1 + erf(z / np.sqrt(2)))


def _of_own_value(value: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The slope y (1 - y) of sigmoid, and of softmax by its own pre-activation."""

    def slope(z: Array) -> Array:
        y = value(z)
        return y * (1 - y)

    return slope


ACTIVATIONS: Mapping[str, Activation] = {
    one.name: one
    for one in (
        Activation("sigmoid", _sigmoid, _of_own_value(_sigmoid), 0.25, "glorot"),
        Activation("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1.0, "glorot"),
        Activation("softmax", _softmax, _of_own_value(_softmax), 0.25, "glorot"),
        Activation("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype), 1.0, "he"),
        Activation(
            "leaky_relu", lambda z: np.where(z > 0, z, LEAK * z), lambda z: np.where(z > 0, 1.0, LEAK), 1.0, "leaky_he"
        ),
        Activation("elu", lambda z: np.where(z > 0, z, _exponential(z) - 1), _exponential, 1.0, "he"),
        Activation(
            "selu",
            lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * (_exponential(z) - 1)),
            lambda z: SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * _exponential(z)),
            SELU_SCALE * SELU_ALPHA,
            "lecun",
        ),
        Activation(
            "gelu",
            lambda z: z * _normal_share(z),
            lambda z: _normal_share(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
            1.1289,
            "he",
        ),
    )
}


def activation(name: str) -> Activation:
    """The activation of that name; UnknownName where there is none."""
    if name not in ACTIVATIONS:
        raise UnknownName("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]
