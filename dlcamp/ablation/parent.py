"""The parent run of an ablation: what it is called, what it keeps, and how it ends."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from dlcamp.ablation.choosing import Choice
from dlcamp.ablation.design import Design
from dlcamp.ablation.earlier import Earlier
from dlcamp.ablation.parent_run import ParentRun, keep_text, new_parent
from dlcamp.ablation.state import Child, State
from dlcamp.analysis.cells import AXES_TAG, KIND_TAG, VARIANT_TAG
from dlcamp.analysis.findings import Findings
from dlcamp.config import canonical
from dlcamp.errors import Refusal
from dlcamp.experiment import Experiment
from dlcamp.runner import Plan
from dlcamp.tracking.protocol import Reader, RunRow, Store, TrackedRun

if TYPE_CHECKING:
    from dlcamp.ablation.engine import Ablation

_NO_KEY = re.compile(r"[^\w.\- ]")
"""Characters that a metric's name cannot hold; a value of an axis may ("512,512")."""

IDENTITY_TAG, CHILD_TAG = "dlcamp.ablation", "dlcamp.child"


def identity(base: Plan, design: Design) -> str:
    """Digest of what all children share: code, data, environment, base config with preset and SET, the tuning.

    Variants, axis values and seeds are not in it: an ablation that is widened stays the same one.
    """
    parts = {**base.fingerprint.parts(), "config": canonical(base.request.resolved.config)}
    tuning = design.grid.tuning
    axes, metric = sorted(design.grid.axes), design.comparison.metric
    shared = [parts, base.request.preset, tuning.trials, tuning.seed, dict(tuning.values), axes, metric]
    return hashlib.sha256(json.dumps(shared, sort_keys=True, default=str).encode()).hexdigest()


def child_tags(child: Child) -> dict[str, str]:
    """What tells a child from its siblings."""
    return {
        KIND_TAG: child.kind,
        VARIANT_TAG: child.place.variant,
        AXES_TAG: json.dumps(dict(child.place.axes)),
        CHILD_TAG: child.key,
    }


class Parent(ParentRun):
    """The open parent run of an ablation."""

    def __init__(self, tracked: TrackedRun, base: Plan, store: Store, earlier: Earlier) -> None:
        super().__init__(tracked, base, store)
        self._earlier = earlier

    def begin(self, ablation: Ablation, state: State) -> None:
        """Record what is declared, of all sessions together, and where it runs."""
        design, request = ablation.design, self._base.request
        seeds = sorted({*design.grid.seeds, *(child.seed for child in state.of("cell"))})
        variants = {child.place.variant for child in state.of("cell")} | set(design.variants)
        names = [name for name in ablation.whole.variants if name in variants]
        self._tracked.params({"data": request.data, "metric": design.comparison.metric})
        machine = self._begin(ablation.command(names, seeds))
        declared = declaration(ablation, names, seeds) | {"question": request.experiment.question, "machine": machine}
        self._text("declaration.json", json.dumps(declared, indent=1, ensure_ascii=False, default=str))

    def keep_choices(self, choices: Sequence[Choice]) -> None:
        """Keep how strengths were chosen, with the choices of earlier sessions for other places."""
        chosen = [choice.record() for choice in choices]
        places = [(one["variant"], one["axes"]) for one in chosen]
        chosen += [dict(one) for one in self._earlier.choices if (one["variant"], one["axes"]) not in places]
        self._text("tuning.json", json.dumps(chosen, indent=1))

    def judge(self, state: State) -> Findings:
        """Judge the cells, and keep tables, claims, summary and report."""
        self._cells(state)
        self._tracked.flush()
        return write_verdicts(self._tracked, self._store, self._base.request.experiment)

    def interrupted(self, state: State) -> None:
        """Close as KILLED; what finished is listed."""
        self._cells(state)
        self._tracked.end("KILLED")

    def failed(self, error: BaseException, state: State) -> None:
        """Close as FAILED; what finished is listed."""
        try:
            self._tracked.tags({"dlcamp.error": f"{type(error).__name__}: {error}"[:2000]})
            self._cells(state)
        finally:
            self._tracked.end("FAILED")

    def _cells(self, state: State) -> None:
        """What has begun; a child that was running when the parent ends was stopped with it."""
        records = [child.record() for child in state.of("cell") if child.status != "WAITING"]
        for record in records:
            record["status"] = "KILLED" if record["status"] == "RUNNING" else record["status"]
        self._text("cells.json", json.dumps(records, indent=1))


def write_verdicts(tracked: TrackedRun, store: Store, experiment: Experiment) -> Findings:
    """Judge what the parent's cells.json lists; its means, claims, summary and page are written anew.

    Raises:
        Refusal: the runs are on different data.
    """
    from dlcamp.analysis.claims_file import remember
    from dlcamp.analysis.report import page
    from dlcamp.analysis.scorings import SCORINGS_TAG, scores_test, scorings_line
    from dlcamp.analysis.study import assemble
    from dlcamp.analysis.text import table_lines

    row = store.reader.run(tracked.id)
    study = assemble(store.reader, row, experiment)
    findings = study.findings
    if findings is None:
        raise Refusal(study.refusal)
    if any(scores_test(cell.metrics) for cell in study.cells):
        study = replace(study, scorings=scorings_line(store.reader, row))
        tracked.tags({SCORINGS_TAG: study.scorings})
    for one in findings.variants:
        if one.mean.mean is not None:
            parts = [one.variant or "runs", *(f"{axis}-{value}" for axis, value in one.axes.items())]
            name = "/".join([findings.comparison.metric, *(_NO_KEY.sub("_", part) for part in parts)])
            tracked.metrics({name: one.mean.mean}, one.n)
    claims = [[claim.statement, claim.verdict] for claim in findings.claims]
    tracked.tags({"dlcamp.claims": json.dumps(claims, ensure_ascii=False)})
    if row.tags.get(KIND_TAG) == "ablation":  # a search's replication judges no claim
        remember(experiment.name, row.tags["dlcamp.data"], row.tags.get("dlcamp.preset", ""), row.id, claims)
    keep_text(tracked, "findings.json", json.dumps(findings.to_json(), indent=1, ensure_ascii=False))
    told = ["", study.scorings] if study.scorings else []
    keep_text(tracked, "summary.txt", "\n".join([*table_lines(findings), *told]) + "\n")
    keep_text(tracked, "report.html", page(study))
    return findings


def judged_again(row: RunRow, store: Store, experiment: Experiment) -> None:
    """Judge an ablation that has ended once more, by the present code and claims; its runs stay as they are."""
    ends: dict[str, Literal["FINISHED", "FAILED", "KILLED"]] = {"FINISHED": "FINISHED", "FAILED": "FAILED"}
    tracked = store.tracker.resume(row.id)
    try:
        write_verdicts(tracked, store, experiment)
    finally:
        tracked.end(ends.get(row.status, "KILLED"))


def known_parent(base: Plan, design: Design, reader: Reader, kind: str = "ablation") -> RunRow | None:
    """The newest parent of the same identity; None where this ablation is new, or FORCE begins it anew."""
    if base.request.force:
        return None
    tags = {KIND_TAG: kind, IDENTITY_TAG: identity(base, design)}
    rows = reader.runs(base.request.experiment.name, tags=tags, limit=1)
    return rows[0] if rows else None


def open_parent(ablation: Ablation, store: Store, known: RunRow | None, earlier: Earlier) -> Parent:
    """Open the known parent again, or begin a new one."""
    base = ablation.base
    if known is not None:
        return Parent(store.tracker.resume(known.id), base, store, earlier)
    digest = identity(base, ablation.design)
    tags = {KIND_TAG: ablation.kind, IDENTITY_TAG: digest}
    return Parent(new_parent(base, store, f"{ablation.kind}-{digest[:4]}", tags), base, store, earlier)


def declaration(ablation: Ablation, names: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """The design as declaration.json keeps it: of the variants and seeds that the ablation has."""
    whole, grid = ablation.whole, ablation.whole.grid
    tuned = {place.variant for place in whole.places() if whole.tuned(place)}
    return {
        "variants": {name: dict(whole.variants[name].values) for name in names},
        "axes": {axis: list(values) for axis, values in grid.axes.items()},
        "seeds": list(seeds),
        "strengths": {name: "tuned" if name in tuned else "fixed" for name in names},
        "tuning": {"trials": grid.tuning.trials, "seed": grid.tuning.seed, "set": dict(grid.tuning.values)},
        "baseline": whole.comparison.baseline,
        "metric": whole.comparison.metric,
        "workers": ablation.workers,
        "threads": ablation.threads,
    }
