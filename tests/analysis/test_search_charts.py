"""Figures of a search: what is computed for them is looked at in records, what is drawn only as far as it matters."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from dlcamp.analysis.search_chart_axes import field_axis, objective_axis
from dlcamp.analysis.search_chart_curves import NEWEST, POINTS, TOP, curves, curves_info
from dlcamp.analysis.search_chart_front import front, front_info
from dlcamp.analysis.search_chart_history import history, history_info, thinned
from dlcamp.analysis.search_chart_importances import importances_info
from dlcamp.analysis.search_chart_parallel import parallel, parallel_info
from dlcamp.analysis.search_chart_ranking import ranking, ranking_info
from dlcamp.analysis.search_chart_slices import slices, slices_info
from dlcamp.analysis.search_charts import drawings
from dlcamp.analysis.searched import Searched
from dlcamp.experiment import minimize
from dlcamp.spaces import Choice, Float, Int
from tests.analysis.made_searches import made, replicated


def with_trials(searched: Searched, **changes: Any) -> Searched:
    return replace(searched, trials=tuple(replace(trial, **changes) for trial in searched.trials))


def valued(searched: Searched, values: list[float], **fields: Any) -> Searched:
    """Finished trials with these values of the objective."""
    trials = [
        replace(trial, status="FINISHED", objectives=(value,))
        for trial, value in zip(searched.trials, values, strict=True)
    ]
    return replace(searched, trials=tuple(trials), **fields)


def test_every_section_of_a_search_is_drawn_once_and_several_objectives_are_alternatives() -> None:
    one = drawings(made(30))
    assert list(one) == ["history", "importances", "slices", "parallel", "curves"]
    two = list(drawings(made(30, 2)))
    assert two[:2] == ["history/val/accuracy", "history/cost/parameters"]
    assert "front" in two
    assert "front" not in drawings(made(30, 3))
    assert list(drawings(replicated(made(30))))[:2] == ["ranking/val/accuracy", "ranking/test/accuracy"]
    assert all(drawing.caption and drawing.figure.layout.height for drawing in one.values())


@pytest.mark.parametrize("status", ["PRUNED", "FAILED", "RUNNING", "WAITING"])
def test_a_search_without_a_finished_trial_is_drawn_as_far_as_it_goes(status: str) -> None:
    for curve in ((), ((1, 2.3), (2, 0.5))):
        found = drawings(replace(with_trials(made(5), status=status, objectives=(), curve=curve), importances={}))
        assert ("curves" in found) == bool(curve)
        assert "slices" not in found
        assert "parallel" not in found
    assert drawings(replace(made(0), importances={})) == {}


def test_a_history_has_the_best_so_far_and_marks_the_defaults_and_what_has_no_value() -> None:
    searched = valued(made(5), [0.5, 0.4, 0.7, 0.6, 0.9])
    info = history_info(searched)
    assert [(point.number, point.value) for point in info.best] == [(0, 0.5), (2, 0.7), (4, 0.9), (4, 0.9)]
    assert info.defaults is not None
    assert info.defaults.number == 0
    assert [point.number for point in info.finished] == [1, 2, 3, 4]
    lower = history_info(replace(searched, objectives=(minimize("val/loss"),)))
    assert [point.number for point in lower.best] == [0, 1, 4]
    whole = history_info(made(30))
    assert [point.number for point in whole.failed] == [13, 26]
    assert [point.number for point in whole.pruned] == [7, 14, 21, 28]
    drawn = history(whole)
    names = {trace.name: trace for trace in drawn.data}
    low = drawn.layout.yaxis.range[0]
    assert low < names["failed"].y[0] < names["pruned"].y[0] < min(names["finished"].y)
    assert drawn.layout.shapes[0].y0 == pytest.approx(names["defaults"].y[0], rel=1e-4)


def test_trials_that_diverged_do_not_press_the_others_together() -> None:
    values = [0.90 + number / 1000 for number in range(29)] + [0.1]
    where = objective_axis(valued(made(30), values))
    assert where.edge is not None
    assert 0.85 < where.edge < 0.9
    assert where.beyond == 1
    assert where.place(0.1) == pytest.approx(100 * where.edge)
    assert where.place(0.91) == pytest.approx(91)
    assert "One finished trial was worse" in where.note
    usual = objective_axis(valued(made(30), [*values[:-1], 0.88]))
    assert usual.edge is None
    assert usual.note == ""
    bad_defaults = objective_axis(valued(made(30), [0.1, *values[:-1]]))
    assert bad_defaults.edge is None  # the defaults are always within


def test_an_axis_of_equal_values_has_room() -> None:
    where = objective_axis(valued(made(4), [0.5] * 4))
    low, high = where.layout()["range"]
    assert low < 50 < high


def test_costs_over_many_decades_are_logarithmic() -> None:
    searched = made(30, 2)
    assert not objective_axis(searched, 1).log
    wide = [replace(t, objectives=(t.objectives[0], 10.0 ** (t.number % 6 + 1))) for t in searched.finished()]
    where = objective_axis(replace(searched, trials=tuple(wide)), 1)
    assert where.log
    assert where.layout()["type"] == "log"
    assert front(front_info(replace(searched, trials=tuple(wide)))).layout.xaxis.type == "log"
    history(history_info(replace(searched, trials=tuple(wide)), 1))


def test_values_that_an_axis_of_numbers_does_not_hold_lie_at_its_left() -> None:
    axis = field_axis("l2", Float(1e-6, 1e-2, log=True), [0.0, None, 1e-4])
    places = [axis.place(value) for value in (0.0, None, 1e-6, 1e-4)]
    assert places[2:] == [-6.0, -4.0]
    assert all(place is not None and axis.range[0] < place < -6 for place in places[:2])
    assert places[0] != places[1]
    assert {"0", "None", "10⁻⁶"} <= {label for _, label in axis.ticks}
    assert axis.place("unheard of") is None
    beyond = field_axis("x", Float(0, 1), [5.0])
    assert beyond.high == 5.0


def test_options_of_every_type_have_places_of_their_own_also_out_of_a_file() -> None:
    axis = field_axis("x", Choice(None, True, 1, "1", (64,), (128, 64)), ["other"])
    assert axis.place([128, 64]) == 5.0
    assert len({axis.place(one) for one in (None, True, 1, "1", (64,), "other")}) == 6
    labels = [label for _, label in axis.ticks]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    "space",
    [Int(16, 512, log=True), Int(1, 3), Float(0.5, 4, log=True), Float(1.9, 2.1, log=True), Float(0.3, 0.3),
     Float(-5, 1e6), Int(7, 7), Float(1e-12, 1e12, log=True)],
)  # fmt: skip
def test_an_axis_has_a_few_ticks_inside_of_it(space: Float | Int) -> None:
    axis = field_axis("x", space, [space.low, space.high])
    assert 1 <= len(axis.ticks) <= 9
    assert all(axis.low - 1e-6 <= place <= axis.high + 1e-6 for place, _ in axis.ticks)
    assert len({label for _, label in axis.ticks}) == len(axis.ticks)


def test_slices_have_a_panel_a_varied_field_the_important_ones_first() -> None:
    searched = made(30)
    info = slices_info(searched)
    assert [one.axis.name for one in info.slices][:3] == ["learning_rate", "dropout", "units"]
    assert all(one.defaults is not None and one.defaults[0] == 0 for one in info.slices)
    constant = replace(searched, trials=tuple(replace(t, values={**t.values, "units": 64}) for t in searched.trials))
    info = slices_info(constant)
    assert "units" not in [one.axis.name for one in info.slices]
    assert dict(info.fixed) == {"units": "64"}
    assert "Never varied among them: units = 64." in drawings(constant)["slices"].caption
    assert [one.name for one in parallel_info(constant).fields] == [one.axis.name for one in info.slices]


def test_slices_of_many_trials_leave_out_hovers_and_some_dots() -> None:
    drawn = slices(slices_info(made(2000)))
    assert all(trace.text is None for trace in drawn.data if len(trace.x) > 1)
    assert slices_info(made(2000)).left_out == 0
    assert slices_info(made(2000, 3)).left_out > 0


def test_thinned_trials_keep_the_best_and_the_defaults() -> None:
    searched = made(3000)
    kept = thinned(searched.finished(), 100, searched)
    assert len(kept) <= 101
    assert {0, *(trial.number for trial in searched.ranked()[:12])} <= {trial.number for trial in kept}
    assert [one.number for one in kept] == sorted(one.number for one in kept)


def test_parallel_lines_end_with_the_best_on_top() -> None:
    searched = made(30)
    info = parallel_info(searched)
    assert info.rows[-1][-1] == searched.ranked()[0].objectives[0]
    assert len(info.rows) == len(searched.finished())
    drawn = parallel(info).data[0]
    assert [one.label for one in drawn.dimensions][-1] == "val/accuracy, %"
    assert "adam" in drawn.dimensions[4].ticktext
    learning_rate = drawn.dimensions[0]
    assert learning_rate.range[0] < -4 < math.log10(2e-3) < -1 < learning_rate.range[1]
    assert len(parallel_info(made(2000)).rows) <= 601


def test_curves_are_one_trace_a_group_and_the_best_is_on_top() -> None:
    searched = made(30)
    info = curves_info(searched)
    assert list(info.groups) == ["pruned", "finished", "defaults", "best"]
    assert list(info.groups["best"]) == [searched.ranked()[0].number]
    drawn = curves(info)
    assert len(drawn.data) == 4
    assert drawn.data[0].x[3] is None
    assert drawn.data[0].mode == "lines"
    single = curves(curves_info(with_trials(made(6), curve=((1, 0.5),))))
    assert {trace.mode for trace in single.data} == {"lines+markers"}


def test_curves_of_many_trials_are_the_best_and_the_newest_and_are_thinned() -> None:
    searched = made(1000, steps=300)
    info = curves_info(searched)
    drawn = {number for group in info.groups.values() for number in group}
    assert {trial.number for trial in searched.ranked()[:TOP]} <= drawn
    assert TOP + NEWEST <= len(drawn) <= TOP + NEWEST + 1
    assert sum(len(curve) for group in info.groups.values() for curve in group.values()) <= POINTS
    assert all(curve[-1][0] in (75, 300) for group in info.groups.values() for curve in group.values())
    assert f"the {TOP} best finished trials and the {NEWEST} newest others" in drawings(searched)["curves"].caption


def test_a_front_is_sorted_and_leaves_the_others_behind() -> None:
    searched = made(60, 2)
    info = front_info(searched)
    assert [point.second for point in info.front] == sorted(point.second for point in info.front)
    assert [point.first for point in info.front] == sorted(point.first for point in info.front)
    assert {point.number for point in info.front} == {trial.number for trial in searched.front()}
    assert not {point.number for point in info.front} & {point.number for point in info.others}
    assert front(info).data[1].line.shape == "hv"


def test_a_ranking_is_filled_only_where_the_verdict_separates() -> None:
    searched = replicated(made(30))
    assert searched.replication is not None
    rows = searched.replication.rows
    drawn = ranking(ranking_info(rows))
    symbols = [trace.marker.symbol for trace in drawn.data if trace.mode == "markers" and trace.xaxis == "x2"]
    assert symbols == ["circle", "circle", "circle-open"]
    none = ranking_info([replace(rows[0], mean=None), rows[-1]])
    assert [row.label for row in none.rows] == ["defaults"]
    ranking(none)
    ranking(ranking_info([]))


def test_importances_are_sorted_and_rough_ones_are_called_so() -> None:
    searched = made(30, importances={"val/accuracy": {"units": 0.2, "l2": 0.8}})
    assert importances_info(searched).shares == (("l2", 0.8), ("units", 0.2))
    assert "rough" in drawings(searched)["importances"].caption
    assert "rough" not in drawings(made(200))["importances"].caption
    assert importances_info(replace(searched, importances={})).shares == ()


def test_text_of_trials_cannot_become_markup_in_a_figure() -> None:
    nasty = "<a href='x'>in</a>"
    searched = made(20)
    spaces = {f"f{nasty}": Choice(nasty, "b")}
    trials = [replace(t, values={f"f{nasty}": nasty if t.number % 2 else "b"}, error=nasty) for t in searched.trials]
    found = drawings(
        replace(searched, spaces=spaces, defaults={f"f{nasty}": "b"}, trials=tuple(trials),
                importances={"val/accuracy": {f"f{nasty}": 1.0}})
    )  # fmt: skip
    for name, drawing in found.items():
        if name == "parallel":  # ticks of its axes are no markup
            for one in drawing.figure.data[0].dimensions:
                one.ticktext = None
        assert "<a href" not in json.dumps(json.loads(drawing.figure.to_json()))
