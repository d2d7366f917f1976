"""The floor of classifiers: one class for every image, the one that is most common among those it is scored on.

Chosen on the very labels that it is scored on, it is as high as a constant answer can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcamp.nets.classifier import cut_of


def rows(data: Any, config: Any, split: str) -> tuple[str, list[dict[str, Any]]]:
    """What the floor is, and one row an image: item, label, output, correct, loss (nats, of the classes' shares)."""
    parts = cut_of(config, data)
    labels = parts.part(split).y
    classes, counts = np.unique(labels, return_counts=True)
    most = int(classes[counts.argmax()])
    losses = dict(zip(classes.tolist(), (-np.log(counts / len(labels))).tolist(), strict=True))
    return f"the most common class, {most}, for every image", [
        {
            "item": f"{parts.names[split]} {index:05d}",
            "label": label,
            "output": most,
            "correct": int(label == most),
            "loss": losses[label],
        }
        for index, label in enumerate(labels.tolist())
    ]
