"""Every figure of a search, by name, each with what a reader has to know of it.

    for name, drawing in drawings(searched).items():     "ranking/val/accuracy", "history", "importances", "slices",
        drawing.figure, drawing.caption                  "parallel", "curves", "front"

The word before the first slash is the section that a figure belongs to; several of one section are alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.analysis.search_chart_curves import NEWEST, TOP, CurvesInfo, curves, curves_info
from dlcamp.analysis.search_chart_front import front, front_info
from dlcamp.analysis.search_chart_history import HistoryInfo, history, history_info
from dlcamp.analysis.search_chart_importances import ImportancesInfo, importances, importances_info
from dlcamp.analysis.search_chart_parallel import parallel, parallel_info
from dlcamp.analysis.search_chart_ranking import ranking, ranking_info
from dlcamp.analysis.search_chart_slices import SlicesInfo, slices, slices_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from dlcamp.analysis.searched import Searched, SearchTrial


@dataclass(frozen=True)
class Drawing:
    """A figure and its caption, plain text."""

    figure: Figure
    caption: str


def drawings(searched: Searched, on_front: Sequence[SearchTrial] | None = None) -> dict[str, Drawing]:
    """Those figures for which the search has something to draw; `on_front` where it is known already."""
    return {
        **_ranking(searched),
        **_history(searched),
        **_importances(searched),
        **_slices(searched),
        **_parallel(searched),
        **_curves(searched),
        **_front(searched, on_front),
    }


def _ranking(searched: Searched) -> dict[str, Drawing]:
    if searched.replication is None:
        return {}
    infos = [ranking_info(rows) for rows in (searched.replication.rows, searched.replication.also)]
    caption = (
        "Means over new seeds with 95 % intervals, and differences to the defaults, paired by seed. Filled: separated "
        "after Holm's correction or shown to be equivalent; hollow: not separated."
    )
    return {f"ranking/{info.scale.metric}": Drawing(ranking(info), caption) for info in infos if info.rows}


def _named(searched: Searched, section: str, index: int) -> str:
    several = len(searched.objectives) > 1
    return f"{section}/{searched.objectives[index].metric}" if several else section


def _history(searched: Searched) -> dict[str, Drawing]:
    infos = [history_info(searched, index) for index in range(len(searched.objectives))]
    return {
        _named(searched, "history", index): Drawing(history(info), _history_caption(info))
        for index, info in enumerate(infos)
        if info.finished or info.defaults or info.pruned or info.failed
    }


def _history_caption(info: HistoryInfo) -> str:
    parts = ["One seed a trial. The stair is the best so far; part of its climb is luck."]
    parts += ["The dashed line is the value of the defaults." if info.defaults else "The defaults have not finished."]
    without = [word for word, points in (("were pruned", info.pruned), ("failed", info.failed)) if points]
    parts += [f"Trials that {' or '.join(without)} have no value; they are marked below the others."] * bool(without)
    return _joined(*parts, info.axis.note, _left_out(info.left_out))


def _importances(searched: Searched) -> dict[str, Drawing]:
    infos = [importances_info(searched, index) for index in range(len(searched.objectives))]
    return {
        _named(searched, "importances", index): Drawing(importances(info), _importances_caption(info))
        for index, info in enumerate(infos)
        if info.shares
    }


def _importances_caption(info: ImportancesInfo) -> str:
    few = " With fewer than about 50 finished trials they are rough." if info.trials < 50 else ""
    return (
        f"PED-ANOVA (Watanabe et al. 2023) of {info.metric}: how much the values of a field differ between the best "
        f"trials and all of them, as shares that add up to 100 %; from {info.trials:,} finished trials.{few} A field "
        "matters only within the space that was searched, and shares say nothing of what fields do together."
    )


def _slices(searched: Searched) -> dict[str, Drawing]:
    infos = [slices_info(searched, index) for index in range(len(searched.objectives))]
    return {
        _named(searched, "slices", index): Drawing(slices(info), _slices_caption(info))
        for index, info in enumerate(infos)
        if info.slices
    }


def _slices_caption(info: SlicesInfo) -> str:
    title = info.objective.title
    parts = [f"{title} of every finished trial. The bluer, the later; the diamond is the defaults."]
    fixed = ", ".join(f"{name} = {value}" for name, value in info.fixed.items())
    parts += [f"Never varied among them: {fixed}."] if fixed else []
    return _joined(*parts, info.objective.note, _left_out(info.left_out))


def _parallel(searched: Searched) -> dict[str, Drawing]:
    info = parallel_info(searched)
    if not info.fields or len(info.rows) < 2:
        return {}
    caption = (
        f"A line a finished trial; the bluer, the better its rank by {info.objectives[0].scale.metric}. "
        "Draw along an axis to keep what crosses there; a click takes all back."
    )
    return {"parallel": Drawing(parallel(info), _joined(caption, info.objectives[0].note, _left_out(info.left_out)))}


def _curves(searched: Searched) -> dict[str, Drawing]:
    info = curves_info(searched)
    return {"curves": Drawing(curves(info), _curves_caption(info))} if info.groups else {}


def _curves_caption(info: CurvesInfo) -> str:
    parts = [f"{info.axis.scale.metric} while the trials ran. A name in the legend hides its lines."]
    parts += ["Pruned trials end where they were cut off."] if "pruned" in info.groups else []
    if info.left_out:
        drawn = f"Drawn are the {TOP} best finished trials and the {NEWEST} newest others"
        parts.append(f"{drawn}; {info.left_out:,} more are in the runs.")
    return " ".join(parts)


def _front(searched: Searched, on_front: Sequence[SearchTrial] | None) -> dict[str, Drawing]:
    if len(searched.objectives) != 2 or not searched.finished():
        return {}
    info = front_info(searched, on_front)
    caption = (
        "No trial beats one of the front in both objectives. Values of one seed each: the front is optimistic too."
    )
    notes = (one.note for one in info.axes)
    return {"front": Drawing(front(info), _joined(caption, *notes, _left_out(info.left_out)))}


def _left_out(count: int) -> str:
    return f"Drawn are the best trials and an even choice of the others; {count:,} are left out." if count else ""


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
