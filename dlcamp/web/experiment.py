"""An experiment's page: question and claims, ablations and searches, and its runs, failed ones with their error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from dlcamp.analysis.cells import cell
from dlcamp.analysis.claims_file import remembered
from dlcamp.analysis.scale import Scale, scale_of
from dlcamp.analysis.study_files import place_label
from dlcamp.errors import UnknownName
from dlcamp.experiment import Experiment
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.index import parent_line
from dlcamp.web.rows import (
    ABLATIONS,
    SEARCH,
    SEARCHED,
    SMOKE,
    TRIAL_TAG,
    by_claim,
    kind_of,
    moment_of,
    newest,
    parents,
    runs,
    state_of,
)
from dlcamp.web.site import READ, Site

LATEST, RUNS, ALL_RUNS = 12, 60, 1000
KINDS = {
    "": "all", "run": "single runs", "cell": "cells", "trial": "tuning trials", SEARCHED: "search trials",
    "replicate": "replicates", "reproduction": "reproductions", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class RunLine:
    """One run as the table shows it.

    Args:
        place: variant and axis values; the number of a search's trial.
        values: of the shown metrics, as text.
        state: the status in words, with what became of a run that died.
        error: why it failed.
    """

    row: RunRow
    kind: str
    place: str
    seed: str
    data: str
    preset: str
    smoke: bool
    values: tuple[str, ...]
    state: str
    error: str
    took: float | None
    moment: float


def shown_metrics(declared: Experiment | None, rows: Sequence[RunRow]) -> list[str]:
    """The metrics of the table: what is compared, the objective; else the first final ones that runs have."""
    wanted: list[str] = []
    if declared is not None:
        wanted += [declared.compare.metric] if declared.compare else []
        wanted.append(declared.objective.metric)
    there = {metric for row in rows for metric in row.metrics}
    found = [metric for metric in dict.fromkeys(wanted) if metric in there]
    return found or sorted(metric for metric in there if metric.startswith(("test/", "val/")))[:2]


def run_lines(rows: Sequence[RunRow], metrics: Sequence[str]) -> tuple[list[Scale], list[RunLine]]:
    """How the metrics are written, and one line a run."""
    scales = [scale_of(metric, [row.metrics.get(metric) for row in rows]) for metric in metrics]
    return scales, [_line(row, scales) for row in rows]


def _line(row: RunRow, scales: Sequence[Scale]) -> RunLine:
    one = cell(row)
    return RunLine(
        row=row,
        kind=kind_of(row),
        place=", ".join(part for part in (_trial(row), one.variant, place_label(one.axes)) if part),
        seed=row.params.get("seed", ""),
        data=one.data,
        preset=one.preset,
        smoke=one.preset == SMOKE,
        values=tuple(scale.value(one.metrics[s]) if (s := scale.metric) in one.metrics else "" for scale in scales),
        state=state_of(row),
        error=one.error if state_of(row) in ("failed", "killed") else "",
        took=one.seconds or None,
        moment=moment_of(row),
    )


def _trial(row: RunRow) -> str:
    """`trial 12` of a search; "" of every other run."""
    return f"trial {row.tags[TRIAL_TAG]}" if kind_of(row) == SEARCHED else ""


def chosen(rows: Sequence[RunRow], kind: str) -> list[RunRow]:
    """The runs of one of KINDS; parents are no runs."""
    if kind == "failed":
        return [row for row in runs(rows) if state_of(row) in ("failed", "killed")]
    return [row for row in runs(rows) if kind in ("", kind_of(row))]


def routes(site: Site) -> APIRouter:
    """The pages of experiments."""
    router = APIRouter()

    @router.api_route("/experiments/{name}", methods=READ)
    def page(name: str, kind: str = "", all: str = "") -> Response:
        found = site.listing()
        rows = site.reader.runs(name) if len(name) <= 200 else []
        if name not in found and not rows:
            recent, _ = site.reader.recent()
            raise UnknownName("experiment", name[:200], {*found, *(row.experiment for row in recent)})
        declared = site.experiment(name)
        kind = kind if kind in KINDS else ""
        kept = remembered(name)
        asked = chosen(rows, kind)
        limit = ALL_RUNS if all else RUNS
        scales, lines = run_lines(asked[:limit], shown_metrics(declared, rows[:ALL_RUNS]))
        found_here = {"ablations": parents(rows, ABLATIONS), "searches": parents(rows, (SEARCH,))}
        return site.render(
            "experiment.html",
            name=name,
            one=found.get(name),
            declared=declared,
            unreadable=name in found and declared is None,
            judged=newest(rows, kept),
            verdicts=by_claim(declared.claims, rows, kept) if declared else {},
            parents={kind: [parent_line(site, row) for row in own[:LATEST]] for kind, own in found_here.items()},
            counts={kind: len(own) for kind, own in found_here.items()},
            scales=scales,
            lines=lines,
            runs=len(asked),
            every=len(runs(rows)),
            kind=kind,
            kinds={key: (label, len(chosen(rows, key))) for key, label in KINDS.items()},
            limit=limit,
            newest_run=next(iter(runs(rows)), None),
        )

    return router
