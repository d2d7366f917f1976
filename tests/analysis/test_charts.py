"""Figures: what is computed for them is looked at in records, what is drawn only as far as a reader depends on it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from dlcamp.analysis.chart_axis import axis_info, by_axis, gain_info
from dlcamp.analysis.chart_cost import cost, cost_info
from dlcamp.analysis.chart_curves import curves, curves_info
from dlcamp.analysis.chart_forest import forest, forest_info
from dlcamp.analysis.chart_style import BASELINE, COLOURS, Panel, colours, columns_for, decades, panels
from dlcamp.analysis.chart_tuning import tuning, tuning_info
from dlcamp.analysis.charts import figure_div, figure_json, figures, metric_scale
from dlcamp.analysis.judged import against_baseline
from dlcamp.analysis.study import Study, assemble
from dlcamp.tracking.memory import MemoryTracker
from tests.analysis.ablation_store import Ablation

TUNED = {"l2": {"l2": [1e-3, 1e-5, 1e-1]}, "dropout": {"dropout": [0.5, 0.3, 0.7], "l2": [1e-3, 1e-5, 1e-1]}}


def build(folder: Path, ablation: Ablation) -> Study:
    tracker = MemoryTracker()
    return assemble(tracker, ablation.write(tracker, folder), ablation.experiment())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    gains = {"none": 0.0, "l2": 0.001, "dropout": 0.03}
    return build(tmp_path_factory.mktemp("plain"), Ablation(gains, tuned=TUNED, failed={("l2", 2): "out of memory"}))


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Study:
    def gain(variant: str, axes: dict[str, str]) -> float:
        return 0.02 * (variant == "dropout" and float(axes["train_images"]) > 100)

    axes = {"train_images": ["100", "500", "5000"]}
    ablation = Ablation({"none": 0.0, "dropout": 0.0}, axes=axes, axis_gain=gain, curve=4)
    return build(tmp_path_factory.mktemp("grid"), ablation)


def test_a_forest_has_the_best_variant_at_the_top(study: Study) -> None:
    assert study.findings is not None
    info = forest_info(against_baseline(study.findings), metric_scale(study), "none")
    assert [row.label for row in info.rows] == ["dropout", "l2"]
    turned = forest_info(against_baseline(study.findings), metric_scale(study), "none", higher_is_better=False)
    assert [row.label for row in turned.rows] == ["l2", "dropout"]
    assert info.rows[0].low is not None
    assert info.rows[0].low < info.rows[0].difference


def test_a_forest_of_one_seed_has_points_without_intervals(tmp_path: Path) -> None:
    one = build(tmp_path, Ablation({"none": 0.0, "l2": 0.01}, seeds=1))
    assert one.findings is not None
    info = forest_info(against_baseline(one.findings), metric_scale(one), "none")
    assert [(row.low, row.high, row.verdict) for row in info.rows] == [(None, None, "one seed")]
    assert forest(info).data[1].marker.symbol == "circle-open"


def test_a_forest_of_nothing_can_be_drawn() -> None:
    from dlcamp.analysis.scale import Scale

    assert forest(forest_info([], Scale("m"), "none")).layout.height > 0


def test_curves_have_a_panel_a_variant_with_the_baseline_behind(study: Study) -> None:
    info = curves_info(study.lines, "loss", study.variants, "none")
    assert list(info.lines) == ["none", "l2", "dropout"]
    assert info.behind is not None
    assert (info.behind.variant, info.behind.split) == ("none", "val")
    drawn = curves(info)
    titles = [note.text for note in drawn.layout.annotations]
    assert titles == ["<b>none</b>", "<b>l2</b>", "<b>dropout</b>"]
    dashes = {trace.line.dash for trace in drawn.data if trace.mode == "lines"}
    assert dashes == {"solid", "dash"}


def test_means_and_gains_follow_an_axis(grid: Study) -> None:
    assert grid.findings is not None
    scale, values = metric_scale(grid), grid.axes["train_images"]
    info = axis_info(grid.findings.variants, "train_images", values, scale, grid.variants, "none")
    assert {variant: [point.value for point in points] for variant, points in info.points.items()} == {
        "none": ["100", "500", "5000"], "dropout": ["100", "500", "5000"],
    }  # fmt: skip
    assert info.logarithmic
    assert by_axis(info).layout.xaxis.type == "log"
    gains = gain_info(grid.at_places, "train_images", values, scale, grid.variants, "none")
    found = [point.mean for point in gains.points["dropout"]]
    assert found[0] < found[1]
    assert list(gains.points) == ["dropout"]


def test_an_axis_of_words_is_drawn_in_their_order(tmp_path: Path) -> None:
    words = build(tmp_path, Ablation({"none": 0.0}, axes={"init": ["he", "glorot"]}, seeds=2, curve=2))
    assert words.findings is not None
    info = axis_info(words.findings.variants, "init", words.axes["init"], metric_scale(words), words.variants)
    assert (info.numeric, info.values) == (False, ("he", "glorot"))
    assert list(by_axis(info).layout.xaxis.ticktext) == ["he", "glorot"]


def test_cost_counts_finished_runs_and_shows_parameters_only_where_they_differ(study: Study) -> None:
    info = cost_info(study.cells, study.variants, "none")
    assert [(row.variant, row.runs) for row in info.rows] == [("none", 3), ("l2", 2), ("dropout", 3)]
    assert not info.parameters_differ
    assert info.total == pytest.approx(sum(value for row in info.rows for value in row.each), rel=0.01)
    assert [note.text for note in cost(info).layout.annotations] == ["<b>seconds a run</b>"]


def test_tuning_marks_the_chosen_and_the_declared_trial(study: Study) -> None:
    info = tuning_info(study.tuned, study.variants, "none")
    assert [(panel.variant, panel.field) for panel in info.panels] == [
        ("l2", "l2"), ("dropout", "dropout"), ("dropout", "l2"),
    ]  # fmt: skip
    for panel in info.panels:
        assert sum(point.chosen for point in panel.points) == 1
        assert [point.declared for point in panel.points] == [True, False, False]
    assert info.panels[0].logarithmic
    assert not info.panels[1].logarithmic
    assert tuning(info).layout.xaxis.type == "log"


def test_figures_are_named_by_their_section(study: Study, grid: Study) -> None:
    assert list(figures(study)) == ["forest", "curves/loss", "curves/accuracy", "cost", "tuning"]
    names = list(figures(grid))
    assert {"axis/mean by train_images", "axis/gain by train_images"} <= set(names)
    assert "curves/loss/train_images=5000" in names


def test_a_figure_of_a_page_carries_no_library_and_cannot_end_its_script(tmp_path: Path) -> None:
    nasty = build(tmp_path, Ablation({"none": 0.0, "</script><b>x": 0.01}, seeds=2, curve=2))
    for name, figure in figures(nasty).items():
        text = str(figure_div(figure, name, 'a "label"'))
        assert text.count("</script>") == 1
        assert 'aria-label="a &quot;label&quot;"' in text
        assert len(text) < 60_000
        assert "<b>x" not in figure_json(figure)
        json.loads(figure_json(figure))


def test_every_figure_has_a_narrow_form(study: Study, grid: Study) -> None:
    for figure in [*figures(study).values(), *figures(grid).values()]:
        assert figure.layout.meta["narrow"]["dragmode"] is False


def test_the_baseline_is_grey_and_colours_repeat_only_after_all_are_used() -> None:
    names = [f"v{number}" for number in range(14)]
    found = colours(["none", *names], "none")
    assert found["none"] == BASELINE
    assert found["v0"] == found["v12"] == COLOURS[0]
    assert len({found[name] for name in names}) == 12


@pytest.mark.parametrize("count", range(1, 14))
def test_panels_lie_inside_the_figure_and_do_not_overlap(count: int) -> None:
    layout = panels([Panel(str(number)) for number in range(count)], columns_for(count), height=100)
    boxes = []
    for number in range(count):
        suffix = "" if number == 0 else str(number + 1)
        boxes.append((layout[f"xaxis{suffix}"]["domain"], layout[f"yaxis{suffix}"]["domain"]))
    assert all(0 <= low < high <= 1 for box in boxes for low, high in box)
    for (x, y), (other_x, other_y) in pairwise(boxes):
        assert x[1] <= other_x[0] or y[0] >= other_y[1]


def test_logarithmic_ticks_are_powers_of_ten() -> None:
    assert decades([1e-6, 1e-3])["ticktext"] == ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³"]
    assert len(decades([1e-12, 1.0])["tickvals"]) <= 5
