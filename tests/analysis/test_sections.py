"""Sections that an experiment adds to its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.report import page
from dlcamp.analysis.sections import Section, by_place
from dlcamp.analysis.study import Study, assemble
from dlcamp.comparison import Comparison
from dlcamp.errors import DataError, DiscoveryError
from dlcamp.tracking.memory import MemoryTracker
from dlcamp.tracking.protocol import Reader
from tests.analysis.ablation_store import Ablation

GAINS = {"none": 0.0, "l2": 0.01}


def counted(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section:
    """How many runs there are."""
    html = f"<p>{len(cells)} runs of {len(by_place(cells))} variants against {comparison.baseline}</p>"
    return Section("counted", "Runs <counted>", html, "of all", "#counted p { color: red; }")


def silent(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> None:
    """Nothing to show."""


def torn(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section:
    raise DataError("the file is torn")


def study_with(tmp_path: Path, *names: str, **fields: object) -> Study:
    sections = [name if ":" in name else f"{__name__}:{name}" for name in names]
    comparison = Comparison("test/accuracy", baseline="none", sections=sections)
    ablation, tracker = Ablation(GAINS, comparison=comparison, **fields), MemoryTracker()  # type: ignore[arg-type]
    return assemble(tracker, ablation.write(tracker, tmp_path), ablation.experiment())


def test_a_section_stands_on_the_page_with_its_style_and_its_heading_as_text(tmp_path: Path) -> None:
    study = study_with(tmp_path, "counted", "silent", failed={("l2", 1): "no memory"})
    assert [one.id for one in study.sections] == ["counted"]
    text = page(study)
    assert "<p>5 runs of 2 variants against none</p>" in text
    assert '<section id="counted">' in text
    assert "Runs &lt;counted&gt; <small>of all</small>" in text
    assert "<style>#counted p { color: red; }</style>" in text


def test_a_section_that_cannot_be_made_costs_only_itself(tmp_path: Path) -> None:
    study = study_with(tmp_path, "torn", "counted")
    assert [one.id for one in study.sections] == ["counted"]
    assert [note for note in study.notes if "the file is torn" in note]


def test_a_reference_to_no_section_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DiscoveryError, match=r"dlcamp\.analysis\.nowhere:section"):
        study_with(tmp_path, "dlcamp.analysis.nowhere:section")


def test_an_ablation_of_which_nothing_finished_has_no_sections(tmp_path: Path) -> None:
    failed = {(variant, seed): "no memory" for variant in GAINS for seed in range(3)}
    assert study_with(tmp_path, "counted", failed=failed).sections == ()


def test_runs_stand_by_seed_under_variant_and_axis_values() -> None:
    cells = [
        Cell(f"{variant}{size}{seed}", "", "asked", variant, {"size": size}, seed, "FINISHED")
        for seed in (2, 0)
        for variant in ("b", "a")
        for size in ("1", "2")
    ]
    found = by_place(cells)
    assert list(found) == ["b at size=1", "b at size=2", "a at size=1", "a at size=2"]
    assert [cell.seed for cell in found["a at size=2"]] == [0, 2]
