"""Figures of a linear classifier of two features: what it decides where, and how its penalty shapes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class BoundaryInfo:
    """Points of two classes, a grid of probabilities over them, and one point to be classified.

    Shapes: `points` (n, 2), `labels` (n,) of 0 and 1, `xs` (w,), `ys` (h,), `probabilities` (h, w).
    """

    names: tuple[str, str]
    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    asked: tuple[float, float]
    answer: float


def draw_boundary(info: BoundaryInfo) -> Figure:
    """Probability as colour, the line of p = 0.5, the points, and the point asked about."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    shade = axes.contourf(info.xs, info.ys, info.probabilities, levels=np.linspace(0, 1, 21), cmap="RdBu", alpha=0.75)
    axes.contour(info.xs, info.ys, info.probabilities, levels=[0.5], colors="black")
    for label, marker, name in ((0, "o", "did not buy"), (1, "s", "bought")):
        chosen = info.points[info.labels == label]
        axes.scatter(chosen[:, 0], chosen[:, 1], marker=marker, s=60, edgecolors="white", c="black", label=name)
    axes.scatter(*info.asked, marker="*", s=220, c="gold", edgecolors="black", label=f"asked: p = {info.answer:.3f}")
    axes.set(xlabel=info.names[0], ylabel=info.names[1], title="probability of buying; black line: p = 0.5")
    axes.legend(loc="lower right", framealpha=0.9)
    figure.colorbar(shade, ax=axes, ticks=[0, 0.25, 0.5, 0.75, 1.0])
    return figure


def draw_ratio_against_penalty(inverses: Sequence[float], ratios: Sequence[float], chosen: float) -> Figure:
    """Odds ratio against C, both on logarithmic axes; `chosen` is marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(inverses, ratios, marker=".")
    axes.axvline(chosen, color="grey", linestyle="--", label=f"C = {chosen:g}")
    axes.set(xscale="log", yscale="log", xlabel="C (weaker penalty to the right)", ylabel="odds ratio of income + 1")
    axes.set_title("separable data: without a penalty the ratio grows without end")
    axes.legend()
    return figure
