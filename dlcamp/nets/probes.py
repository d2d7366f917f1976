"""What passes through a dense net, forwards and backwards, measured on a fixed batch: at the start and in training.

The pass is written out, in NumPy and float64: thirty softmax layers of 64 units make a signal 64^30 times smaller,
which no float32 holds; and one net after another costs no compilation. A test compares it with TensorFlow's gradients.
Layers are the hidden ones, from the inputs on. Signals are those of single examples (d loss of the example / d
pre-activation); weight gradients are those of the batch's mean loss, which an optimiser follows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from dlcamp.nets.activations import Activation, Array, activation

if TYPE_CHECKING:
    import keras

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Weights:
    """A dense net's weights in float64: kernels (inputs, outputs) and biases; the last layer gives the logits."""

    activation: Activation
    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]

    @classmethod
    def of(cls, model: keras.Model) -> Self:
        """Those that a `dense_net` has now; its hidden layers share one activation."""
        from dlcamp.nets.dense import dense_layers

        found = dense_layers(model)
        kernels, biases = ([np.asarray(part, np.float64) for part in parts] for parts in _parts(found))
        return cls(activation(found[0].activation.__name__), tuple(kernels), tuple(biases))

    def forward(self, x: NDArray) -> tuple[list[Array], list[Array], Array]:
        """Pre-activations z and activations h of the hidden layers, h beginning with the inputs; and the logits."""
        zs, hs = [], [np.asarray(x, np.float64)]
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            zs.append(hs[-1] @ kernel + bias)
            hs.append(self.activation.value(zs[-1]))
        return zs, hs, hs[-1] @ self.kernels[-1] + self.biases[-1]

    def log_probabilities(self, x: NDArray) -> Array:
        """(n, inputs) -> ln p of each class, (n, classes)."""
        return _log_softmax(self.forward(x)[2])

    def backward(
        self, zs: Sequence[Array], slopes: Sequence[Array], signal: Array
    ) -> Iterator[tuple[int, Array, Array]]:
        """(layer, d / d activation, d / d pre-activation) from the last hidden layer back, of d / d logits `signal`."""
        for layer in range(len(zs), 0, -1):
            by_activation = signal @ self.kernels[layer].T
            signal = self.activation.back(zs[layer - 1], by_activation, slopes[layer - 1])
            yield layer, by_activation, signal


def _parts(layers: Sequence[keras.layers.Dense]) -> tuple[list, list]:
    return [layer.kernel for layer in layers], [layer.bias for layer in layers]


@dataclass(frozen=True)
class Probe:
    """One measurement; every array has one value a hidden layer.

    Attributes:
        pre_activation: root mean square of z.
        activation_mean, activation_sd: of h, over examples and units.
        saturation: share of (example, unit) whose slope is below 5 % of the steepest.
        dead: share of units that are saturated on every example.
        signal: deviation from 0 of d loss / d z, an example.
        weight_gradient: Frobenius norm of d mean loss / d kernel.
        example_gradient: the same of a single example's loss, geometric mean over examples.
        loss: mean cross-entropy, nats.
    """

    pre_activation: Array
    activation_mean: Array
    activation_sd: Array
    saturation: Array
    dead: Array
    signal: Array
    weight_gradient: Array
    example_gradient: Array
    loss: float


def probe(net: Weights, x: NDArray, y: Labels) -> Probe:
    """Measure a net on a batch, (n, inputs) and (n,)."""
    zs, hs, logits = net.forward(x)
    slopes = [net.activation.slope(z) for z in zs]
    saturated = [net.activation.saturated(slope) for slope in slopes]
    start, losses = _cross_entropy(logits, y)
    signal, batch, single = (np.empty(len(zs)) for _ in range(3))
    for layer, _, back in net.backward(zs, slopes, start):
        below = hs[layer - 1]
        signal[layer - 1] = _rms(back)
        batch[layer - 1] = np.linalg.norm(below.T @ back) / len(x)
        # a single example's gradient is an outer product: its norm is the product of two norms
        single[layer - 1] = _geometric(np.linalg.norm(below, axis=1) * np.linalg.norm(back, axis=1))
    return Probe(
        pre_activation=np.array([_rms(z) for z in zs]),
        activation_mean=np.array([h.mean() for h in hs[1:]]),
        activation_sd=np.array([h.std() for h in hs[1:]]),
        saturation=np.array([share.mean() for share in saturated]),
        dead=np.array([share.all(axis=0).mean() for share in saturated]),
        signal=signal,
        weight_gradient=batch,
        example_gradient=single,
        loss=float(losses.mean()),
    )


def sensitivity(net: Weights, x: NDArray) -> Array:
    """Of each hidden layer, |d logits / d activations| (Frobenius), root mean square over the examples."""
    zs, _, logits = net.forward(x)
    classes = logits.shape[1]
    start = np.broadcast_to(np.eye(classes)[:, None, :], (classes, len(x), classes))
    found = np.empty(len(zs))
    slopes = [net.activation.slope(z) for z in zs]
    for layer, by_activation, _ in net.backward(zs, slopes, start):
        found[layer - 1] = np.sqrt((by_activation**2).sum(axis=(0, 2)).mean())
    return found


def signal_factor(found: Probe) -> float:
    """Factor a layer of the signal's deviation on its way back, root mean square over layers; 1 with one layer.

    Not the geometric mean: the laws hold for mean squares, and a logarithm's mean lies below (5 / (4 n) for one example
    and ReLU). Where no signal arrives at all, the factor is 0.
    """
    ratios = np.divide(found.signal[:-1], found.signal[1:], out=np.zeros(len(found.signal) - 1), where=_some(found))
    return float(np.sqrt(np.mean(ratios**2))) if len(ratios) else 1.0


def weight_factor(found: Probe) -> float:
    """Factor a layer of single examples' weight gradients, from the last to the second layer; 1 is flat.

    The first layer is left out: its inputs are the data. Geometric mean, over layers and examples, in which the two
    ways, forwards and backwards, have the same bias with opposite signs. 1 below three layers, 0 without any gradient.
    """
    own = found.example_gradient[1:]
    if len(own) < 2:
        return 1.0
    return float((own[0] / own[-1]) ** (1 / (len(own) - 1))) if own[-1] else 0.0


@dataclass(frozen=True)
class Slices:
    """Loss along random directions: `distances` (points,), `losses` (directions, points)."""

    distances: Array
    losses: Array

    @property
    def range(self) -> float:
        """Largest minus smallest loss along a direction, mean over directions: 0 is a flat surface."""
        return float((self.losses.max(axis=1) - self.losses.min(axis=1)).mean())


def slices(
    net: Weights,
    x: NDArray,
    y: Labels,
    rng: np.random.Generator,
    *,
    directions: int = 3,
    points: int = 17,
    reach: float = 0.5,
) -> Slices:
    """The loss at weights + t direction, t from -reach to reach; kernels only.

    A direction is normal noise in which every unit's incoming weights are as long as the net's own, so that the
    slices of nets with large and small weights can be compared (Li et al. 2018, sec. 4, filter normalisation).
    """
    distances = np.linspace(-reach, reach, points)
    losses = np.empty((directions, points))
    for row in losses:
        noise = [_as_long(rng.standard_normal(kernel.shape), kernel) for kernel in net.kernels]
        for index, t in enumerate(distances):
            moved = tuple(kernel + t * step for kernel, step in zip(net.kernels, noise, strict=True))
            _, _, logits = Weights(net.activation, moved, net.biases).forward(x)
            row[index] = _cross_entropy(logits, y)[1].mean()
    return Slices(distances, losses)


def _as_long(noise: Array, kernel: Array) -> Array:
    return noise * np.linalg.norm(kernel, axis=0) / np.linalg.norm(noise, axis=0)


def _cross_entropy(logits: Array, y: Labels) -> tuple[Array, Array]:
    """Of each example: d loss / d logits, and the loss in nats."""
    logs = _log_softmax(logits)
    right = np.arange(len(y)), y
    losses, slope = -logs[right], np.exp(logs)
    slope[right] -= 1
    return slope, losses


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _geometric(values: Array) -> float:
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def _some(found: Probe) -> NDArray[np.bool_]:
    return found.signal[1:] > 0


class ProbeLog:
    """Probes of a net while it trains, one line each in a file of the run's folder: a killed run keeps them.

    Args:
        measure: makes the probe of the net as it is now.
        every: epochs from one to the next; 0: never, not even at the start.
        path: the file; lines that an earlier attempt left are read, an epoch that comes again replaces its line.
    """

    def __init__(self, measure: Callable[[], Probe], every: int, path: Path) -> None:
        self._measure, self._every, self._path = measure, every, path
        self._found = dict(_read(path))

    def after(self, epoch: int) -> Probe | None:
        """The probe after an epoch (0: before the first), where one is due."""
        if not self._every or epoch % self._every:
            return None
        found = self._measure()
        self._found[epoch] = found
        line = {"epoch": epoch} | {k: v if k == "loss" else v.tolist() for k, v in asdict(found).items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            # the newline goes before: the last line of a killed attempt may have none
            file.write("\n" + json.dumps(line))
        return found

    @property
    def epochs(self) -> list[int]:
        """Those probed, in order."""
        return sorted(self._found)

    @property
    def last(self) -> Probe:
        """The newest."""
        return self._found[self.epochs[-1]]

    def table(self, what: str) -> Array:
        """One attribute of every probe, (layers, epochs)."""
        return np.stack([getattr(self._found[epoch], what) for epoch in self.epochs], axis=1)


def _read(path: Path) -> Iterator[tuple[int, Probe]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    names = {field.name for field in fields(Probe)}
    for line in lines:
        try:
            said = json.loads(line)
            values: dict[str, Any] = {name: said[name] if name == "loss" else np.array(said[name]) for name in names}
            yield said["epoch"], Probe(**values)
        except (ValueError, KeyError):
            continue  # a line cut short by a kill; its epoch comes again


def norms(found: Probe) -> dict[str, float]:
    """`grad/layer_03_norm`, ...: norm of the weight gradient of each hidden layer."""
    return {f"grad/layer_{index:02d}_norm": float(value) for index, value in enumerate(found.weight_gradient, start=1)}
