"""How large a net's weights are, layer by layer: counts first, then the figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 81


@dataclass(frozen=True)
class Histogram:
    """Share of one layer's weights in each bin between `edges` (one more than shares), and of those nearly 0."""

    name: str
    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    deviation: float
    near_zero: float


def weight_histograms(layers: Mapping[str, NDArray[Any]], near: float = 1e-3) -> list[Histogram]:
    """A histogram for each layer, all with the same edges, symmetric about 0 and as wide as the largest weight."""
    flat = {name: np.asarray(weights, float).ravel() for name, weights in layers.items()}
    widest = max((float(np.abs(values).max(initial=0.0)) for values in flat.values()), default=0.0) or 1.0
    found = []
    for name, values in flat.items():
        counts, edges = np.histogram(values, bins=BINS, range=(-widest, widest))
        shares = counts / len(values)
        found.append(Histogram(name, edges, shares, float(values.std()), float((np.abs(values) < near).mean())))
    return found


def draw_weight_histograms(found: Sequence[Histogram], title: str = "") -> Figure:
    """One outline a layer; shares on a logarithmic axis, so that few large weights can be seen beside many small."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.6))
    axes = figure.add_subplot()
    for one in found:
        label = f"{one.name}: sd {one.deviation:.3g}, {one.near_zero:.1%} near 0"
        axes.stairs(np.where(one.shares > 0, one.shares, np.nan), one.edges, label=label)
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set(xlabel="weight", ylabel="share of the layer's weights", title=title)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15))  # below: the peak is at the top
    return figure
