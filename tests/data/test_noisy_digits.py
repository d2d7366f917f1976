"""Digits with wrong training labels: how many, which, and where not."""

from __future__ import annotations

import numpy as np
import pytest

from dlcamp.data.catalog import entry
from dlcamp.data.digits import Digits
from dlcamp.data.noisy_digits import SHARE, NoisyDigits, NoisySplits


@pytest.fixture(scope="module")
def cut() -> NoisySplits:
    return NoisyDigits().split(0)


def test_a_fifth_of_the_training_labels_is_another_class(cut: NoisySplits) -> None:
    wrong = cut.train.y != cut.true_labels
    assert wrong.sum() == round(SHARE * 1079) == 216
    assert cut.train.y.dtype == np.int64
    assert set(cut.train.y.tolist()) == set(range(10))


def test_every_other_class_is_about_equally_likely() -> None:
    shifts = [(cut.train.y - cut.true_labels) % 10 for cut in map(NoisyDigits().split, range(20))]
    counts = np.bincount(np.concatenate(shifts), minlength=10)[1:]
    assert len(counts) == 9
    expected = counts.sum() / 9
    assert ((counts - expected) ** 2 / expected).sum() < 26.1  # chi-squared, 8 degrees of freedom, p = .001


def test_images_and_the_labels_of_val_and_test_are_those_of_the_digits(cut: NoisySplits) -> None:
    clean = Digits().split(0)
    assert (cut.train.x == clean.train.x).all()
    assert (cut.true_labels == clean.train.y).all()
    for part in ("val", "test"):
        assert (getattr(cut, part).x == getattr(clean, part).x).all()
        assert (getattr(cut, part).y == getattr(clean, part).y).all()


def test_what_is_wrong_depends_on_the_split_seed_only(cut: NoisySplits) -> None:
    np.random.seed(7)
    assert (NoisyDigits().split(0).train.y == cut.train.y).all()
    other = NoisyDigits().split(1)
    assert (other.true_labels != cut.true_labels).any()
    assert (other.train.y != other.true_labels).sum() == 216


def test_the_digest_is_another_than_that_of_the_digits() -> None:
    data = entry("noisy_digits").open()
    assert len(data.digest) == 64
    assert data.digest == NoisyDigits().digest != Digits().digest
