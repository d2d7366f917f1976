"""A comparison as table, CSV, LaTeX and JSON."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.findings import Findings, find
from dlcamp.analysis.formats import FORMATS, latex, write
from dlcamp.comparison import Comparison, Contrast
from dlcamp.experiment import Claim


def cells(variant: str, values: list[float], loss: float = 0.3, digest: str = "sha256:1", **axes: str) -> list[Cell]:
    return [
        Cell(
            run=f"{variant}{seed}", name=f"{variant}-s{seed}", experiment="asked", variant=variant, axes=axes,
            seed=seed, status="FINISHED", metrics={"test/accuracy": value, "test/loss": loss + seed / 100},
            data="digits", digest=digest,
        )
        for seed, value in enumerate(values)
    ]  # fmt: skip


NONE, BETTER, SAME = [0.90, 0.91, 0.92, 0.90, 0.91], [0.95, 0.97, 0.97, 0.96, 0.96], [0.91, 0.90, 0.91, 0.91, 0.90]
COMPARISON = Comparison("test/accuracy", baseline="none", shown=["test/loss"], smallest_interesting=0.01)
CLAIMS = [Claim("drop_out > none", "it is not", contrasts=[Contrast("drop_out", "none")])]


@pytest.fixture
def found() -> Findings:
    runs = [*cells("none", NONE), *cells("drop_out", BETTER), *cells("l2&more", SAME)]
    return find(COMPARISON, CLAIMS, runs)


def test_csv_has_a_line_a_group_and_metric_and_a_line_a_contrast(found: Findings) -> None:
    rows = list(csv.DictReader(io.StringIO(write(found, "csv"))))
    assert [(row["kind"], row["label"], row["metric"]) for row in rows[:2]] == [
        ("group", "none", "test/accuracy"), ("group", "none", "test/loss"),
    ]  # fmt: skip
    assert [row["label"] for row in rows if row["kind"] == "contrast"] == ["drop_out - none", "l2&more - none"]
    by_label = {row["label"]: row for row in rows if row["metric"] == "test/accuracy"}
    assert float(by_label["none"]["estimate"]) == pytest.approx(0.908)
    assert float(by_label["none"]["low"]) < 0.908 < float(by_label["none"]["high"])
    assert by_label["drop_out - none"]["verdict"] == "better"
    assert float(by_label["drop_out - none"]["p_holm"]) < 0.05
    assert {row["data"] for row in rows} == {"verified"}


def test_csv_has_a_column_an_axis(found: Findings) -> None:
    runs = [*cells("none", NONE, size="10"), *cells("drop_out", BETTER, size="10"), *cells("none", SAME, size="20")]
    rows = list(csv.DictReader(io.StringIO(write(find(COMPARISON, [], runs), "csv"))))
    groups = [(row["label"], row["size"]) for row in rows if row["kind"] == "group" and "accuracy" in row["metric"]]
    assert sorted(groups) == [("drop_out", "10"), ("none", "10"), ("none", "20")]


def test_a_group_of_one_run_has_no_interval_and_one_without_runs_no_mean() -> None:
    runs = [*cells("none", NONE[:1]), *cells("drop_out", BETTER[:1])]
    rows = list(csv.DictReader(io.StringIO(write(find(COMPARISON, [], runs), "csv"))))
    assert (rows[0]["n"], rows[0]["estimate"], rows[0]["low"]) == ("1", "0.9", "")
    assert rows[-1]["verdict"] == "one seed"
    empty = find(Comparison("test/other", baseline="none"), [], runs)
    rows = list(csv.DictReader(io.StringIO(write(empty, "csv"))))
    assert (rows[0]["n"], rows[0]["estimate"]) == ("0", "")
    assert r"none & 0 & -- \\" in write(empty, "latex")


def test_latex_is_a_booktabs_table_with_escaped_names_and_marks_that_are_explained(found: Findings) -> None:
    text = write(found, "latex", notes=["50% of {it} is_odd"])
    assert r"l2\&more" in text
    assert r"drop\_out & 5 & $96.2 \pm 1.0\,^{\uparrow}$" in text
    assert r"test/accuracy, \%" in text
    assert r"$\uparrow$ better" in text
    assert r"$\downarrow$" not in text
    assert "\n% 50% of {it} is_odd\n" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    for begin in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S):
        lines = [line for line in begin[1].splitlines() if r"\\" in line]
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(begin[0])}


def test_text_for_latex_holds_no_special_character_unescaped() -> None:
    assert latex("a\\b~c^d<e>f|g&h%i$j#k_l{m}\nn") == (
        r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d\textless{}e\textgreater{}f\textbar{}"
        r"g\&h\%i\$j\#k\_l\{m\} n"
    )


def test_json_holds_everything_and_no_nan(found: Findings) -> None:
    content = json.loads(write(found, "json", ["none"], ["a note"]), parse_constant=pytest.fail)
    assert [row["variant"] for row in content["variants"]] == ["none", "drop_out", "l2&more"]
    assert content["claims"][0]["verdict"] == "supported"
    assert content["unverified_data"] == ["none"]
    assert content["notes"] == ["a note"]


def test_the_table_says_how_the_claims_stand_and_what_is_noted(found: Findings) -> None:
    text = write(found, "table", notes=["a note"])
    assert "drop_out - none" in text
    assert "supported" in text
    assert "a note" in text


@pytest.mark.parametrize("form", FORMATS)
def test_unverified_data_are_marked_in_every_format(form: str) -> None:
    runs = [*cells("none", NONE), *cells("drop_out", BETTER, digest="")]
    text = write(find(COMPARISON, [], runs), form, ["drop_out"])
    assert "unverified data" in text
    if form == "csv":
        marks = {row["label"]: row["data"] for row in csv.DictReader(io.StringIO(text))}
        assert marks == {"none": "verified", "drop_out": "unverified data", "drop_out - none": "unverified data"}
    if form == "latex":
        assert r"drop\_out$^{\ast}$" in text
        assert r"none$^{\ast}$" not in text
