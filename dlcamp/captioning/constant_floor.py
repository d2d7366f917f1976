"""The floor of captioners on a split: the one training caption that scores best as the caption of every image."""

from __future__ import annotations

from typing import Any

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.encoding import limits
from dlcamp.captioning.floors import best_constant
from dlcamp.captioning.results import measure
from dlcamp.data.captions import CaptionData, Split


def rows(data: CaptionData, config: CaptionConfig, split: Split) -> tuple[str, list[dict[str, Any]]]:
    """What the floor is, and one row an image as the scorer gives it. It is chosen by CIDEr on this very split."""
    most = limits(config)
    items = data.items(split, most[split])
    said = [caption for item in data.items("train", most["train"]) for caption in item.references]
    best = best_constant(said, [item.references for item in items], "cider")
    return f"“{best}” for every image", measure([best] * len(items), items, data, split).rows()
