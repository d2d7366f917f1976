"""Labelled images as an experiment uses them: one cut of a data set, with fewer images where fewer are asked for.

Test is never made smaller, and never the place that images are taken from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dlcamp.data.digits import DigitSplits, Part
from dlcamp.data.mnist import Mnist
from dlcamp.data.noisy_digits import NoisySplits
from dlcamp.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Labelled(Protocol):
    """A data set value of labelled images."""

    @property
    def name(self) -> str: ...

    def split(self, seed: int) -> DigitSplits: ...


@dataclass(frozen=True)
class Cut:
    """The parts an experiment trains on, chooses by and reports; `true_labels` of train, where some of it are wrong.

    `names` says by part how its images are called: the same image has the same name in every run that can hold it.
    """

    train: Part
    val: Part
    test: Part
    names: dict[str, str]
    true_labels: NDArray[np.int64] | None = None

    def part(self, split: str) -> Part:
        """`train`, `val` or `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]


def cut(
    data: Labelled,
    split_seed: int,
    *,
    train_images: int | None = None,
    val_images: int | None = None,
    sample_seed: int = 0,
) -> Cut:
    """One cut of a data set.

    Args:
        train_images: how many training images, drawn by `sample_seed`; None: all of them.
        val_images: how many validation images. MNIST gives the others to train; elsewhere they stay unused.

    Raises:
        DataError: more images are asked for than there are.
    """
    official = isinstance(data, Mnist)
    if isinstance(data, Mnist) and val_images:
        parts: DigitSplits = data.split(split_seed, val_images)
    else:
        parts = data.split(split_seed)
    true = parts.true_labels if isinstance(parts, NoisySplits) else None
    train, val = parts.train, _first(data.name, "val", parts.val, val_images)
    if train_images is not None:
        chosen = _chosen(data.name, len(train.y), train_images, sample_seed)
        train, true = Part(train.x[chosen], train.y[chosen]), None if true is None else true[chosen]
    own = f"{data.name} cut {split_seed}"
    names = {"train": f"{own} train", "val": f"{own} val", "test": f"{data.name} test" if official else f"{own} test"}
    return Cut(train, val, parts.test, names, true)


def _chosen(name: str, there: int, wanted: int, seed: int) -> NDArray[np.int64]:
    import numpy as np

    if wanted > there:
        raise DataError(f"train_images={wanted:,} asked for; {name} has {there:,} training images")
    return np.random.default_rng(seed).permutation(there)[:wanted]


def _first(name: str, split: str, part: Part, wanted: int | None) -> Part:
    if wanted is not None and wanted > len(part.y):
        raise DataError(f"{split}_images={wanted:,} asked for; {name} has {len(part.y):,}")
    return Part(part.x[:wanted], part.y[:wanted])
