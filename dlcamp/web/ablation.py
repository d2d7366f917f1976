"""An ablation's page: live while it runs, afterwards the figures and tables of its report, with the report itself.

The finished page is `report.page` of the same study, without the parts that make it a file of its own.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from dlcamp.tracking.protocol import RunRow
from dlcamp.web.live import live_cells, live_of
from dlcamp.web.parents import REPORT, Bodies, Body, parent, served
from dlcamp.web.rows import ABLATIONS, PARENTS, address_of
from dlcamp.web.site import READ, Site

FILES = {
    REPORT: "text/html; charset=utf-8",
    "summary.txt": "text/plain; charset=utf-8",
    "cells.json": "application/json",
    "findings.json": "application/json",
    "tuning.json": "application/json",
    "declaration.json": "application/json",
}
"""The files of an ablation that are served, and as what."""


def body_of(site: Site, row: RunRow) -> Body:
    """The report of an ablation, of the runs as they are."""
    from dlcamp.analysis.report import page
    from dlcamp.analysis.study import assemble

    running = row.status == "RUNNING"
    entries = live_cells(row) if running else None
    study = assemble(site.reader, row, site.experiment(row.experiment), entries, pictures=not running)
    return Body.of(page(study, site.mlflow) if site.mlflow else page(study), study.question or study.name)


def routes(site: Site) -> APIRouter:
    """The pages of ablations."""
    router = APIRouter()
    bodies = Bodies(lambda row: body_of(site, row))

    @router.api_route("/ablations/{run}", methods=READ)
    def page(run: str, view: str = "") -> Response:
        row = parent(site, run, PARENTS)
        if address_of(row) != f"/ablations/{run}":
            return RedirectResponse(address_of(row))
        live = live_of(site.reader, row)
        common: dict[str, Any] = {"row": row, "live": live, "address": address_of(row)}
        common["report"] = REPORT in site.reader.artifacts(row.id)
        if row.status == "RUNNING" and view != "figures":
            return site.render("live.html", **common)
        return site.render("ablation.html", body=bodies.of(row), **common)

    @router.api_route("/ablations/{run}/live.json", methods=READ)
    def live(run: str) -> dict[str, object]:
        return live_of(site.reader, parent(site, run, ABLATIONS)).to_json()

    @router.api_route("/ablations/{run}/{name}", methods=READ)
    def file(run: str, name: str) -> Response:
        return served(site, parent(site, run, ABLATIONS), name, FILES)

    return router
