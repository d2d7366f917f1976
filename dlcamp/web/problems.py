"""What went wrong, as a page in plain words: what was asked, what was got, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dlcamp.errors import DlcampError, StoreError, UnknownName
from dlcamp.web.guard import HEADERS
from dlcamp.web.parents import NoPage
from dlcamp.web.rows import ABLATION, SEARCH
from dlcamp.web.site import Site


@dataclass(frozen=True)
class Problem:
    """A page about what went wrong.

    Args:
        lines: what happened, and what to do.
        links: text -> address.
    """

    status: int
    title: str
    lines: tuple[str, ...]
    links: dict[str, str]


def problem_of(error: Exception, site: Site) -> Problem:
    """What to say about an error."""
    match error:
        case NoPage():
            return _no_page(error, site)
        case UnknownName():
            return _unknown(error)
        case StoreError():
            todo = "The page asks again when it is reloaded."
            return Problem(503, "The store does not answer", (*str(error).splitlines(), todo), {})
        case DlcampError():
            return Problem(400, "This cannot be shown", tuple(str(error).splitlines()), {})
        case HTTPException(status_code=404):
            todo = "No page has this address. Experiments, ablations, searches and champions are on the first page."
            return Problem(404, "There is no such page", (todo,), {})
        case HTTPException():
            return Problem(error.status_code, "This cannot be shown", (str(error.detail),), {})
    lines = (f"{type(error).__name__}: {error}"[:500], "The terminal that runs `make ui` shows where it happened.")
    return Problem(500, "The dashboard failed", lines, {})


def _no_page(error: NoPage, site: Site) -> Problem:
    row = error.row
    asked = "an ablation" if error.kind == ABLATION else f"a {error.kind}"
    links = {f"the runs of {row.experiment}": f"/experiments/{row.experiment}"}
    if site.mlflow:
        links = {f"{row.name} in MLflow": f"{site.mlflow}/#/runs/{row.id}", **links}
    if error.parent:
        links = {f"its {SEARCH if error.of_search else ABLATION}": error.parent, **links}
    what = f"{row.name} is one run of {row.experiment}, not {asked}; it has no page of its own here."
    title = f"This run is no {error.kind}"
    return Problem(404, title, (what, f"In a terminal: make show RUN={row.id[:8]}"), links)


def _unknown(error: UnknownName) -> Problem:
    """The message without the list of all names, which is long in a store of thousands of runs."""
    lines = [line for line in str(error).splitlines() if not line.startswith("known: ")]
    lines.append(
        "It may have been deleted, or belong to another store (DLCAMP_HOME); the first page lists what is here."
    )
    return Problem(404, "Not found", tuple(lines), {})


def install(app: FastAPI, site: Site) -> None:
    """Let every error of a page end as a page."""

    def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error, site)
        if request.url.path.endswith(".json"):
            return JSONResponse({"error": " ".join([problem.title + ":", *problem.lines])}, problem.status)
        return site.render("problem.html", problem.status, problem=problem)

    def failed(request: Request, error: Exception) -> Response:
        made = answer(request, error)
        made.headers.update(HEADERS)  # this answer is given outside of the guard
        return made

    app.add_exception_handler(DlcampError, answer)
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(Exception, failed)
