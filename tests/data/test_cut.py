"""One cut of labelled images, with fewer where fewer are asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dlcamp.data.cut import cut
from dlcamp.data.digits import Digits
from dlcamp.data.mnist import Mnist
from dlcamp.data.noisy_digits import NoisyDigits
from dlcamp.errors import DataError
from dlcamp.paths import REPOSITORY

SHARED = REPOSITORY.parent / "shared" / "data"


def test_without_wishes_the_parts_are_the_data_set_s_own() -> None:
    parts, own = cut(Digits(), 3), Digits().split(3)
    assert [len(part.y) for part in (parts.train, parts.val, parts.test)] == [1079, 359, 359]
    assert (parts.part("test").x == own.test.x).all()
    assert parts.true_labels is None


def test_training_images_are_drawn_by_the_sample_seed_and_keep_their_true_labels() -> None:
    one, same, other = (cut(NoisyDigits(), 0, train_images=300, sample_seed=seed) for seed in (1, 1, 2))
    assert len(one.train.y) == 300
    assert (one.train.x == same.train.x).all()
    assert (one.train.x != other.train.x).any()
    assert one.true_labels is not None
    assert 30 <= (one.train.y != one.true_labels).sum() <= 90
    whole = cut(NoisyDigits(), 0)
    places = [int(np.flatnonzero((whole.train.x == image).all(axis=1))[0]) for image in one.train.x[:20]]
    assert whole.true_labels is not None
    assert (whole.true_labels[places] == one.true_labels[:20]).all()


def test_a_sample_is_part_of_a_larger_one_of_the_same_seed() -> None:
    few, many = (cut(Digits(), 0, train_images=n, sample_seed=5) for n in (100, 500))
    assert (many.train.x[:100] == few.train.x).all()


def test_test_images_stay_whatever_is_asked_of_train_and_val() -> None:
    parts = cut(Digits(), 0, train_images=10, val_images=20)
    assert [len(part.y) for part in (parts.train, parts.val, parts.test)] == [10, 20, 359]
    assert (parts.test.x == cut(Digits(), 0).test.x).all()


@pytest.mark.parametrize(("wishes", "said"), [({"train_images": 1080}, "1,079"), ({"val_images": 360}, "359")])
def test_more_images_than_there_are_is_an_error_with_their_number(wishes: dict[str, int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        cut(Digits(), 0, **wishes)


def test_names_of_images_tell_cuts_apart_where_the_test_part_is_no_official_one() -> None:
    assert cut(Digits(), 0).names["test"] != cut(Digits(), 1).names["test"]


@pytest.mark.real_data
def test_mnist_trains_on_what_val_leaves_and_its_test_has_one_name(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent")
    shutil.copyfile(SHARED / "mnist.npz", tmp_path / "mnist.npz")
    data = Mnist(tmp_path)
    parts = cut(data, 0, val_images=1000)
    assert [len(part.y) for part in (parts.train, parts.val, parts.test)] == [59_000, 1000, 10_000]
    assert parts.names["test"] == cut(data, 1).names["test"] == "mnist test"
