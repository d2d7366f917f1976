"""A trained dense net as a predictor: a row of numbers to a class, without TensorFlow.

It computes in NumPy and float64, so that a copy that is reloaded elsewhere, with other threads and batches, gives the
same probabilities, and starts in a moment. Noise and penalties of the training leave no trace in it. A trained Keras
model becomes one by `dense.classifier_of`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from dlcamp.data.cut import Cut, cut
from dlcamp.errors import DataError
from dlcamp.nets import activations
from dlcamp.training.seeds import derive

_ABOUT, _WEIGHTS = "classifier.json", "weights.safetensors"
_BATCH = 4096

Array = NDArray[np.float64]
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    **{name: one.value for name, one in activations.ACTIVATIONS.items()},
    "linear": lambda x: x,
}


class Classifier:
    """A dense net with its weights.

    Args:
        features: names of the inputs, in order.
        classes: what the logits stand for, in order.
        activation: of the hidden layers: one of `activations`, or linear.
        layers: kernel (inputs, outputs) and bias (outputs,) of each layer, the last gives the logits.

    Raises:
        DataError: shapes that do not fit together, or another activation.
    """

    kind: ClassVar[str] = "row"

    def __init__(
        self,
        features: Sequence[str],
        classes: Sequence[int | str],
        activation: str,
        layers: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    ) -> None:
        self.features, self.classes, self.activation = tuple(features), tuple(classes), activation
        self.layers = [(kernel, bias) for kernel, bias in layers]
        widths = [len(self.features), *(len(bias) for _, bias in self.layers)]
        if [kernel.shape for kernel, _ in self.layers] != list(pairwise(widths)):
            raise DataError(f"kernels {[k.shape for k, _ in self.layers]} do not lead from {len(self.features)} inputs")
        if widths[-1] != len(self.classes) or not self.layers:
            raise DataError(f"{widths[-1]} logits for {len(self.classes)} classes")
        if activation not in ACTIVATIONS:
            raise DataError(f"activation {activation!r} cannot be served; these can: {', '.join(ACTIVATIONS)}")

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return sum(kernel.size + bias.size for kernel, bias in self.layers)

    def sparsity(self, below: float = 1e-3) -> float:
        """Share of all kernels' weights that are smaller than `below`."""
        small = sum(int((np.abs(kernel) < below).sum()) for kernel, _ in self.layers)
        return small / sum(kernel.size for kernel, _ in self.layers)

    def logits(self, x: NDArray[Any]) -> Array:
        """(n, inputs) -> (n, classes)."""
        shape = ACTIVATIONS[self.activation]
        parts = []
        for start in range(0, len(x), _BATCH):
            values = np.asarray(x[start : start + _BATCH], np.float64)
            for kernel, bias in self.layers[:-1]:
                values = shape(values @ kernel.astype(np.float64) + bias)
            kernel, bias = self.layers[-1]
            parts.append(values @ kernel.astype(np.float64) + bias)
        return np.concatenate(parts) if parts else np.empty((0, len(self.classes)))

    def log_probabilities(self, x: NDArray[Any]) -> Array:
        """(n, inputs) -> ln p of each class, (n, classes)."""
        logits = self.logits(x)
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def predict(self, inputs: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
        """The likeliest class of each row and its probability: {"class": 3, "probability": 0.98}.

        Raises:
            DataError: a row lacks a feature, or it is no finite number.
        """
        found = self.log_probabilities(self._table(inputs))
        best = found.argmax(axis=1)
        return [
            {"class": self.classes[place], "probability": float(np.exp(row[place]))}
            for row, place in zip(found, best.tolist(), strict=True)
        ]

    def rows(self, x: NDArray[Any]) -> list[dict[str, float]]:
        """Images (n, inputs) as the rows that `predict` takes."""
        return [dict(zip(self.features, row, strict=True)) for row in np.asarray(x, float).tolist()]

    def _table(self, rows: Sequence[Mapping[str, float]]) -> Array:
        try:
            table = np.array([[float(row[name]) for name in self.features] for row in rows], dtype=float)
        except KeyError as error:
            raise DataError(f"a row lacks the feature {error}; it takes {self.shown_features()}") from None
        except (TypeError, ValueError) as error:
            raise DataError(f"a row holds something that is not a number ({error})") from None
        if not np.isfinite(table).all():
            raise DataError("a row holds NaN or an infinite number; features must be finite")
        return table.reshape(len(rows), len(self.features))

    def shown_features(self) -> str:
        """`pixel_0_0 to pixel_7_7 (64)`."""
        return f"{self.features[0]} to {self.features[-1]} ({len(self.features)})"

    def save(self, folder: Path) -> None:
        """Write a json and a safetensors file."""
        about = {"features": self.features, "classes": self.classes, "activation": self.activation}
        (folder / _ABOUT).write_text(json.dumps(about) + "\n", "utf-8")
        arrays: dict[str, NDArray[Any]] = {}
        for index, (kernel, bias) in enumerate(self.layers):
            arrays |= {f"{index:03d}.kernel": np.ascontiguousarray(kernel), f"{index:03d}.bias": bias}
        save_file(arrays, folder / _WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: a file is missing, damaged or something else.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            arrays = load_file(folder / _WEIGHTS)
            layers = [(arrays[f"{i:03d}.kernel"], arrays[f"{i:03d}.bias"]) for i in range(len(arrays) // 2)]
            return cls(about["features"], about["classes"], about["activation"], layers)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder} holds no classifier ({error!r}); log the model again") from error
        except Exception as error:  # safetensors' own errors have no common base with the above
            raise DataError(f"{folder}: {error}; log the model again") from error


def pixel_names(count: int) -> tuple[str, ...]:
    """Names of the pixels of a square image, row by row: `pixel_0_0`, `pixel_0_1`, ..."""
    side = round(count**0.5)
    if side * side != count:
        raise DataError(f"{count} pixels are no square image")
    return tuple(f"pixel_{row}_{column}" for row in range(side) for column in range(side))


def score(
    classifier: Classifier, parts: Cut, split: str, most: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """One row an image (item, label, output, correct, loss) and `<split>/accuracy`, `<split>/loss`.

    Args:
        most: at most the first so many images; None: all.
    """
    x, labels = parts.part(split).x[:most], parts.part(split).y[:most]
    found = classifier.log_probabilities(x)
    output, loss = found.argmax(axis=1), -found[np.arange(len(labels)), labels]
    correct = output == labels
    columns = (labels, output, correct.astype(int), loss)
    rows = [
        {"item": f"{parts.names[split]} {index:05d}", "label": label, "output": said, "correct": right, "loss": cost}
        for index, (label, said, right, cost) in enumerate(zip(*(c.tolist() for c in columns), strict=True))
    ]
    return rows, {f"{split}/accuracy": float(correct.mean()), f"{split}/loss": float(loss.mean())}


def cut_of(config: Any, data: Any) -> Cut:
    """The cut that a config with split_seed, seed, train_images and val_images asks for."""
    return cut(
        data,
        config.split_seed,
        train_images=config.train_images,
        val_images=config.val_images,
        sample_seed=derive(config.seed, "sample"),
    )


def rescore(predictor: Classifier, data: Any, config: Any, split: str) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The scorer of experiments with a `Classifier`: one row an image and the totals, on the config's cut."""
    return score(predictor, cut_of(config, data), split)
