"""The sizes EfficientNet-Lite comes in, and the shapes it gives: facts that need no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Output = Literal["pooled", "map", "logits"]

FEATURES = 1280
CLASSES = 1000


@dataclass(frozen=True)
class Scale:
    """Compound scaling of one size; `size`: side of the input in pixels; `dropout`: share dropped before the logits."""

    width: float
    depth: float
    size: int
    dropout: float


SCALES = {
    "lite0": Scale(1.0, 1.0, 224, 0.2),
    "lite1": Scale(1.0, 1.1, 240, 0.2),
    "lite2": Scale(1.1, 1.2, 260, 0.3),
    "lite3": Scale(1.2, 1.4, 280, 0.3),
    "lite4": Scale(1.4, 1.8, 300, 0.3),
}


def output_shape(scale: str, output: Output) -> tuple[int, ...]:
    """Shape of the output for one image; the map has a stride of 32 pixels, rounded up."""
    side = -(-SCALES[scale].size // 32)
    return {"pooled": (FEATURES,), "map": (side, side, FEATURES), "logits": (CLASSES,)}[output]
