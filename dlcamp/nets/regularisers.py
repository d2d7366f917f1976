"""Eight answers to over-fitting, one of them none, as what `dense_net` takes: penalty, bound and noise.

| name | what |
| --- | --- |
| none | nothing |
| l1, l2 | penalty l1 sum |w|, l2 sum w^2 over all kernels |
| max_norm | incoming weights of a unit no longer than max_norm, after each step (Srebro & Shraibman 2005) |
| dropout | units set to 0 at random, the rest scaled up (Srivastava et al. 2014) |
| dropout_l2, dropout_max_norm | both |
| gaussian | units multiplied by N(1, p / (1 - p)): dropout's mean and variance (Srivastava et al. 2014, section 10) |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from dlcamp.errors import UnknownName
from dlcamp.training.seeds import derive

PARTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "l1": ("l1",),
    "l2": ("l2",),
    "max_norm": ("max_norm",),
    "dropout": ("dropout",),
    "dropout_l2": ("dropout", "l2"),
    "dropout_max_norm": ("dropout", "max_norm"),
    "gaussian": ("gaussian",),
}


@dataclass(frozen=True)
class Strengths:
    """How strongly each part regularises; those that a regulariser has no use for are not looked at.

    Args:
        dropout, input_dropout: share dropped of hidden units and of inputs (papers often give the share kept).
        l1, l2: factors of sum |w| and sum w^2.
        max_norm: longest vector of incoming weights.
    """

    dropout: float = 0.5
    input_dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = 3.0


@dataclass(frozen=True)
class Regulariser:
    """What `dense_net` takes as `regularizer`, `constraint` and `between`."""

    penalty: keras.regularizers.Regularizer | None
    constraint: keras.constraints.Constraint | None
    between: Callable[[int], Sequence[keras.layers.Layer]]


def regulariser(name: str, strengths: Strengths, seed: int, precision: str = "float32") -> Regulariser:
    """The regulariser of that name.

    Args:
        seed: of the noise; each layer has a stream of its own.
        precision: dtype policy of the layers that make the noise.

    Raises:
        UnknownName: there is none.
    """
    if name not in PARTS:
        raise UnknownName("regulariser", name, PARTS)
    parts = PARTS[name]
    penalty = None
    if "l1" in parts or "l2" in parts:
        penalty = keras.regularizers.L1L2(
            l1=strengths.l1 if "l1" in parts else 0.0, l2=strengths.l2 if "l2" in parts else 0.0
        )
    # axis 0 runs over the inputs of a unit: its incoming weights
    constraint = keras.constraints.MaxNorm(strengths.max_norm, axis=0) if "max_norm" in parts else None
    kinds = {"dropout": keras.layers.Dropout, "gaussian": keras.layers.GaussianDropout}
    kind = next((kinds[part] for part in parts if part in kinds), None)

    def between(layer: int) -> list[keras.layers.Layer]:
        rate = strengths.dropout if layer else strengths.input_dropout
        if kind is None or not rate:
            return []
        return [kind(rate, seed=derive(seed, "noise", layer), dtype=precision, name=f"noise_{layer}")]

    return Regulariser(penalty, constraint, between)
