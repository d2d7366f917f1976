"""Study: everything that a page about an ablation shows, read once from a store; the pages themselves read nothing.

    study = assemble(store.reader, parent_row, experiment)
    study.findings.contrasts        what was found, judged by `findings.find`
    study.lines                     learning curves, means over seeds
    page = report.page(study)

What the parent run says in `cells.json` counts: a child taken from the cache belongs to another parent and carries
other tags. A running ablation gives a study too, of what is there. What cannot be read is named in `notes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlcamp.analysis.cells import Cell
from dlcamp.analysis.findings import ContrastResult, Findings, find
from dlcamp.analysis.items import ItemDifference, item_differences
from dlcamp.analysis.learning import Line, learning_lines
from dlcamp.analysis.pictures import Picture, pictures_of
from dlcamp.analysis.scorings import SCORINGS_TAG
from dlcamp.analysis.sections import Section, sections_of
from dlcamp.analysis.study_files import (
    Declaration,
    Source,
    Tuned,
    cells_of,
    declaration_of,
    ordered,
    place_label,
    source_of,
    tuned_of,
)
from dlcamp.comparison import Comparison
from dlcamp.errors import Refusal

if TYPE_CHECKING:
    from dlcamp.experiment import Experiment
    from dlcamp.tracking.protocol import Reader, RunRow

__all__ = ["Study", "assemble", "comparison_of", "differences_at_places", "place_label"]


@dataclass(frozen=True)
class Study:
    """An ablation as a reader sees it.

    Args:
        experiment: its name.
        question: the first line of the experiment's docstring; "" where the experiment is gone.
        run, name, status: of the parent run.
        comparison: what is compared, and which way is better.
        findings: None when the comparison was refused; `refusal` then says why.
        at_places: differences to the baseline at each combination of axis values: descriptive, not tested.
        cells: one a cell, also those that failed or wait (`run` is "" where there is none).
        lines: learning curves, means over seeds.
        pictures: figures that one seed of each variant drew, made smaller.
        pictures_left_out: how many more there are in the runs.
        tuned: how strengths were chosen on validation.
        source: how to reproduce it.
        by_item: differences whose intervals cover test items too.
        sections: what the experiment adds to the page.
        scorings: how often the test split was scored, when the ablation ended; "" where it was not.
        proof: how the kept model was proven to reload: run, its name, "n/n"; empty where none was kept.
        notes: what could not be read.
    """

    experiment: str
    question: str
    run: str
    name: str
    status: str
    started: float
    ended: float | None
    preset: str
    data: str
    digest: str
    comparison: Comparison
    findings: Findings | None
    refusal: str = ""
    at_places: tuple[ContrastResult, ...] = ()
    cells: tuple[Cell, ...] = ()
    lines: tuple[Line, ...] = ()
    pictures: tuple[Picture, ...] = ()
    pictures_left_out: int = 0
    tuned: tuple[Tuned, ...] = ()
    declaration: Declaration = field(default_factory=Declaration)
    source: Source = field(default_factory=Source)
    by_item: tuple[ItemDifference, ...] = ()
    sections: tuple[Section, ...] = ()
    scorings: str = ""
    proof: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def variants(self) -> list[str]:
        """In the order declared; others, in the order met, after them."""
        met = dict.fromkeys([*self.declaration.variants, *(cell.variant for cell in self.cells)])
        return list(met)

    @property
    def axes(self) -> dict[str, list[str]]:
        """Axis -> its values as text, numbers in their order, else in the order declared."""
        found: dict[str, dict[str, None]] = {axis: {} for axis in self.declaration.axes}
        for axis, values in self.declaration.axes.items():
            found[axis] = dict.fromkeys(values)
        for cell in self.cells:
            for axis, value in cell.axes.items():
                found.setdefault(axis, {})[value] = None
        return {axis: ordered(values) for axis, values in found.items() if values}

    @property
    def seeds(self) -> list[int]:
        """Those of the cells, in order."""
        return sorted({cell.seed for cell in self.cells})

    @property
    def running(self) -> bool:
        """Whether more is to come: the page that a parent run keeps is made before the run ends."""
        return self.status == "RUNNING" and self.count("WAITING", "RUNNING") > 0

    def count(self, *statuses: str) -> int:
        """How many cells have one of the statuses."""
        return sum(cell.status in statuses for cell in self.cells)


def assemble(
    reader: Reader,
    parent: RunRow,
    experiment: Experiment | None,
    entries: Sequence[Mapping[str, Any]] | None = None,
    pictures: bool = True,
) -> Study:
    """Read a study.

    Args:
        reader: of the store.
        parent: the run with the tag `dlcamp.kind` = "ablation".
        experiment: with its claims and comparison; None where its file is gone: the runs' own declaration is used.
        entries: cells as in `cells.json`, of a running ablation; None: those of the parent run.
        pictures: whether to fetch the children's figures, which costs the most.
    """
    notes: list[str] = []
    declaration = declaration_of(reader, parent, notes)
    cells = cells_of(reader, parent, entries, notes)
    comparison = comparison_of(experiment, declaration).under(parent.tags.get("dlcamp.preset"))
    claims = experiment.claims if experiment is not None else ()
    preset = parent.tags.get("dlcamp.preset", "")
    findings, refusal = None, ""
    try:
        findings = find(comparison, claims, cells, preset)
    except Refusal as error:
        refusal = str(error)
    finished = [cell for cell in cells if cell.finished and cell.run]
    shown, left_out = pictures_of(reader, finished) if pictures else ([], 0)
    sections = sections_of(reader, finished, comparison, notes) if findings is not None and finished else []
    return Study(
        experiment=parent.experiment,
        question=experiment.question if experiment is not None else declaration.question,
        run=parent.id,
        name=parent.name,
        status=parent.status,
        started=parent.started,
        ended=parent.ended,
        preset=preset,
        data=parent.tags.get("dlcamp.data", parent.params.get("data", "")),
        digest=parent.tags.get("dlcamp.data_digest", ""),
        comparison=comparison,
        findings=findings,
        refusal=refusal,
        at_places=tuple(differences_at_places(comparison, cells)) if findings is not None else (),
        cells=tuple(cells),
        lines=tuple(learning_lines(reader, finished, comparison.metric)),
        pictures=tuple(shown),
        pictures_left_out=left_out,
        tuned=tuple(tuned_of(reader, parent, notes)),
        declaration=declaration,
        source=source_of(reader, parent, finished),
        by_item=tuple(item_differences(reader, finished, comparison)) if findings is not None else (),
        sections=tuple(sections),
        scorings=parent.tags.get(SCORINGS_TAG, ""),
        proof=_proof(parent),
        notes=tuple(notes),
    )


def _proof(parent: RunRow) -> dict[str, str]:
    kept = ("best_run", "best_name", "proof")
    return {key: parent.tags[f"dlcamp.{key}"] for key in kept if f"dlcamp.{key}" in parent.tags}


def differences_at_places(comparison: Comparison, cells: Sequence[Cell]) -> list[ContrastResult]:
    """Each variant minus the baseline at every combination of axis values, untested; empty without axes or baseline."""
    combinations: dict[tuple[tuple[str, str], ...], list[Cell]] = {}
    for cell in cells if comparison.baseline else ():
        if cell.axes:
            combinations.setdefault(cell.place[1], []).append(cell)
    made = []
    for axes, here in combinations.items():
        for result in find(comparison, (), here).contrasts:
            contrast = replace(result.contrast, at=dict(axes))
            made.append(replace(result, label=contrast.label(), contrast=contrast, p_adjusted=None))
    return made


def comparison_of(experiment: Experiment | None, declaration: Declaration) -> Comparison:
    """The experiment's comparison; without one, its objective; without an experiment, what the runs declare."""
    if experiment is None:
        return Comparison(declaration.metric, declaration.baseline)
    if experiment.compare is not None:
        return experiment.compare
    objective = experiment.objective
    return Comparison(objective.metric, declaration.baseline, higher_is_better=objective.direction == "maximize")
