"""A search's page: live while it runs, afterwards the figures of its report and a table of its trials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from dlcamp.analysis.searched import FILE, Searched, SearchTrial
from dlcamp.errors import DlcampError
from dlcamp.experiment import Objective
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.parents import REPORT, Bodies, Body, parent, served
from dlcamp.web.rows import PARENTS, SEARCH, address_of
from dlcamp.web.search_live import search_live
from dlcamp.web.search_trials import TrialLine, fields_of, lines_of, objectives_of, scales_of, trials_of_runs
from dlcamp.web.site import READ, Site

FILES = {
    REPORT: "text/html; charset=utf-8",
    "summary.txt": "text/plain; charset=utf-8",
    FILE: "application/json",
}
"""The files of a search that are served, and as what."""
TRIALS, ALL_TRIALS = 50, 5000


@dataclass(frozen=True)
class Table:
    """Trials as the page shows them, the best first; `all` is how many there are."""

    metrics: tuple[str, ...]
    fields: tuple[str, ...]
    lines: tuple[TrialLine, ...]
    all: int


def record_of(site: Site, row: RunRow) -> Searched | None:
    """What the parent keeps; None where it keeps none that can be read."""
    try:
        return Searched.from_json(json.loads(site.reader.fetch(row.id, FILE).read_text("utf-8")))
    except (DlcampError, OSError, ValueError, KeyError, TypeError):
        return None


def table_of(site: Site, row: RunRow, found: Searched | None, most: int) -> Table:
    """The trials of the record; as their runs tell of them where it was not kept, or they know of more."""
    objectives, fields = objectives_of(row), fields_of(row)
    trials: Sequence[SearchTrial] = []
    if found is None or row.status != "FINISHED":  # a search that was stopped did not write its record anew
        trials = trials_of_runs(site.reader, row, objectives, fields)
    if found is not None and len(found.trials) >= len(trials):
        objectives, fields, trials = found.objectives, tuple(found.spaces), found.trials
    lines = lines_of(_ranked(trials, objectives), objectives, fields)
    axes = tuple(scale.axis for scale in scales_of(objectives, trials))
    return Table(axes, tuple(fields), tuple(lines[:most]), len(lines))


def _ranked(trials: Sequence[SearchTrial], objectives: Sequence[Objective]) -> list[SearchTrial]:
    """The finished ones best first, then the others by number."""
    sign = -1 if objectives and objectives[0].direction == "maximize" else 1
    finished = [trial for trial in trials if trial.objectives]
    others = [trial for trial in trials if not trial.objectives]
    return [*sorted(finished, key=lambda trial: (sign * trial.objectives[0], trial.number)), *others]


def body_of(site: Site, row: RunRow) -> Body:
    """The report of a search, of the record that its parent keeps; empty where there is none."""
    found = record_of(site, row)
    if found is None:
        return Body.of("", "")
    from dlcamp.analysis.search_report import page

    return Body.of(page(found, site.mlflow) if site.mlflow else page(found), found.question or row.name)


def routes(site: Site) -> APIRouter:
    """The pages of searches."""
    router = APIRouter()
    bodies = Bodies(lambda row: body_of(site, row))

    @router.api_route("/searches/{run}", methods=READ)
    def page(run: str, all: str = "") -> Response:
        row = parent(site, run, PARENTS)
        if address_of(row) != f"/searches/{run}":
            return RedirectResponse(address_of(row))
        live = search_live(site.reader, row)
        common: dict[str, Any] = {"row": row, "live": live, "address": address_of(row)}
        if row.status == "RUNNING":
            return site.render("search_live.html", **common)
        found = record_of(site, row)
        return site.render(
            "search.html",
            body=bodies.of(row),
            report=REPORT in site.reader.artifacts(row.id),
            table=table_of(site, row, found, ALL_TRIALS if all else TRIALS),
            replication=found.replication if found else None,
            **common,
        )

    @router.api_route("/searches/{run}/live.json", methods=READ)
    def live(run: str) -> dict[str, object]:
        return search_live(site.reader, parent(site, run, (SEARCH,))).to_json()

    @router.api_route("/searches/{run}/{name}", methods=READ)
    def file(run: str, name: str) -> Response:
        return served(site, parent(site, run, (SEARCH,)), name, FILES)

    return router
