"""The floor of classifiers."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from dlcamp.data.cut import cut
from dlcamp.data.digits import Digits
from dlcamp.nets.majority import rows


def test_every_image_is_said_to_be_of_the_most_common_class() -> None:
    config = SimpleNamespace(split_seed=0, seed=0, train_images=None, val_images=None)
    what, found = rows(Digits(), config, "val")
    parts = cut(Digits(), 0)
    counts = Counter(parts.val.y.tolist())
    times = max(counts.values())
    assert {row["output"] for row in found} <= {label for label, n in counts.items() if n == times}
    assert sum(row["correct"] for row in found) == times
    assert [row["label"] for row in found] == parts.val.y.tolist()
    assert found[0]["item"] == f"{parts.names['val']} 00000"
    assert str(found[0]["output"]) in what
    assert sum(row["loss"] for row in found) / len(found) == pytest.approx(2.3, abs=0.05)
