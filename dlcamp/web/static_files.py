"""The files that pages need: plotly.js from its package, the style that reports have too, and the dashboard's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from dlcamp.analysis.charts import SCRIPT
from dlcamp.web.site import FOLDER, READ, Site, plotly_address

STATIC = {
    **{name: SCRIPT.with_name(name) for name in ("report.css", "charts.js", "search_report.css", "search_report.js")},
    **{
        name: FOLDER / "static" / name
        for name in ("dashboard.css", "champions.css", "live.js", "explore.js", "icon.svg")
    },
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def routes(_site: Site) -> APIRouter:
    """`/health` and everything under `/static`."""
    router = APIRouter()

    @router.api_route("/health", methods=READ)
    def health() -> Response:
        return PlainTextResponse("OK")

    @router.api_route(plotly_address(), methods=READ)
    def plotly() -> Response:
        path = Path(str(files("plotly.package_data") / "plotly.min.js"))
        # the address holds the version: what it answers never changes
        keep = {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(path, headers=keep, media_type="text/javascript")

    @router.api_route("/static/{name}", methods=READ)
    def static(name: str) -> Response:
        path = STATIC.get(name)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, headers={"Cache-Control": "no-cache"}, media_type=_TYPES[path.suffix])

    return router
