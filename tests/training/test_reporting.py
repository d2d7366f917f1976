"""What a training loop tells."""

from __future__ import annotations

import math

import pytest

from dlcamp.errors import RunFailed
from dlcamp.training.reporting import EpochMeans, labelled


def test_means_are_over_steps_whatever_the_calls() -> None:
    means = EpochMeans(("loss", "accuracy"), epoch=1, learning_rate=0.1)
    means.add([6.0, 1.5], steps=3)
    means.add([2.0, 0.5], steps=1)
    assert means.means() == {"loss": 2.0, "accuracy": 0.5}
    assert means.loss == 2.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_says_where_and_what_to_do(value: float) -> None:
    means = EpochMeans(("loss",), epoch=3, learning_rate=10.0)
    means.add([1.0], steps=4)
    with pytest.raises(RunFailed, match=r"epoch 3, step 5 \(learning rate 10\)\nlower the learning rate"):
        means.add([value], steps=1)


def test_a_label_goes_into_the_metric_and_leaves_the_split() -> None:
    assert labelled("train/loss", "blind") == "train/blind_loss"
    assert labelled("val/bleu_4", "") == "val/bleu_4"
