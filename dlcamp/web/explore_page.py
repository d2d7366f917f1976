"""The explore page: pick experiments, metric, groups and filters; dots a seed, means with intervals, and the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from dlcamp.analysis.chart_axis import axis_info, by_axis
from dlcamp.analysis.chart_style import colours, text
from dlcamp.analysis.charts import figure_div
from dlcamp.analysis.findings import VariantRow
from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.web.dots import Dot, DotRow, DotsInfo, dots
from dlcamp.web.explore import FACTORS, MOST_GROUPS, Explored, Group, Seed, explore
from dlcamp.web.explore_query import ANY, NONE, STATUSES, Query
from dlcamp.web.site import READ, Site


@dataclass(frozen=True)
class Option:
    """One choice of the form."""

    value: str
    label: str
    chosen: bool


def routes(site: Site) -> APIRouter:
    """The explore page."""
    router = APIRouter()

    @router.api_route("/explore", methods=READ)
    def page(request: Request) -> Response:
        asked = Query.parse(request.query_params)
        known = _known(site)
        wrong = [name for name in asked.names if name not in known]
        asked = replace(asked, names=tuple(name for name in asked.names if name in known))
        found = explore(site.reader, asked, _preferred(site, asked.names))
        return site.render(
            "explore.html",
            asked=asked,
            found=found,
            unknown=wrong,
            form=form(asked, found, known),
            scale=scale_of_groups(found),
            figures=[] if found.refusal else list(figures(found)),
            compare=compare_command(asked, found),
            separated={factor: asked.grouped(*found.factors, factor) for factor in found.averaged},
            most=MOST_GROUPS,
        )

    return router


def _known(site: Site) -> list[str]:
    """Experiments that have runs, in the course's order, those that only the store knows last."""
    rows, _ = site.reader.recent()
    there = dict.fromkeys(row.experiment for row in rows)
    found = site.listing()
    return [name for name in found if name in there] + [name for name in there if name not in found]


def _preferred(site: Site, names: Sequence[str]) -> list[str]:
    """What the chosen experiments compare, then their objectives."""
    declared = [one for name in names if (one := site.experiment(name)) is not None]
    return [one.compare.metric for one in declared if one.compare] + [one.objective.metric for one in declared]


def form(asked: Query, found: Explored, known: Sequence[str]) -> Mapping[str, list[Option]]:
    """Everything that can be chosen."""
    factors = list(dict.fromkeys([*found.varying, *found.factors])) if found.runs else []
    presets = {"": "all but smoke", ANY: "all", NONE: "without a preset"}
    presets |= {name: name for name in found.presets if name}
    data = {"": "all"} | {name: name for name in found.data if name}
    return {
        "name": _options({name: name for name in known}, asked.names),
        "metric": _options({metric: metric for metric in found.metrics}, [found.metric]),
        "group": _options({factor: factor for factor in factors}, found.factors),
        "status": _options({word: "any" if word == ANY else word.lower() for word in STATUSES}, [asked.status]),
        "preset": _options(presets, [asked.preset]),
        "data": _options(data, [asked.data]),
    }


def _options(choices: Mapping[str, str], chosen: Sequence[str]) -> list[Option]:
    """A choice that is gone stays visible, so that the page says what its address says."""
    gone = {value: f"{value} (none)" for value in chosen if value and value not in choices}
    return [Option(value, label, value in chosen) for value, label in {**choices, **gone}.items()]


def scale_of_groups(found: Explored) -> Scale:
    """How the metric is written."""
    means = [group.mean for group in found.groups]
    widths = [(mean.high - mean.low) / 2 for mean in means if mean.low is not None and mean.high is not None]
    values = [seed.value for group in found.groups for seed in group.seeds]
    return scale_of(found.metric, [*values, *(mean.mean for mean in means)], widths)


def figures(found: Explored) -> list[Markup]:
    """Dots of the first groups; the metric against an axis where one numeric axis is among the groups."""
    shown = [group for group in found.groups if group.seeds][:MOST_GROUPS]
    if not shown:
        return []
    scale = scale_of_groups(found)
    colour = _colours(found)
    rows = tuple(_row(group, colour[group.values], scale) for group in shown)
    described = f"{found.metric} of {len(rows)} groups, a dot a seed"
    made = [figure_div(dots(DotsInfo(rows, scale)), "dots", described)]
    axes = [factor for factor in found.factors if factor not in FACTORS and _numeric(found.varying.get(factor, []))]
    if len(axes) == 1:
        made.append(figure_div(_against(axes[0], found, scale), "axis", f"{found.metric} against {axes[0]}"))
    return made


def _row(group: Group, colour: str, scale: Scale) -> DotRow:
    shown = tuple(Dot(seed.value, seed.seed, seed.counts, _hover(seed, group, scale)) for seed in group.seeds)
    return DotRow(group.label, colour, shown, group.mean)


def _hover(seed: Seed, group: Group, scale: Scale) -> str:
    runs = ", ".join(dict.fromkeys(text(cell.name or cell.run[:8]) for cell in seed.cells[:3]))
    more = f" and {len(seed.cells) - 3} more" if len(seed.cells) > 3 else ""
    state = "" if seed.counts else f"<br>{text(seed.cells[0].status.lower())}, not in the mean"
    return f"<b>{text(group.label)}</b>, seed {seed.seed}<br>{scale.value(seed.value)}<br>{runs}{more}{state}"


def _colours(found: Explored) -> dict[tuple[str, ...], str]:
    """By the variant where it is among the groups, else by the first factor."""
    by = found.factors.index("variant") if "variant" in found.factors else 0
    names = list(dict.fromkeys(group.values[by] for group in found.groups))
    known = colours(names)
    return {group.values: known[group.values[by]] for group in found.groups}


def _numeric(values: Sequence[str]) -> bool:
    try:
        return len(values) > 1 and all(math.isfinite(float(value)) for value in values)
    except ValueError:
        return False


def _against(axis: str, found: Explored, scale: Scale) -> Any:
    """A line for each combination of the other factors."""
    at = found.factors.index(axis)
    rows = [
        VariantRow(
            variant=" · ".join(value or "none" for place, value in enumerate(group.values) if place != at)
            or found.metric,
            axes={axis: group.values[at]},
            n=group.mean.n,
            failed=group.failed,
            waiting=0,
            mean=group.mean,
            shown={},
            seconds=None,
        )
        for group in found.groups
    ]
    names = list(dict.fromkeys(row.variant for row in rows))
    return by_axis(axis_info(rows, axis, found.varying[axis], scale, names))


def _without(values: Sequence[str], place: int) -> Sequence[str]:
    return [*values[:place], *values[place + 1 :]]


def compare_command(asked: Query, found: Explored) -> str:
    """The command that tests what the page describes; empty where nothing is to be compared."""
    if len(found.groups) < 2 or not found.metric or not asked.names:
        return ""
    data = f" DATA={asked.data}" if asked.data else ""
    preset = f" PRESET={asked.preset}" if asked.preset not in ("", ANY, NONE) else ""
    return f"make compare NAMES={','.join(asked.names)} METRIC={found.metric}{data}{preset}"
