"""An ablation's page: live while it runs, afterwards the figures and tables of its report, with the report itself.

The finished page is `report.page` of the same study, without the parts that make it a file of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response
from markupsafe import Markup

from dlcamp.errors import UnknownName
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.guard import REPORT_POLICY
from dlcamp.web.live import live_cells, live_of
from dlcamp.web.rows import ABLATION, kind_of
from dlcamp.web.site import READ, Site

REPORT = "report.html"
FILES = {
    REPORT: "text/html; charset=utf-8",
    "summary.txt": "text/plain; charset=utf-8",
    "cells.json": "application/json",
    "findings.json": "application/json",
    "tuning.json": "application/json",
    "declaration.json": "application/json",
}
"""The files of an ablation that are served, and as what."""
_KEPT = 8


class NotAnAblation(UnknownName):
    """The run is there, but it has no page; `parent` is the ablation it belongs to."""

    def __init__(self, row: RunRow) -> None:
        super().__init__(ABLATION, row.name, [])
        self.row, self.parent = row, row.tags.get(PARENT_TAG, "")


@dataclass(frozen=True)
class _Body:
    """The part of a report that a page takes in."""

    html: Markup
    question: str


class Bodies:
    """Reports made from the runs, the last few kept; one at a time is made, because it keeps a processor busy."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: OrderedDict[Hashable, _Body] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, row: RunRow) -> _Body:
        """The report's main part, of the runs as they are; a running ablation's is made anew each time."""
        key = (row.id, row.status, row.ended)
        with self._lock:
            if key not in self._kept:
                body = self._make(row)
                if row.status == "RUNNING":
                    return body
                self._kept[key] = body
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _make(self, row: RunRow) -> _Body:
        from dlcamp.analysis.report import page
        from dlcamp.analysis.study import assemble

        running = row.status == "RUNNING"
        entries = live_cells(row) if running else None
        declared = self._site.experiment(row.experiment)
        study = assemble(self._site.reader, row, declared, entries, pictures=not running)
        whole = page(study, self._site.mlflow) if self._site.mlflow else page(study)
        main = whole.partition("<main>")[2].partition("</main>")[0]
        return _Body(Markup(main), study.question or study.name)  # the report's template has escaped it


def routes(site: Site) -> APIRouter:
    """The pages of ablations."""
    router = APIRouter()
    bodies = Bodies(site)

    @router.api_route("/ablations/{run}", methods=READ)
    def page(run: str, view: str = "") -> Response:
        row = _parent(site, run)
        if row.id != run:
            return RedirectResponse(f"/ablations/{row.id}")
        live = live_of(site.reader, row)
        common: dict[str, Any] = {"row": row, "live": live, "report": REPORT in site.reader.artifacts(row.id)}
        if row.status == "RUNNING" and view != "figures":
            return site.render("live.html", **common)
        return site.render("ablation.html", body=bodies.of(row), **common)

    @router.api_route("/ablations/{run}/live.json", methods=READ)
    def live(run: str) -> dict[str, object]:
        return live_of(site.reader, _parent(site, run)).to_json()

    @router.api_route("/ablations/{run}/{name}", methods=READ)
    def file(run: str, name: str) -> Response:
        if name not in FILES:
            raise UnknownName("file of an ablation", name[:100], FILES)
        row = _parent(site, run)
        path = site.reader.fetch(row.id, name)
        policy = {"Content-Security-Policy": REPORT_POLICY} if name == REPORT else {}
        return FileResponse(path, headers=policy, media_type=FILES[name])

    return router


def _parent(site: Site, run: str) -> RunRow:
    """The parent run of that id or name; UnknownName where it is none."""
    row = site.reader.run(run[:200])
    if kind_of(row) != ABLATION:
        raise NotAnAblation(row)
    return row
