"""Every figure of a study, by name, and how a page takes them in.

    for name, figure in figures(study).items():       "forest", "axis/depth", "curves/loss", "cost", "tuning"
        place = figure_div(figure, name)              needs plotly once on the page: `plotly.offline.get_plotlyjs()`
                                                      and `chart_script()`, which draws what comes into view

The word before the slash is the section that a figure belongs to; several figures of one section are alternatives.
"""

from __future__ import annotations

import html
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.analysis.chart_axis import axis_info, by_axis, gain_info
from dlcamp.analysis.chart_cost import cost, cost_info
from dlcamp.analysis.chart_curves import curves, curves_info
from dlcamp.analysis.chart_forest import forest, forest_info
from dlcamp.analysis.chart_tuning import tuning, tuning_info
from dlcamp.analysis.judged import against_baseline
from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.analysis.study import Study
from dlcamp.analysis.study_files import place_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from plotly.graph_objects import Figure

    from dlcamp.analysis.estimates import Mean
    from dlcamp.analysis.paired import Paired

SCRIPT = Path(__file__).parent / "templates" / "charts.js"
MOST = 12
"""Alternatives in one section: curves at every combination of axis values can be too many to choose from."""


def figures(study: Study) -> dict[str, Figure]:
    """Those figures for which the study has something to draw."""
    return {**_forest(study), **_axes(study), **_curves(study), **_cost(study), **_tuning(study)}


def metric_scale(study: Study) -> Scale:
    """How the compared metric is written in this study."""
    if study.findings is None:
        values = [cell.metrics.get(study.comparison.metric) for cell in study.cells]
        return scale_of(study.comparison.metric, values)
    means = [row.mean for row in study.findings.variants if row.n]
    differences = [result.paired for result in against_baseline(study.findings)]
    # a difference is known better than the two means that it is of, so differences decide the digits of both
    widths = _half_widths(differences) or _half_widths(means)
    return scale_of(study.comparison.metric, [mean.mean for mean in means], widths)


def _half_widths(intervals: Sequence[Mean] | Sequence[Paired]) -> list[float]:
    return [(one.high - one.low) / 2 for one in intervals if one.low is not None and one.high is not None]


def _forest(study: Study) -> dict[str, Figure]:
    if study.findings is None:
        return {}
    comparison = study.comparison
    info = forest_info(
        against_baseline(study.findings),
        metric_scale(study),
        comparison.baseline,
        comparison.higher_is_better,
        comparison.smallest_interesting,
        study.findings.level,
    )
    return {"forest": forest(info)} if info.rows else {}


def _axes(study: Study) -> dict[str, Figure]:
    """A figure an axis with two values or more, for each combination of the others."""
    if study.findings is None:
        return {}
    found = {}
    for name, values in study.axes.items():
        others = {axis: values for axis, values in study.axes.items() if axis != name}
        for combination in product(*others.values()):
            at = dict(zip(others, combination, strict=True))
            scale, baseline = metric_scale(study), study.comparison.baseline
            variants = study.variants
            where = [place_label(at)] if at else []
            means = axis_info(study.findings.variants, name, values, scale, variants, baseline, at)
            gains = gain_info(study.at_places, name, values, scale, variants, baseline, at)
            for label, info in ((f"mean by {name}", means), (f"gain by {name}", gains)):
                if len(values) > 1 and any(len(points) > 1 for points in info.points.values()):
                    found["/".join(["axis", label, *where])] = by_axis(info)
    return dict(list(found.items())[:MOST])


def _curves(study: Study) -> dict[str, Figure]:
    """A figure a metric and combination of axis values; past `MOST`, the first metrics and the last combinations."""
    metrics = list(dict.fromkeys(line.base for line in study.lines))
    places = list({place_label(line.axes): dict(line.axes) for line in study.lines}.items())
    room = max(MOST // max(len(metrics), 1), 1)
    found = {}
    for metric in metrics:
        for label, axes in places[-room:]:
            info = curves_info(study.lines, metric, study.variants, study.comparison.baseline, axes)
            if info.lines:
                found["/".join(["curves", metric, *([label] if label else [])])] = curves(info)
    return found


def _cost(study: Study) -> dict[str, Figure]:
    info = cost_info(study.cells, study.variants, study.comparison.baseline)
    return {"cost": cost(info)} if info.rows else {}


def _tuning(study: Study) -> dict[str, Figure]:
    info = tuning_info(study.tuned, study.variants, study.comparison.baseline)
    return {"tuning": tuning(info)} if info.panels else {}


def figure_json(figure: Figure) -> str:
    """Data and layout as JSON that may stand inside a script element."""
    text = figure.to_json(validate=False) or ""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def figure_div(figure: Figure, name: str, label: str = "") -> Markup:
    """The place of a figure on a page, with its data beside it and without plotly itself.

    Args:
        name: unique on the page.
        label: what the figure shows, for those who cannot see it.
    """
    from markupsafe import Markup

    height = int(figure.layout.height)
    narrow = int(figure.layout.meta["narrow"].get("height", height))
    return Markup(
        f'<div class="chart" id="figure-{html.escape(name)}" role="img" aria-label="{html.escape(label or name)}" '
        f'style="--height:{height}px;--narrow-height:{narrow}px"></div>\n'
        f'<script type="application/json" data-figure="figure-{html.escape(name)}">{figure_json(figure)}</script>'
    )


def chart_script() -> str:
    """The script that draws every `.chart` of a page when it comes into view; needs plotly loaded before it."""
    return SCRIPT.read_text("utf-8")
