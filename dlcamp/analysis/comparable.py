"""Whether runs may be compared at all: refused across data, warned about across commits, changed files, precisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dlcamp.analysis.cells import Cell
from dlcamp.errors import Refusal


def check(cells: Sequence[Cell]) -> list[str]:
    """Warnings about the finished runs, in words; none where they differ in nothing but what was varied.

    Raises:
        Refusal: they are of several data sets, or of one data set whose content differs.
    """
    done = [cell for cell in cells if cell.finished]
    _same_data(done)
    return [*_unverified(done), *_commits(done), *_precisions(done)]


def _same_data(cells: Sequence[Cell]) -> None:
    """A digest that all share outweighs names; runs that say nothing are unverified, not other."""
    digests = {cell.digest for cell in cells if cell.digest}
    names = {cell.data for cell in cells if cell.data}
    if len(digests) > 1 or (len(names) > 1 and not (digests and all(cell.digest for cell in cells))):
        groups: dict[str, list[Cell]] = {}
        for cell in cells:
            groups.setdefault(f"{cell.data or 'unnamed data'} ({cell.digest[:19] or 'no digest'})", []).append(cell)
        lines = [f"  {data}: {_places(members)}" for data, members in groups.items()]
        what = "several data sets" if len(names) > 1 else "data that changed between them"
        hint = "compare runs of one data set (DATA=NAME), or run the others again on the present data"
        raise Refusal("\n".join([f"these runs are of {what}; their scores cannot be compared", *lines, hint]))


def _unverified(cells: Sequence[Cell]) -> list[str]:
    without = [cell for cell in cells if not cell.digest]
    if not without:
        return []
    return [f"unverified data: {_share(without, cells)} recorded no digest of the data ({_places(without)})"]


def _commits(cells: Sequence[Cell]) -> list[str]:
    """Commits without a mark of changed files count as commits; the mark is said apart."""
    counts = Counter(cell.commit.rstrip("+") for cell in cells if cell.commit)
    said = []
    if len(counts) > 1:
        said.append(f"the runs come from {len(counts)} commits: {_counts(counts)}")
    dirty = [cell for cell in cells if cell.commit.endswith("+")]
    if dirty:
        said.append(f"{_share(dirty, cells)} ran with uncommitted changes")
    return said


def _precisions(cells: Sequence[Cell]) -> list[str]:
    counts = Counter(cell.precision for cell in cells if cell.precision)
    return [f"the runs differ in precision: {_counts(counts)}"] if len(counts) > 1 else []


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _share(some: Sequence[Cell], of: Sequence[Cell]) -> str:
    if len(some) == len(of):
        return "the only run" if len(of) == 1 else f"all {len(of)} runs"
    return f"{len(some)} of {len(of)} runs"


def _places(cells: Sequence[Cell]) -> str:
    names = list(dict.fromkeys(cell.variant or cell.name or cell.experiment for cell in cells))
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
