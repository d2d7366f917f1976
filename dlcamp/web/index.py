"""The first page: what runs now, the latest ablations and searches, every experiment with its claims, the champions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from dlcamp.analysis.claims_file import Remembered, remembered
from dlcamp.discovery import Listing
from dlcamp.errors import StoreError
from dlcamp.registry.aliases import CHAMPION
from dlcamp.registry.browse import Held, Version
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.champions import models_of
from dlcamp.web.live import Live, live_of
from dlcamp.web.rows import SEARCH, address_of, data_of, judged, kind_of, moment_of, newest, parents, preset_of, runs
from dlcamp.web.search_live import SearchLive, search_live
from dlcamp.web.site import READ, Site

LATEST = 8


@dataclass(frozen=True)
class Line:
    """One experiment; `chapter` is "" where only the store knows it."""

    name: str
    chapter: str
    course: str
    question: str
    runs: int
    newest: RunRow | None
    judged: Remembered | None


@dataclass(frozen=True)
class ParentLine:
    """One ablation or search, with how far it is and what became of its claims."""

    row: RunRow
    kind: str
    address: str
    data: str
    preset: str
    live: Live | SearchLive
    judged: Remembered | None
    moment: float


def experiment_lines(found: Mapping[str, Listing], rows: Sequence[RunRow]) -> list[Line]:
    """Every experiment in the course's order, then those that only the store knows; rows newest first."""
    own: dict[str, list[RunRow]] = {name: [] for name in found}
    for row in rows:
        own.setdefault(row.experiment, []).append(row)
    return [_line(name, found.get(name), members) for name, members in own.items()]


def _line(name: str, one: Listing | None, rows: Sequence[RunRow]) -> Line:
    own = runs(rows)
    return Line(
        name,
        one.chapter if one else "",
        one.course if one else "",
        one.question if one else "",
        len(own),
        next(iter(own), None),
        newest(rows, remembered(name)),
    )


def parent_line(site: Site, row: RunRow) -> ParentLine:
    """One line about a parent run."""
    kind = kind_of(row)
    live = search_live(site.reader, row) if kind == SEARCH else live_of(site.reader, row)
    return ParentLine(row, kind, address_of(row), data_of(row), preset_of(row), live, judged(row), moment_of(row))


def chapters(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Chapter -> its experiments, in their order."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.chapter, []).append(line)
    return found


def champions_of(site: Site) -> tuple[list[tuple[Held, Version]], str]:
    """The registered models that have a champion, with it, and what is wrong where they cannot be read."""
    try:
        models = models_of(site).values()
        return [(one, champion) for one in models if (champion := one.holder(CHAMPION)) is not None], ""
    except StoreError as error:
        return [], str(error)


def routes(site: Site) -> APIRouter:
    """The first page."""
    router = APIRouter()

    @router.api_route("/", methods=READ)
    def index() -> Response:
        rows, whole = site.reader.recent()
        latest = [parent_line(site, row) for row in parents(rows)[:LATEST]]
        held, wrong = champions_of(site)
        return site.render(
            "index.html",
            chapters=chapters(experiment_lines(site.listing(), rows)),
            broken=site.broken,
            latest=latest,
            running=[one for one in latest if one.row.status == "RUNNING" and not one.live.stale],
            champions=held,
            champions_wrong=wrong,
            total=len(runs(rows)),
            whole=whole,
        )

    return router
