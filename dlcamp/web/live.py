"""How far a running ablation is, as a page and its JSON show it: one line a variant, progress, time left.

The state is read from `mlruns/live/<parent>.json`, which the ablation rewrites every second; without it from the
parent's `cells.json`. Whether somebody still works on it is said by the parent's lease.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import product
from statistics import fmean
from typing import Any, ClassVar

from dlcamp.ablation.state import live_file
from dlcamp.analysis.scale import scale_of, seconds
from dlcamp.analysis.study_files import Declaration, declaration_of, place_label
from dlcamp.errors import DlcampError
from dlcamp.tracking.protocol import Reader, RunRow
from dlcamp.web.rows import why_stale

SILENT = 60.0
"""Seconds without news after which the page says so."""


@dataclass(frozen=True)
class LiveRow:
    """One variant, at one combination of axis values."""

    label: str
    done: int
    failed: int
    all: int
    running: str
    mean: str
    error: str


@dataclass(frozen=True)
class Live:
    """Everything the live page shows, as text and numbers.

    Args:
        ended: whether the parent has ended, so that there is a report to look at instead.
        stale: why nobody works on it any more; empty while somebody may.
        trials: "5 of 12 trials", of the choice of strengths; empty where there are none.
        quiet: how long there was no news, where that is long.
    """

    run: str
    status: str
    ended: bool
    stale: str
    metric: str
    rows: tuple[LiveRow, ...]
    done: int
    failed: int
    running: int
    all: int
    trials: str
    left: str
    passed: str
    quiet: str

    parts: ClassVar[tuple[str, ...]] = ("done", "failed", "running")
    """Of the bar."""

    def to_json(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return asdict(self) | {"summary": self.summary}

    @property
    def settled(self) -> int:
        """Runs that have ended."""
        return self.done + self.failed

    @property
    def summary(self) -> str:
        """`12 of 40 runs done, 1 failed`."""
        wrong = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.all} runs done{wrong}" if self.all else "the first runs are being planned"


def live_of(reader: Reader, row: RunRow, now: float | None = None) -> Live:
    """The state of an ablation.

    Args:
        row: the parent run.
        now: seconds since 1970; default the clock.
    """
    now = time.time() if now is None else now
    state, written = _state(reader, row)
    declared = declaration_of(reader, row, [])
    cells = _cells(state.get("cells"), declared)
    metric = str(state.get("metric") or declared.metric or row.params.get("metric", ""))
    stale = why_stale(row)
    count = [cell["status"] for cell in cells].count
    trials = state.get("trials") if isinstance(state.get("trials"), Mapping) else {}
    eta = state.get("eta_seconds")
    return Live(
        run=row.id,
        status=row.status,
        ended=row.status != "RUNNING",
        stale=stale,
        metric=scale_of(metric, _values(cells, metric)).axis,
        rows=_rows(cells, metric),
        done=count("FINISHED"),
        failed=count("FAILED") + count("KILLED"),
        running=0 if stale else count("RUNNING"),
        all=len(cells),
        trials=f"{trials['done']} of {trials['all']} trials" if trials and trials.get("all") else "",
        left=seconds(float(eta)) if eta and not stale and row.status == "RUNNING" else "",
        passed=seconds(max((row.ended or now) - float(state.get("started") or row.started), 0.0)),
        quiet=silence(written, now, stale),
    )


def silence(written: float | None, now: float, stale: str) -> str:
    """How long there was no news, where that is long and somebody may still be at work."""
    return seconds(now - written) if written and not stale and now - written > SILENT else ""


def live_cells(row: RunRow) -> list[dict[str, Any]] | None:
    """The cells of the live file, which is ahead of `cells.json`; None where there is no such file."""
    cells = (read_live(row) or {}).get("cells")
    return cells if isinstance(cells, list) else None


def read_live(row: RunRow) -> dict[str, Any] | None:
    """What the live file of a parent holds; None where there is none."""
    try:
        found = json.loads(live_file(row.id).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _state(reader: Reader, row: RunRow) -> tuple[dict[str, Any], float | None]:
    """The live file with the time it was written; else what `cells.json` says; else nothing."""
    found = read_live(row)
    if found is not None:
        with suppress(OSError):  # it has just ended
            return found, live_file(row.id).stat().st_mtime
    try:
        return {"cells": json.loads(reader.fetch(row.id, "cells.json").read_text("utf-8"))}, None
    except (DlcampError, OSError, ValueError):
        return {}, None


def _cells(written: Any, declared: Declaration) -> list[dict[str, Any]]:
    """One record a cell: those that were planned, and those that are declared and still to come."""
    cells: dict[tuple[str, str, int], dict[str, Any]] = {}
    for axes in product(*([(axis, value) for value in values] for axis, values in declared.axes.items())):
        for variant, seed in product(declared.variants, declared.seeds):
            one = {"variant": variant, "axes": dict(axes), "seed": seed, "status": "WAITING"}
            cells[_key(one)] = one
    for one in written if isinstance(written, Sequence) else ():
        if isinstance(one, Mapping) and {"variant", "seed", "status"} <= one.keys():
            cells[_key(one)] = dict(one)
    order = {name: number for number, name in enumerate(declared.variants)}
    return sorted(cells.values(), key=lambda one: order.get(str(one["variant"]), len(order)))


def _key(cell: Mapping[str, Any]) -> tuple[str, str, int]:
    return str(cell["variant"]), place_label(cell.get("axes") or {}), int(cell["seed"])


def _rows(cells: Sequence[Mapping[str, Any]], metric: str) -> tuple[LiveRow, ...]:
    scale = scale_of(metric, _values(cells, metric))
    places: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        places.setdefault(_key(cell)[:2], []).append(cell)
    rows = []
    for (variant, axes), members in places.items():
        values = _values(members, metric)
        lost = [one for one in members if one["status"] in ("FAILED", "KILLED")]
        rows.append(
            LiveRow(
                label=", ".join(part for part in (variant, axes) if part) or "runs",
                done=sum(one["status"] == "FINISHED" for one in members),
                failed=len(lost),
                all=len(members),
                running=", ".join(f"seed {one['seed']}" for one in members if one["status"] == "RUNNING"),
                mean=scale.value(fmean(values)) if values else "",
                error=str(lost[0].get("error") or "").partition("\n")[0][:200] if lost else "",
            )
        )
    return tuple(rows)


def _values(cells: Sequence[Mapping[str, Any]], metric: str) -> list[float]:
    """Of the finished cells."""
    found = [(cell.get("metrics") or {}).get(metric) for cell in cells if cell["status"] == "FINISHED"]
    return [float(value) for value in found if isinstance(value, (int, float))]
