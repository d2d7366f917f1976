"""What happens to signals at initialisation, layer by layer, in a net of equal widths n with independent weights.

Written z = W h, h = phi(z), biases 0, d = d loss / d z; weights of variance g / n (g: the initialiser's `gain`).

Forward: given h below, the z of a layer are normal with mean 0 and variance q = g mean(h^2), whatever phi's mean is.
Backward: d_l = phi'(z_l) * (W_{l+1}^T d_{l+1}), so mean(d_l^2) = g E[phi'(z_l)^2] mean(d_{l+1}^2): per layer, the
deviation of the back-propagated signal changes by

    sqrt(g E[phi'(z)^2]),  z ~ N(0, q_l)                         (Glorot & Bengio 2010, eq. 6; He 2015, eq. 14)

which takes the weights on the way back for independent of those on the way forward; for piecewise linear phi that is
exact in mean square at any width (Hanin, Nature of vanishing gradients, 2018, thm. 3), else as n grows. So, exactly:

| activation, initialiser | factor | why |
| --- | --- | --- |
| sigmoid, Glorot | <= 1/4 | phi' = y (1 - y) <= 1/4 |
| tanh, Glorot | < 1 | phi' = 1 - y^2 <= 1, and q shrinks from layer to layer |
| ReLU, Glorot | 1 / sqrt(2) | phi' is 1 for half of all units |
| ReLU, He | 1 | likewise, g = 2 |
| leaky ReLU, 2 / ((1 + a^2) n) | 1 | phi' is 1 or a, half each |
| softmax, Glorot | sqrt(1 - 1/n) / n | at p = 1/n the Jacobian is (I - 11^T / n) / n |

Weights: the gradient of W_l for one example is d_l h_{l-1}^T, of norm |d_l| |h_{l-1}|. With ReLU both change by the
same factor in opposite directions, so it is the same in every layer even where signals vanish (the flat histograms
of Glorot & Bengio 2010, Fig. 8; there tanh near 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcamp.nets.activations import LEAK, Activation, Array

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)
_REACH = 10.0  # deviations; beyond lie 1e-23 of a normal distribution


@dataclass(frozen=True)
class Law:
    """What wide nets do; layers count from 1 to L.

    Attributes:
        forward: deviation of the pre-activations of each layer, (L,).
        signal: factor of the signal from layer l + 1 to l, for l = 1 to L - 1.
        weight: factor of one example's weight gradient from layer l + 1 to l, for l = 2 to L - 1.
    """

    forward: Array
    signal: Array
    weight: Array

    @property
    def factor(self) -> float:
        """Root mean square over layers of the signal's factors; compare `probes.signal_factor`."""
        return float(np.sqrt(np.mean(self.signal**2)))


def law(activation: Activation, gain: float, width: int, layers: int, first: float) -> Law:
    """The law of a net of equal widths.

    Args:
        gain: width times the variance of a weight.
        first: deviation of the first layer's pre-activations, which the inputs and their initialiser decide.
    """
    q = first**2
    deviations, slopes, values = [], [], []
    for _ in range(layers):
        value, slope = second_moments(activation, q, width)
        deviations.append(np.sqrt(q))
        slopes.append(slope)
        values.append(value)
        q = gain * value
    signal = np.sqrt(gain * np.array(slopes[:-1]))
    h = np.sqrt(np.array(values))
    # |g_l| / |g_{l+1}| = (|d_l| / |d_{l+1}|) (|h_{l-1}| / |h_l|)
    return Law(np.array(deviations), signal, signal[1:] * h[:-2] / h[1:-1])


def second_moments(activation: Activation, q: float, width: int) -> tuple[float, float]:
    """E[phi(z)^2] and E[phi'(z)^2] for z ~ N(0, q); softmax: over the units of a layer, its Jacobian's for a slope.

    Softmax over many units is e^z / (n e^{q/2}), whose mean square is e^q / n^2; its Jacobian takes a random signal
    to p (v - p.v), and the part along p, one of n dimensions, is lost.
    """
    if activation.name == "softmax":
        mean_square = np.exp(q) / width**2
        return float(mean_square), float(mean_square * (1 - 1 / width))
    # halves: the only kinks there are, are at 0
    z = np.sqrt(q) * _REACH * np.concatenate([-(_NODES + 1) / 2, (_NODES + 1) / 2])
    density = np.exp(-(z**2) / (2 * q)) * np.concatenate([_WEIGHTS, _WEIGHTS])
    density /= density.sum()
    return float(density @ activation.value(z) ** 2), float(density @ activation.slope(z) ** 2)


def exact_factor(activation: str, gain: float, width: int) -> float:
    """The signal's factor where it depends on nothing else; for sigmoid and tanh its upper bound.

    Raises:
        KeyError: there is no such statement on the activation; its factor depends on the pre-activations' variance.
    """
    mean_square = {
        "sigmoid": 1 / 16,
        "tanh": 1.0,
        "softmax": (1 - 1 / width) / width**2,
        "relu": 1 / 2,
        "leaky_relu": (1 + LEAK**2) / 2,
    }[activation]
    return float(np.sqrt(gain * mean_square))
