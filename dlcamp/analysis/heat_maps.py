"""Figures of what passes through a deep net: heat maps of layer against epoch, profiles by layer, slices of the loss.

Each is computed first (a record of numbers), then drawn. Colours are the same in every figure: a decade is a decade in
each run, so that two nets can be laid side by side; what is darker than the scale has vanished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

DECADES = (-10, 1)
"""Of the colour scale, as powers of ten."""
_COLOURS = "inferno"  # even in lightness, and black where nothing is left
_MEASURED = ("#1f6f8b", "#b5651d")  # signal, weight gradient
_WHEN = ("#3b1c8c", "#d8572a")  # before and after training
_LINES_FROM = 2.0
"""Decades between layers from which lines are drawn: in a flat map they would only trace noise."""


@dataclass(frozen=True)
class HeatMap:
    """`powers` (layers, epochs): log10 of what is shown, NaN where it is 0 or not finite; layers count from 1."""

    title: str
    epochs: tuple[int, ...]
    powers: Array

    @property
    def vanished(self) -> float:
        """Share of the map that lies below the scale, or is 0."""
        return float(np.mean(~(self.powers >= DECADES[0])))


def heat_map(title: str, values: NDArray[Any], epochs: Sequence[int]) -> HeatMap:
    """The map of values (layers, epochs), none of them negative."""
    table = np.asarray(values, float)
    fine = np.isfinite(table) & (table > 0)
    powers = np.log10(table, out=np.full(table.shape, np.nan), where=fine)
    return HeatMap(title, tuple(epochs), powers)


def draw_heat_maps(maps: Sequence[HeatMap], title: str = "") -> Figure:
    """Maps side by side, the first layer at the bottom, with a line at each decade and one colour bar."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    colours = colormaps[_COLOURS].with_extremes(under="black", bad="black")
    figure = Figure(figsize=(1.2 + 4.3 * len(maps), 4.4))
    # laid out by hand: matplotlib's own layouts draw everything twice more, which an ablation pays a hundred times
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.13, top=0.86, wspace=0.05)
    panels = np.atleast_1d(figure.subplots(1, len(maps), sharey=True))
    for axes, one in zip(panels, maps, strict=True):
        image = _draw_map(axes, one, colours, Normalize(*DECADES))
    panels[0].set_ylabel("hidden layer (1 is next to the inputs)")
    bar = figure.colorbar(image, ax=list(panels), extend="min", pad=0.02, aspect=28)
    ticks = range(DECADES[0], DECADES[1] + 1)
    bar.set_ticks(list(ticks), labels=[_power(tick) for tick in ticks])
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_map(axes: Axes, one: HeatMap, colours: Any, scale: Any) -> Any:
    layers, columns = one.powers.shape
    # a column and a row reach half way to the next; probes need not be equally far apart
    sides = _edges(np.array(one.epochs, float)), np.arange(layers + 1) + 0.5
    image = axes.pcolormesh(*sides, one.powers, cmap=colours, norm=scale, rasterized=True)
    if layers > 1 and columns > 1:
        _draw_decades(axes, one)
    axes.set(title=one.title, xlabel="epoch (0: before training)", xlim=(sides[0][0], sides[0][-1]))
    axes.set_yticks(_whole(layers))
    axes.title.set_fontsize(10)
    if one.vanished > 0.02:
        said = f"below {_power(DECADES[0])} in {100 * one.vanished:.0f} % of the map"
        axes.text(0.985, 0.03, said, transform=axes.transAxes, color="white", ha="right", fontsize=8)
    return image


def _draw_decades(axes: Axes, one: HeatMap) -> None:
    filled = np.nan_to_num(one.powers, nan=DECADES[0] - 1.0)
    found = [level for level in range(*DECADES) if filled.min() < level < filled.max()]
    if not found or np.ptp(np.median(filled, axis=1)) < _LINES_FROM:
        return
    rows = np.arange(1, len(filled) + 1)
    # dark lines on light colours, light ones on dark
    inks = ["white" if level < DECADES[0] + 0.62 * (DECADES[1] - DECADES[0]) else "black" for level in found]
    lines = axes.contour(one.epochs, rows, filled, levels=found, colors=inks, linewidths=0.6, linestyles="solid")
    axes.clabel(lines, fmt={level: _power(level) for level in found}, fontsize=7)


def _edges(centres: Array) -> Array:
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _whole(layers: int) -> list[int]:
    """About eight layers to name, 1 and the last among them."""
    step = max(1, round(layers / 8))
    return sorted({1, layers, *range(step, layers, step)} - ({layers - 1} if step > 1 else set()))


def _power(exponent: int) -> str:
    return f"$10^{{{exponent}}}$"


@dataclass(frozen=True)
class Profile:
    """Something of every layer as measured, and what the law says of it; layers count from `first`."""

    title: str
    measured: Array
    law: Array | None
    factor: float
    law_factor: float
    first: int = 1


def profile(title: str, measured: NDArray[Any], factors: NDArray[Any], factor: float, first: int = 1) -> Profile:
    """The law's profile starts where the measured one does, at the last layer, and goes back by the law's factors.

    Args:
        measured: (layers,).
        factors: (layers - 1,), from layer l + 1 to l.
        factor: what is measured a layer.
        first: number of the first layer.
    """
    values, steps = np.asarray(measured, float), np.asarray(factors, float)
    back = np.concatenate([np.cumprod(steps[::-1])[::-1], [1.0]])
    said = float(np.sqrt(np.mean(steps**2))) if len(steps) else 1.0
    return Profile(title, values, values[-1] * back, factor, said, first)


def draw_layers(
    profiles: Sequence[Profile],
    sensitivity: Mapping[str, NDArray[Any]],
    slices: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    title: str = "",
) -> Figure:
    """Three panels: profiles at initialisation against the law, sensitivity by layer, slices of the loss.

    Args:
        sensitivity: when -> |d logits / d activations| of each layer.
        slices: when -> distances (points,) and losses (directions, points).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.5, 3.9))
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.14, top=0.83, wspace=0.2)
    left, middle, right = figure.subplots(1, 3)
    _draw_profiles(left, profiles)
    _draw_sensitivity(middle, sensitivity)
    _draw_slices(right, slices)
    for axes in (left, middle, right):
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_profiles(axes: Axes, profiles: Sequence[Profile]) -> None:
    for one, ink in zip(profiles, _MEASURED, strict=False):
        layers = np.arange(len(one.measured)) + one.first
        said = f"{one.title}: {one.factor:.3g} a layer"
        axes.plot(layers, _positive(one.measured), "o", color=ink, markersize=4, label=said)
        if one.law is not None:
            axes.plot(layers, _positive(one.law), "-", color=ink, linewidth=1, label=f"law: {one.law_factor:.3g}")
    axes.set(title="at the start: measured, and the law", xlabel="hidden layer", ylabel="sd, norm")
    _logarithmic(axes)
    axes.legend(fontsize=8, frameon=False)


def _draw_sensitivity(axes: Axes, sensitivity: Mapping[str, NDArray[Any]]) -> None:
    for (when, values), ink in zip(sensitivity.items(), _WHEN, strict=False):
        axes.plot(np.arange(len(values)) + 1, _positive(np.asarray(values, float)), "o-", color=ink, label=when,
                  markersize=4, linewidth=1)  # fmt: skip
    axes.set(title="sensitivity: |d logits / d activations|", xlabel="hidden layer")
    _logarithmic(axes)
    axes.legend(fontsize=8, frameon=False)


def _draw_slices(axes: Axes, slices: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> None:
    for (when, (distances, losses)), ink in zip(slices.items(), _WHEN, strict=False):
        axes.plot(distances, np.asarray(losses).T, color=ink, alpha=0.35, linewidth=0.8)
        axes.plot(distances, np.asarray(losses).mean(axis=0), color=ink, linewidth=2, label=when)
    axes.set(title="loss along random directions, filter-normalised", xlabel="distance, in lengths of the weights")
    axes.set_ylabel("cross-entropy, nats")
    low, high = axes.get_ylim()
    if high - low < 0.1:  # a flat surface must look flat
        axes.set_ylim((low + high) / 2 - 0.05, (low + high) / 2 + 0.05)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.locator_params(axis="x", nbins=5)
    axes.legend(fontsize=8, frameon=False)


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _logarithmic(axes: Axes) -> None:
    """At least two decades are shown, so that a flat profile looks flat."""
    shown = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()] or [np.ones(1)])
    shown = shown[np.isfinite(shown)]
    axes.set_yscale("log")
    axes.minorticks_off()
    if len(shown):
        low, high = np.log10(shown.min()), np.log10(shown.max())
        missing = max(0.0, 2 - (high - low)) / 2 + 0.05 * (high - low) + 0.1
        axes.set_ylim(10 ** (low - missing), 10 ** (high + missing))
    last = max((int(np.max(line.get_xdata())) for line in axes.get_lines()), default=1)
    axes.set_xticks(_whole(last))
