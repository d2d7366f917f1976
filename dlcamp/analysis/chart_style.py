"""How figures look: colours, the common layout, grids of panels, and a narrow form for telephones.

A figure works on light and dark pages: its backgrounds are transparent, its greys lie in the middle, and the page's
script gives the text the page's colour. `layout.meta["narrow"]` holds what replaces parts of the layout where the
figure gets less than `NARROW` pixels.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NARROW = 620
BASELINE = "#8a919c"
COLOURS = (
    "#3d7edb", "#e0762f", "#2f9e6e", "#c94f8b", "#8b67d6", "#19a0b8",
    "#c59a17", "#d1495b", "#7d9b2c", "#a06a45", "#5b7f95", "#d977b4",
)  # fmt: skip
VERDICTS = {
    "better": "#2f9e6e",
    "worse": "#d1495b",
    "equivalent": "#3d7edb",
    "not separated": BASELINE,
    "one seed": BASELINE,
    "no data": BASELINE,
}
GRID = "rgba(128,136,148,.22)"
ZERO = "rgba(128,136,148,.75)"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
_TITLE, _BELOW = 26, 34  # pixels over and under a panel


def colours(variants: Sequence[str], baseline: str = "") -> dict[str, str]:
    """One colour a variant; the baseline is grey. They repeat after twelve."""
    others = [variant for variant in variants if variant != baseline]
    found = {variant: COLOURS[index % len(COLOURS)] for index, variant in enumerate(others)}
    return found | {baseline: BASELINE}


def faded(colour: str, share: float) -> str:
    """A hexadecimal colour with an opacity."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def text(value: object) -> str:
    """Names for a figure: plotly reads a little HTML in every text, links among it."""
    return html.escape(str(value), quote=False)


def rounded(values: Sequence[float | None]) -> list[float | None]:
    """Five significant digits, which is more than a screen shows."""
    return [None if value is None else float(f"{value:.5g}") for value in values]


def figure(traces: Sequence[Any], *, height: int, narrow: Mapping[str, Any] | None = None, **layout: Any) -> Figure:
    """A figure in the house style; `narrow` is merged into the layout on narrow screens."""
    from plotly import graph_objects as go

    base = {
        "template": go.layout.Template(),
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": "#6d7580"},
        "margin": {"l": 60, "r": 16, "t": 16, "b": 48},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "meta": {"narrow": {"dragmode": False, **(narrow or {})}},
    }
    return go.Figure(traces, base | layout)


def axis(**more: Any) -> dict[str, Any]:
    """A quiet axis: faint grid, no line."""
    if isinstance(more.get("title"), str):
        more["title"] = {"text": more["title"], "font": {"size": 13}, "standoff": 8}
    return {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True, **more}


def padded(values: Sequence[float], share: float = 0.06) -> list[float]:
    """A range that holds all of them with some room at both ends."""
    low, high = min(values), max(values)
    room = share * ((high - low) or abs(high) or 1.0)
    return [low - room, high + room]


def decades(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with few ticks, at powers of ten, which are written as such."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    powers = range(first, last + 1, max(1, -(-(last - first) // 4)))
    ticks = {"tickvals": [10.0**power for power in powers], "ticktext": [_power(power) for power in powers]}
    return {"type": "log", **ticks}


def _power(power: int) -> str:
    if -2 <= power <= 3:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@dataclass(frozen=True)
class Panel:
    """One small plot of a grid: its title with its colour, and more for its two axes."""

    title: str
    colour: str = ""
    x: Mapping[str, Any] | None = None
    y: Mapping[str, Any] | None = None


def panels(grid: Sequence[Panel], columns: int, *, height: int, left: int = 56) -> dict[str, Any]:
    """Layout of a grid of panels; trace i goes to axes `x{i + 1}`, `y{i + 1}` (see `axes_of`).

    Args:
        grid: row by row.
        columns: how many beside each other.
        height: of one panel, in pixels.
        left: margin for the tick labels of the first column.
    """
    columns = max(min(columns, len(grid)), 1)
    rows = -(-len(grid) // columns)
    step = height + _TITLE + _BELOW
    whole = rows * step - _BELOW
    gap = 0.045 if columns > 2 else 0.08
    layout: dict[str, Any] = {"annotations": [], "height": whole + 34, "margin": {"l": left, "r": 12, "t": 4, "b": 30}}
    for index, panel in enumerate(grid):
        row, column = divmod(index, columns)
        width = (1 - gap * (columns - 1)) / columns
        start = column * (width + gap)
        top = 1 - (row * step + _TITLE) / whole
        number = "" if index == 0 else str(index + 1)
        x = {"domain": [start, min(start + width, 1.0)], "anchor": f"y{number}", **(panel.x or {})}
        y = {"domain": [max(top - height / whole, 0.0), top], "anchor": f"x{number}", **(panel.y or {})}
        layout[f"xaxis{number}"] = axis(**x)
        layout[f"yaxis{number}"] = axis(**y)
        layout["annotations"].append(
            {"text": f"<b>{text(panel.title)}</b>", "x": start, "y": top, "xref": "paper", "yref": "paper"}
            | {"xanchor": "left", "yanchor": "bottom", "showarrow": False, "yshift": 4, "align": "left"}
            | {"font": {"size": 12.5} | ({"color": panel.colour} if panel.colour else {})}
        )
    return layout


def labelled(grid: Sequence[Panel], columns: int) -> list[Panel]:
    """With the tick labels of a common vertical axis at the first column only."""
    return [
        Panel(panel.title, panel.colour, panel.x, {**(panel.y or {}), "showticklabels": index % max(columns, 1) == 0})
        for index, panel in enumerate(grid)
    ]


def axes_of(index: int) -> dict[str, str]:
    """The axes of the panel of an index, for its traces."""
    number = "" if index == 0 else str(index + 1)
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def columns_for(panel_count: int) -> int:
    """How many panels beside each other look even on a desktop."""
    if panel_count <= 4:
        return panel_count
    return 3 if panel_count in (5, 6, 9) else 4
