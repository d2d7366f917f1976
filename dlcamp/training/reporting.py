"""What a training loop tells: the part of a run it needs, and the one object that speaks to it.

The loop reports; it does not log. Progress goes out a call (a line that costs microseconds), metrics once an
epoch, and a loss that is no number ends the training with the place and the likely remedies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from dlcamp.errors import RunFailed


class Progress(Protocol):
    """A live bar."""

    def advance(self, n: int = 1, **shown: Any) -> None:
        """`n` more units are done; `shown` values appear beside the bar."""


class Run(Protocol):
    """What a training loop needs of a run (`dlcamp.tracking`'s ActiveRun has it)."""

    @property
    def folder(self) -> Path: ...

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None: ...

    def flush(self) -> None: ...

    def progress(self, total: int, what: str, unit: str) -> AbstractContextManager[Progress]: ...

    def say(self, line: str) -> None: ...


class EpochMeans:
    """Weighted means over the calls of one epoch; refuses values that are no numbers.

    Args:
        names: what the training step returns, the loss first.
        epoch: for the message, from 1.
        learning_rate: for the message.
    """

    def __init__(self, names: tuple[str, ...], epoch: int, learning_rate: float) -> None:
        self._names = names
        self._epoch = epoch
        self._learning_rate = learning_rate
        self._sums = [0.0] * len(names)
        self._steps = 0

    def add(self, sums: list[float], steps: int) -> None:
        """Add the sums over `steps` training steps.

        Raises:
            RunFailed: the loss is not finite.
        """
        self._steps += steps
        if not math.isfinite(sums[0]):
            raise RunFailed(
                f"the training loss became {sums[0]} in epoch {self._epoch}, step {self._steps} "
                f"(learning rate {self._learning_rate:g})\n"
                "lower the learning rate, set a gradient clip norm, or look for inputs that are not finite"
            )
        self._sums = [total + value for total, value in zip(self._sums, sums, strict=True)]

    @property
    def loss(self) -> float:
        """Mean loss so far."""
        return self._sums[0] / max(self._steps, 1)

    def means(self) -> dict[str, float]:
        """Name -> mean over the epoch's steps."""
        return {name: total / max(self._steps, 1) for name, total in zip(self._names, self._sums, strict=True)}


def labelled(name: str, label: str) -> str:
    """`train/loss` of the training labelled `blind` is `train/blind_loss`; without a label, itself."""
    split, _, metric = name.rpartition("/")
    return f"{split}/{label}_{metric}" if label else name
