"""Initialisers of kernels by name, as what `dense_net` takes: an own random stream for each layer.

| name | variance of a weight | source |
| --- | --- | --- |
| glorot | 2 / (inputs + outputs) | Glorot & Bengio 2010, eq. 16 |
| he | 2 / inputs | He et al. 2015, eq. 10 |
| leaky_he | 2 / ((1 + a^2) inputs), a = 0.2 | He et al. 2015, eq. 15 |
| lecun | 1 / inputs | LeCun et al. 1998, eq. 16 |
| heuristic | 1 / (3 inputs): U(-1 / sqrt n, 1 / sqrt n) | what was usual before, Glorot & Bengio 2010, eq. 1 |
| small | 0.01^2 | |

Drawn from a normal distribution cut at two deviations (its variance is what the table says) or from a uniform one: at
the same variance both obey the same laws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dlcamp.errors import UnknownName
from dlcamp.nets.activations import LEAK, activation
from dlcamp.training.seeds import derive

if TYPE_CHECKING:
    from dlcamp.nets.dense import Kernels

Distribution = Literal["normal", "uniform"]

SCALES: dict[str, tuple[float, str]] = {
    "glorot": (1.0, "fan_avg"),
    "he": (2.0, "fan_in"),
    "leaky_he": (2 / (1 + LEAK**2), "fan_in"),
    "lecun": (1.0, "fan_in"),
    "heuristic": (1 / 3, "fan_in"),
}
"""Name -> (variance times n, what n is)."""

SMALL = 0.01
"""Deviation of `small`."""

INITIALISERS = (*SCALES, "small")


def kernels(name: str, seed: int, distribution: Distribution = "normal") -> Kernels:
    """Layer, from 0 -> initialiser of its kernel; the same seed gives the same weights.

    Raises:
        UnknownName: there is none of that name.
    """
    import keras

    _known(name)

    def of_layer(layer: int) -> keras.initializers.Initializer:
        stream = derive(seed, "kernel", layer)
        if name in SCALES:
            scale, mode = SCALES[name]
            kind = "truncated_normal" if distribution == "normal" else "uniform"
            return keras.initializers.VarianceScaling(scale, mode, kind, seed=stream)
        if distribution == "normal":
            return keras.initializers.RandomNormal(0.0, SMALL, seed=stream)
        return keras.initializers.RandomUniform(-(3**0.5) * SMALL, 3**0.5 * SMALL, seed=stream)

    return of_layer


def gain(name: str, width: int) -> float:
    """Width times the variance of a weight, in a layer with as many inputs as outputs."""
    _known(name)
    return SCALES[name][0] if name in SCALES else width * SMALL**2


def usual(name: str, of: str) -> str:
    """The initialiser meant: `matched` is the usual one of the activation `of`."""
    return activation(of).initialiser if name == "matched" else _known(name)


def _known(name: str) -> str:
    if name not in INITIALISERS:
        raise UnknownName("initialiser", name, ("matched", *INITIALISERS))
    return name
