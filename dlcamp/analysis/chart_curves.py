"""Learning curves: a panel a variant, validation solid with a band, training dashed, the baseline behind in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.chart_style import (
    BASELINE,
    Panel,
    axes_of,
    colours,
    columns_for,
    faded,
    figure,
    labelled,
    panels,
    rounded,
    text,
)
from dlcamp.analysis.learning import Line

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class CurvesInfo:
    """Curves of one metric at one combination of axis values.

    Args:
        lines: variant -> split ("train", "val") -> line, in the order of the panels.
        behind: the baseline's validation line, drawn in every other panel.
    """

    base: str
    lines: Mapping[str, Mapping[str, Line]]
    baseline: str
    behind: Line | None
    colours: Mapping[str, str]


def curves_info(
    lines: Sequence[Line], base: str, variants: Sequence[str], baseline: str = "", axes: Mapping[str, str] | None = None
) -> CurvesInfo:
    """Those lines of one metric that lie at the axis values; variants in the order given."""
    here = [line for line in lines if line.base == base and line.axes == dict(axes or {})]
    by_variant = {variant: {line.split: line for line in here if line.variant == variant} for variant in variants}
    by_variant = {variant: splits for variant, splits in by_variant.items() if splits}
    reference = by_variant.get(baseline, {})
    behind = reference.get("val") or reference.get("train")
    return CurvesInfo(base, by_variant, baseline, behind, colours(variants, baseline))


def curves(info: CurvesInfo) -> Figure:
    """Small multiples with common axes."""
    from plotly import graph_objects as go

    traces: list[Any] = []
    grid = []
    most = max((line.steps[-1] for splits in info.lines.values() for line in splits.values()), default=0)
    for index, (variant, splits) in enumerate(info.lines.items()):
        colour, place = info.colours[variant], axes_of(index)
        grid.append(Panel(variant, colour, *_shared(index, most)))
        if info.behind is not None and variant != info.baseline:
            traces.append(_line(go, info.behind, BASELINE, 1.2, "solid", place, info.baseline))
        for split, line in splits.items():
            dash = "dash" if split == "train" and len(splits) > 1 else "solid"
            if dash == "solid":
                traces += _band(go, line, colour, place)
            traces.append(_line(go, line, colour, 1.6 if dash == "dash" else 2.2, dash, place, variant))
    columns = columns_for(len(grid))
    wide, narrow = (
        panels(labelled(grid, columns), columns, height=170),
        panels(labelled(grid, 2), 2, height=130, left=44),
    )
    return figure(traces, **wide, narrow=narrow, hoverlabel={"namelength": -1})


def _shared(index: int, most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Common axes; epochs are whole numbers."""
    ticks: dict[str, Any] = {"dtick": 1} if most <= 6 else {"nticks": 6}
    return ticks | ({"matches": "x"} if index else {}), ({"matches": "y"} if index else {})


def _line(go: Any, line: Line, colour: str, width: float, dash: str, place: Mapping[str, str], variant: str) -> Any:
    hover = f"{text(variant)}, {line.split}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>"
    return go.Scatter(
        x=list(line.steps), y=rounded(line.mean), mode="lines" if len(line.steps) > 1 else "markers",
        line={"color": colour, "width": width, "dash": dash}, hovertemplate=hover, **place,
    )  # fmt: skip


def _band(go: Any, line: Line, colour: str, place: Mapping[str, str]) -> list[Any]:
    if line.seeds < 2:
        return []
    around = [*line.steps, *reversed(line.steps)]
    ends = rounded([*line.high, *reversed(line.low)])
    return [
        go.Scatter(
            x=around, y=ends, fill="toself", fillcolor=faded(colour, 0.18), mode="none", hoverinfo="skip", **place
        )
    ]
