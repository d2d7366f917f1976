"""Findings in a terminal: 100 columns, best first, words for every verdict."""

from __future__ import annotations

import re

import pytest

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.findings import find
from dlcamp.analysis.text import table_lines
from dlcamp.analysis.text_columns import WIDTH, columns, wrapped
from dlcamp.comparison import Comparison, Contrast
from dlcamp.experiment import Claim
from tests.analysis.made_cells import ACCURACY, lost, made, written  # type: ignore[import-not-found]

NONE = [0.90, 0.91, 0.92, 0.90, 0.91]
BETTER = [0.95, 0.97, 0.97, 0.96, 0.96]
NEAR = [0.901, 0.909, 0.921, 0.902, 0.908]
LOOSE = [0.95, 0.88, 0.93, 0.95, 0.90]
COMPARISON = Comparison(ACCURACY, baseline="none", smallest_interesting=0.005, margin=0.01)


def told(
    cells: list[Cell], comparison: Comparison = COMPARISON, claims: tuple[Claim, ...] = (), preset: str = ""
) -> str:
    return "\n".join(table_lines(find(comparison, claims, cells, preset)))


def line(text: str, start: str, nth: int = 0) -> str:
    return [one for one in text.splitlines() if one.startswith(start)][nth]


def test_variants_stand_best_first_with_n_mean_and_interval() -> None:
    lines = told([*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR)]).splitlines()
    assert re.split(r"\s{2,}", lines[0]) == ["test/accuracy, %", "n", "mean", "95 % interval", "a run"]
    assert [one.split("  ")[0] for one in lines[1:4]] == ["dropout", "l2", "none · baseline"]
    assert re.split(r"\s{2,}", lines[1]) == ["dropout", "5", "96.2", "[95.2, 97.2]", "2.0 s"]


def test_contrasts_show_difference_interval_p_effect_and_the_verdict_in_words() -> None:
    text = told([*made("none", NONE), *made("dropout", BETTER), *made("l2", NEAR), *made("l1", LOOSE)])
    assert re.search(r"^dropout .*├.*●.*┤ +5 +\+5\.4 +\[.*\] +< 0\.001 +\+\d+\.\d +▲ better$", text, re.M)
    assert re.search(r"^l2 .*= equivalent$", text, re.M)
    assert re.search(r"^l1 .*○.*○ not separated$", text, re.M)
    assert re.search(r"seeds that would separate 0\.5 points \(80 % power, roughly\): l1 \d+", text)
    assert "verdicts by p (Holm over 3)" in text


def test_the_forest_plot_has_zero_in_its_middle_and_all_rows_on_one_scale() -> None:
    worse = [2 * none - better for none, better in zip(NONE, BETTER, strict=True)]
    text = told([*made("none", NONE), *made("up", BETTER), *made("down", worse)])
    up, down = line(text, "up", 1), line(text, "down", 1)
    assert up.index("│") == down.index("│")
    zero = up.index("│")
    assert up.index("●") - zero == zero - down.index("●") > 0


def test_where_less_is_better_the_lowest_comes_first() -> None:
    less = Comparison(ACCURACY, baseline="none", higher_is_better=False)
    lines = told([*made("dropout", BETTER), *made("none", NONE)], less).splitlines()
    assert lines[1].startswith("none · baseline")
    assert line("\n".join(lines), "dropout", 1).endswith("▼ worse")


def test_one_seed_says_that_no_test_was_made() -> None:
    text = told([*made("none", [0.9]), *made("dropout", [0.95])])
    assert "one seed: no test" in text
    assert "interval" not in text
    assert "p (" not in text
    assert re.search(r"^dropout +1 +\+5\.00$", text, re.M)


def test_failed_and_coming_runs_are_counted_and_named() -> None:
    failed, waiting = lost("l2", 3, error="RunFailed: loss is NaN"), lost("l2", 4, "WAITING")
    text = told([*made("none", NONE), *made("l2", NEAR[:3]), failed, waiting])
    assert line(text, "l2").endswith("1 failed, 1 to come")
    assert "left out: l2, seed 3: failed, RunFailed: loss is NaN" in text
    assert "    seeds 3, 4 of none left out: not on both sides" in text


def test_one_axis_gives_a_line_a_variant_and_a_column_a_value_in_their_order() -> None:
    cells = [
        cell
        for size in ("1000", "100")
        for variant, values in (("none", NONE), ("dropout", BETTER[: 4 if size == "100" else 5]))
        for cell in made(variant, values, axes={"size": size})
    ]
    lines = told(cells).splitlines()
    assert lines[0] == "test/accuracy, %  (n = 5, others in brackets; ± half of the 95 % interval)"
    assert lines[1].split() == ["size", "100", "1000"]
    assert re.split(r"\s{2,}", lines[3]) == ["dropout", "96.2 ±1.5 (4)", "96.2 ±1.0"]


def test_two_axes_give_groups() -> None:
    cells = [
        cell
        for size in ("1", "2")
        for depth in ("3", "4")
        for variant, values in (("none", NONE), ("dropout", BETTER))
        for cell in made(variant, values, axes={"size": size, "depth": depth})
    ]
    lines = told(cells).splitlines()
    assert lines[1] == "size=1, depth=3"
    assert lines[2].startswith("  dropout ")
    assert lines[4] == "size=1, depth=4"


LONG = [f"val/a_rather_long_metric_{number}" for number in range(6)]


def test_metrics_that_do_not_fit_beside_each_other_stand_below_with_the_names_again() -> None:
    cells = [
        *written("none", [{ACCURACY: value} | dict.fromkeys(LONG, value) for value in NONE]),
        *written("dropout", [{ACCURACY: value} | dict.fromkeys(LONG, value) for value in BETTER]),
    ]
    text = told(cells, Comparison(ACCURACY, baseline="none", shown=LONG))
    means = text.split("test/accuracy −")[0].splitlines()
    assert all(any(metric in one for one in means) for metric in LONG)
    assert len(means) > 6
    assert max(map(len, means)) <= WIDTH
    assert [one.split("  ")[0] for one in means if one.startswith(("none", "dropout"))][:4] == [
        "dropout", "none · baseline", "dropout", "none · baseline",
    ]  # fmt: skip


def test_of_a_grid_as_many_metrics_as_fit_are_shown_and_the_others_counted() -> None:
    cells = [
        cell
        for size in ("1", "2")
        for depth in ("3", "4")
        for cell in written(
            "none",
            [{ACCURACY: value} | dict.fromkeys(LONG, value) for value in NONE],
            axes={"size": size, "depth": depth},
        )
    ]
    text = told(cells, Comparison(ACCURACY, shown=LONG))
    assert LONG[0] in text
    assert re.search(r"^\(\d more metrics than fit here\)$", text, re.M)


def test_long_labels_have_a_line_of_their_own() -> None:
    cells = [
        cell
        for size in (100, 1000)
        for variant, values in (("none", NONE), ("dropout", BETTER if size > 100 else LOOSE))
        for cell in made(variant, values, axes={"train_images": str(size)})
    ]
    small = Contrast("dropout", "none", at={"train_images": 100})
    grows = Contrast("dropout", "none", at={"train_images": 1000}, minus=small)
    text = told(cells, claims=(Claim("it grows", "", contrasts=[grows]),))
    assert "(dropout − none at train_images=1000) − (dropout − none at train_images=100)\n   " in text


def test_claims_have_a_sign_a_verdict_and_the_reason() -> None:
    claims = (
        Claim("dropout beats none", "", contrasts=[Contrast("dropout", "none")]),
        Claim("none beats dropout", "", contrasts=[Contrast("none", "dropout")]),
        Claim("elsewhere", "", contrasts=[Contrast("a", "b")], presets=["paper"]),
    )
    text = told([*made("none", NONE), *made("dropout", BETTER)], claims=claims)
    assert line(text, "✓ supported").startswith("✓ supported   dropout beats none (dropout - none +5.4 points [")
    assert line(text, "✗ refuted").startswith("✗ refuted     none beats dropout")
    assert "? undecided   elsewhere (judged under PRESET=paper only)" in text


def test_contrasts_without_data_share_one_paragraph() -> None:
    claim = Claim("s", "", contrasts=[Contrast("l1", "none"), Contrast("l2", "none"), Contrast("l1", "l2")])
    text = told([*made("none", NONE), *made("dropout", BETTER)], claims=(claim,))
    assert "no data for 3 declared contrasts: no finished run of l1, l2" in text


def test_laws_agree_or_not_and_other_metrics_are_higher_or_lower() -> None:
    values = [{ACCURACY: value, "grad/factor": value - 0.5} for value in NONE]
    laws = [Contrast("none", law, "grad/factor") for law in (0.408, 0.3)]
    claims = (
        Claim("law", "", contrasts=laws, expect="law"),
        Claim("more", "", contrasts=[Contrast("l2", "none", "grad/factor")]),
    )
    more = [{ACCURACY: value, "grad/factor": value} for value in BETTER]
    text = told([*written("none", values), *written("l2", more)], claims=claims)
    assert line(text, "none − 0.408").endswith("○ agrees")
    assert line(text, "none − 0.3").endswith("▲ higher")
    assert line(text, "l2 − none").endswith("▲ higher")


def test_nothing_is_said_of_nothing() -> None:
    assert table_lines(find(Comparison(ACCURACY), [], [])) == ["no runs yet"]


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_no_line_is_longer_than_the_terminal(seeds: int) -> None:
    names = [f"a_variant_with_a_long_name_{number}" for number in range(4)]
    claim = Claim(
        "a statement of many words " * 9, "", contrasts=[Contrast(name, names[0]) for name in names], need="any"
    )
    cells = [cell for index, name in enumerate(names) for cell in made(name, [v + index / 99 for v in LOOSE[:seeds]])]
    text = told([*cells, lost(names[0], 9, error="because " * 40)], Comparison(ACCURACY, names[0]), (claim,))
    assert max(map(len, text.splitlines())) <= WIDTH


def test_columns_align_and_paragraphs_keep_numbers_with_their_units() -> None:
    assert columns([["a", "1"], ["bcd", "22"]]) == ["a     1", "bcd  22"]
    text = "x" * 95 + " p = 0.004 and +1.9 points"
    assert wrapped(text)[1] == "    p = 0.004 and +1.9 points"
