"""The parent run of a search: what it keeps, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from dlcamp.ablation.parent_run import ParentRun, keep_text, new_parent
from dlcamp.analysis.cells import KIND_TAG
from dlcamp.analysis.searched import FILE, Replication, Searched
from dlcamp.errors import UnknownName, UserError
from dlcamp.search.asked import Search
from dlcamp.search.journal import Journal
from dlcamp.search.record import searched
from dlcamp.tracking.protocol import Reader, RunRow, Store

STUDY_TAG = "dlcamp.search"


def open_parent(search: Search, journal: Journal, store: Store) -> Parent:
    """The parent run that the journal names, opened again; a new one where the store does not know it."""
    known = _known(journal.get("parent", ""), store.reader)
    if known is not None:
        return Parent(search, journal, store, known.id)
    return Parent(search, journal, store, "")


def _known(run: str, reader: Reader) -> RunRow | None:
    try:
        return reader.run(run) if run else None
    except UnknownName:
        return None


class Parent(ParentRun):
    """The open parent run of a search.

    Args:
        known: id of the run to be opened again; "" begins one.
    """

    def __init__(self, search: Search, journal: Journal, store: Store, known: str) -> None:
        tags = {KIND_TAG: "search", STUDY_TAG: search.digest}
        name = f"search-{search.digest[:4]}"
        tracked = store.tracker.resume(known) if known else new_parent(search.base, store, name, tags)
        super().__init__(tracked, search.base, store)
        self._search, self._journal = search, journal
        self._replication = replication_of(store.reader, known) if known else None
        journal.put("parent", self.id)

    def begin(self, changed: list[str]) -> None:
        """Record what is searched and where."""
        search = self._search
        self._begin(search.command)
        self._tracked.params({"data": search.base.request.data, "objectives": ", ".join(map(str, search.objectives))})
        self._tracked.params({f"space/{name}": str(space) for name, space in search.space.spaces.items()})
        self._tracked.tags({"dlcamp.sampler": search.sampler, "dlcamp.pruner": search.pruner})
        if changed:
            self._tracked.tags({"dlcamp.continued": "\n".join(changed)[:4000]})

    def best_so_far(self, value: float, trials: int) -> None:
        """The curve of a search, on its parent."""
        self._tracked.metrics({"search/best": value}, trials)

    def failed(self, error: BaseException) -> None:
        """Close as FAILED."""
        try:
            self._tracked.tags({"dlcamp.error": f"{type(error).__name__}: {error}"[:2000]})
            self.keep(None)
        finally:
            self._tracked.end("FAILED")

    def interrupted(self) -> None:
        """Close as KILLED, with what finished."""
        try:
            self.keep(None)
        finally:
            self._tracked.end("KILLED")

    def keep(self, replication: Replication | None) -> Searched:
        """Keep record, summary and page, as the journal has it now."""
        from dlcamp.analysis.scorings import scorings_line
        from dlcamp.analysis.search_report import page
        from dlcamp.analysis.search_text import table_lines

        told = scorings_line(self._store.reader, self._store.reader.run(self.id))
        found = replace(searched(self._search, self._journal, replication or self._replication), scorings=told)
        self._tracked.metrics(_counts(found), len(found.trials))
        self._text(FILE, json.dumps(found.to_json(), default=str))
        self._text("summary.txt", "\n".join(table_lines(found)) + "\n")
        self._text("report.html", page(found))
        return found


def _counts(found: Searched) -> Mapping[str, float]:
    names = {"FINISHED": "finished", "PRUNED": "pruned", "FAILED": "failed"}
    return {f"search/{word}": float(found.count(status)) for status, word in names.items()}  # type: ignore[arg-type]


def replication_of(reader: Reader, run: str) -> Replication | None:
    """What an earlier session replicated; None where none did."""
    found = record_of(reader, run)
    return found.replication if found else None


def record_of(reader: Reader, run: str) -> Searched | None:
    """The record that a search's parent keeps; None where it keeps none that can be read."""
    try:
        return Searched.from_json(json.loads(reader.fetch(run, FILE).read_text("utf-8")))
    except (UnknownName, OSError, ValueError, KeyError, TypeError):
        return None


def drawn_again(row: RunRow, store: Store) -> None:
    """Write summary and page of a search that has ended anew, from the record that it keeps.

    Raises:
        UserError: it keeps none that can be read.
    """
    from dlcamp.analysis.search_report import page
    from dlcamp.analysis.search_text import table_lines

    found = record_of(store.reader, row.id)
    if found is None:
        raise UserError(f"{row.name} keeps no {FILE} that can be read; the command that made it writes one anew")
    ends: dict[str, Literal["FINISHED", "FAILED", "KILLED"]] = {"FINISHED": "FINISHED", "FAILED": "FAILED"}
    tracked = store.tracker.resume(row.id)
    try:
        keep_text(tracked, "summary.txt", "\n".join(table_lines(found)) + "\n")
        keep_text(tracked, "report.html", page(found))
    finally:
        tracked.end(ends.get(row.status, "KILLED"))
