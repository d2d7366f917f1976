"""The floor of captioners on a split."""

from __future__ import annotations

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.constant_floor import rows
from dlcamp.data.scenes import Scenes


def test_one_training_caption_is_said_of_every_image_and_scored_as_the_scorer_does() -> None:
    data = Scenes()
    config = CaptionConfig(train_images=12, val_images=8)
    what, found = rows(data, config, "val")
    assert [row["item"] for row in found] == [item.id for item in data.items("val", 8)]
    (said,) = {row["output"] for row in found}
    assert said in {caption for item in data.items("train", 12) for caption in item.references}
    assert what == f"“{said}” for every image"
    assert all(row["cider"] >= 0 and "truthful" in row for row in found)
