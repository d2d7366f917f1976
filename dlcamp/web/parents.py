"""What the pages of parent runs share: which run has one, the body of its report, its files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from fastapi.responses import FileResponse, Response
from markupsafe import Markup

from dlcamp.errors import UnknownName
from dlcamp.tracking.checked import PARENT_TAG
from dlcamp.tracking.protocol import RunRow
from dlcamp.web.guard import REPORT_POLICY
from dlcamp.web.rows import SEARCHED, kind_of
from dlcamp.web.site import Site

REPORT = "report.html"
_KEPT = 8


class NoPage(UnknownName):
    """The run is there, but it has no such page; `parent` is the address of the one it belongs to, "" for none.

    Args:
        kind: what was asked for.
    """

    def __init__(self, row: RunRow, kind: str) -> None:
        super().__init__(kind, row.name, [])
        run = row.tags.get(PARENT_TAG, "")
        self.row, self.kind, self.of_search = row, kind, kind_of(row) == SEARCHED
        self.parent = f"/{'searches' if self.of_search else 'ablations'}/{run}" if run else ""


@dataclass(frozen=True)
class Body:
    """The part of a report that a page takes in."""

    html: Markup
    question: str

    @classmethod
    def of(cls, report: str, question: str) -> Body:
        """Of a report's page, whose template has escaped it."""
        return cls(Markup(report.partition("<main>")[2].partition("</main>")[0]), question)


class Bodies:
    """Reports made from the runs, the last few kept; one at a time is made, because it keeps a processor busy."""

    def __init__(self, make: Callable[[RunRow], Body]) -> None:
        self._make = make
        self._kept: OrderedDict[Hashable, Body] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, row: RunRow) -> Body:
        """The report's main part, of the runs as they are; a running parent's is made anew each time."""
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


def parent(site: Site, run: str, kinds: Sequence[str]) -> RunRow:
    """The parent run of that id or name; UnknownName where there is none, NoPage where it is of another kind."""
    row = site.reader.run(run[:200])
    if kind_of(row) not in kinds:
        raise NoPage(row, kinds[0])
    return row


def served(site: Site, row: RunRow, name: str, files: Mapping[str, str]) -> Response:
    """One of the known files of a parent; a report is a stranger to this address."""
    if name not in files:
        raise UnknownName(f"file of {row.name}", name[:100], files)
    path = site.reader.fetch(row.id, name)
    policy = {"Content-Security-Policy": REPORT_POLICY} if name == REPORT else {}
    return FileResponse(path, headers=policy, media_type=files[name])
