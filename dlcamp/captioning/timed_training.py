"""Training as `training.fit` does it, cut so that it can be timed in turns: compiled or not, in buckets or not.

step = TimedStep(net, config)
step.epochs_of(data)            a function that trains one epoch more; batches are made in its time
step.uncompiled(data, steps=2)  the same step, run by Python, on batches of middling length
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dlcamp.analysis.alternating import Ratio
from dlcamp.analysis.result_rows import ResultRow
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, kind_of
from dlcamp.captioning.decoders.operations import operations, products
from dlcamp.captioning.samples import Samples
from dlcamp.captioning.train import optimizer_of, word_loss
from dlcamp.training.fit import compiled_steps
from dlcamp.training.seeds import generator

_SCHEDULED = 10_000  # steps of the schedule: more than are timed


class TimedStep:
    """The step of `training.fit` for one decoder, with the loss and optimizer of its config; compiled once."""

    def __init__(self, net: CaptionNet, config: CaptionConfig) -> None:
        optimizer = optimizer_of(config, _SCHEDULED)
        optimizer.build(net.teacher.trainable_variables)
        self._step = compiled_steps(net.teacher, word_loss(config.label_smoothing), optimizer, {})
        self._seed, self._one = config.seed, tf.constant(1)

    def epochs_of(self, data: Samples) -> Callable[[], int]:
        """A function that trains for one more epoch and returns how many captions that was."""
        epoch = 0

        def once() -> int:
            nonlocal epoch
            epoch += 1
            batches = iter(data.dataset(self._seed, epoch))
            for _ in range(data.steps):
                self._step(batches, self._one).numpy()
            return len(data.rows)

        return once

    def uncompiled(self, data: Samples, steps: int) -> Callable[[], int]:
        """A function that takes `steps` steps without a graph, on the batches nearest to the middle in length."""
        batches = sorted(data.batches(self._seed, epoch=1), key=lambda batch: batch[1].shape[1])
        begin = max((len(batches) - steps) // 2, 0)
        chosen = batches[begin : begin + steps]
        spec = data.dataset(self._seed, epoch=1).element_spec
        eager = self._step.python_function  # type: ignore[attr-defined]

        def once() -> int:
            again = tf.data.Dataset.from_generator(lambda: iter(chosen), output_signature=spec)
            eager(iter(again), tf.constant(len(chosen))).numpy()
            return sum(int(np.count_nonzero(mask[:, 0])) for _, _, mask in chosen)

        return once


@dataclass(frozen=True)
class InAnyOrder(Samples):
    """The same captions, shuffled, those of like length not put together."""

    @classmethod
    def of(cls, data: Samples) -> InAnyOrder:
        return cls(**vars(data))

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """(steps, batch) caption numbers; -1 fills up."""
        filled = np.full(self.steps * self.batch, -1)
        filled[: len(self.rows)] = generator(seed, "order", epoch).permutation(len(self.rows))
        return filled.reshape(self.steps, self.batch)


def padding(data: Samples, seed: int, epoch: int = 1) -> float:
    """Share of an epoch's time steps that say nothing: they are computed because another caption is longer."""
    batches = data.order(seed, epoch)
    computed = sum(int(data.lengths[chosen[chosen >= 0]].max()) * len(chosen) for chosen in batches)
    return 1 - int(data.lengths.sum()) / computed


@dataclass(frozen=True)
class Speed:
    """How fast one decoder is trained in one precision, one value a counted round.

    Attributes:
        name: of its metrics.
        words: of the mean caption, the end mark counted.
        captions: a second.
        floor: captions a second if only its products of matrices took time.
        share: of the floor that is reached: the time of the products in that of training.
        rates: product -> 10^9 operations a second.
    """

    name: str
    spec: DecoderSpec
    words: float
    captions: tuple[float, ...]
    floor: tuple[float, ...]
    share: Ratio
    rates: dict[str, float]

    @property
    def precision(self) -> str:
        return self.spec.precision

    @property
    def operations(self) -> float:
        """Of one caption, forward and backward."""
        return operations(self.spec, self.words)

    @property
    def parameters(self) -> int:
        return kind_of(self.spec).parameters(self.spec)

    def metrics(self) -> dict[str, float]:
        """Captions a second, the floor's, the share with its interval, operations, and the machine's rates."""
        rates = {f"rate/{self.name}_{product.replace(' ', '_')}": rate for product, rate in self.rates.items()}
        return {
            f"cost/{self.name}_captions_per_second": statistics.median(self.captions),
            f"cost/{self.name}_floor_captions_per_second": statistics.median(self.floor),
            f"cost/{self.name}_mflop_per_caption": self.operations / 1e6,
            **self.share.metrics(),
            **rates,
        }

    def rows(self) -> list[ResultRow]:
        """For docs/results."""
        title = self.name.replace("_", " ")
        return [
            ResultRow(f"{title}, captions/s", self.captions),
            ResultRow(f"{title}, captions/s of the products alone", self.floor),
            ResultRow.of(f"{title}, share of the floor", self.share),
            ResultRow(f"{title}, 10^6 operations a caption", (self.operations / 1e6,)),
        ]

    def line(self) -> str:
        """A line under `SPEED_HEAD`."""
        ends = f"{min(self.captions):,.0f} to {max(self.captions):,.0f}"
        interval = f"[{self.share.low:.0%}, {self.share.high:.0%}]"
        return (
            f"  {self.name:<22}{self.spec.units:>5}{self.parameters:>12,}{self.operations / 1e6:>8.0f}"
            f"{statistics.median(self.captions):>12,.0f}   {ends:<17}{statistics.median(self.floor):>7,.0f}"
            f"{self.share.median:>7.0%}   {interval:<16}{self.share.processor:.0%}"
        )

    def rate_line(self) -> str:
        """How fast this machine multiplies what this decoder multiplies."""
        shares = {one.name: one.operations / self.operations for one in products(self.spec, self.words)}
        parts = [f"{name} ({shares[name]:.0%}) {rate:.0f}" for name, rate in self.rates.items()]
        return f"  {self.name:<22}{', '.join(parts)}"


SPEED_HEAD = (
    f"  {'training':<22}{'units':>5}{'parameters':>12}{'Mflop':>8}{'captions/s':>12}   {'min to max':<17}{'floor':>7}"
    f"{'share':>7}   {'95 % interval':<16}processor time"
)
RATE_HEAD = "  10^9 operations a second of each product alone (its share of the caption's operations)"
