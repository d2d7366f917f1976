"""The parent run of an ablation: what it is called, what it keeps, and how it ends."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlcamp.ablation.choosing import Choice
from dlcamp.ablation.design import Design, Place
from dlcamp.ablation.state import Child, State
from dlcamp.analysis.cells import AXES_TAG, KIND_TAG, VARIANT_TAG
from dlcamp.analysis.findings import Findings
from dlcamp.config import canonical
from dlcamp.errors import Refusal, UnknownName
from dlcamp.experiment import Experiment
from dlcamp.paths import runs_folder
from dlcamp.runner import Plan, run_tags
from dlcamp.tracking.protocol import RunRow, Store, TrackedRun

if TYPE_CHECKING:
    from dlcamp.ablation.engine import Ablation

IDENTITY_TAG, CHILD_TAG = "dlcamp.ablation", "dlcamp.child"


def identity(base: Plan, design: Design) -> str:
    """Digest of what all children share: code, data, environment, base config with preset and SET, the tuning.

    Variants, axis values and seeds are not in it: an ablation that is widened stays the same one.
    """
    parts = {**base.fingerprint.parts(), "config": canonical(base.request.resolved.config)}
    tuning = design.grid.tuning
    shared = [parts, base.request.preset, tuning.trials, tuning.seed, dict(tuning.values), sorted(design.grid.axes)]
    return hashlib.sha256(json.dumps(shared, sort_keys=True, default=str).encode()).hexdigest()


def child_tags(child: Child) -> dict[str, str]:
    """What tells a child from its siblings."""
    return {
        KIND_TAG: child.kind,
        VARIANT_TAG: child.place.variant,
        AXES_TAG: json.dumps(dict(child.place.axes)),
        CHILD_TAG: child.key,
    }


@dataclass(frozen=True)
class Earlier:
    """What earlier sessions of the same ablation left."""

    cells: Sequence[Mapping[str, Any]] = ()
    choices: Sequence[Mapping[str, Any]] = ()

    def strengths(self, place: Place) -> Mapping[str, Any]:
        """What was chosen for a place; empty where nothing was."""
        for choice in self.choices:
            if (choice["variant"], choice["axes"]) == (place.variant, dict(place.axes)):
                return dict(choice["chosen"])
        return {}


class Parent:
    """An open parent run."""

    def __init__(
        self,
        tracked: TrackedRun,
        base: Plan,
        design: Design,
        store: Store,
        command: str,
        earlier: Earlier = Earlier(),
    ) -> None:
        self.earlier = earlier
        self._tracked, self._base, self._design, self._store = tracked, base, design, store
        self.id, self.name, self._command = tracked.id, tracked.name, command
        self._code = runs_folder() / "checkpoints" / tracked.id / "code"

    def begin(self, ablation: Ablation) -> None:
        """Record what was declared and where it runs."""
        from dlcamp.tracking.models import snapshot
        from dlcamp.tracking.provenance import git_diff, provenance

        design, root = self._design, self._base.root
        self._tracked.params({"data": self._base.request.data, "metric": design.comparison.metric})
        self._tracked.tags({"dlcamp.command": self._command, "dlcamp.seeds": ",".join(map(str, design.grid.seeds))})
        self._tracked.dataset(self._base.request.data, self._base.dataset.digest)
        machine = provenance(root)
        declared = {
            "question": self._base.request.experiment.question,
            "variants": {name: dict(variant.values) for name, variant in design.variants.items()},
            "axes": {axis: list(values) for axis, values in design.grid.axes.items()},
            "seeds": list(design.grid.seeds),
            "strengths": {name: "tuned" if one.tune and design.grid.tuning.trials else "fixed"
                          for name, one in design.variants.items()},
            "tuning": {"trials": design.grid.tuning.trials, "seed": design.grid.tuning.seed,
                       "set": dict(design.grid.tuning.values)},
            "baseline": design.comparison.baseline,
            "metric": design.comparison.metric,
            "workers": ablation.workers,
            "threads": ablation.threads,
            "machine": machine,
        }  # fmt: skip
        self._text("declaration.json", json.dumps(declared, indent=1, ensure_ascii=False, default=str))
        self._text("provenance.json", json.dumps(machine, indent=1))
        if diff := git_diff(root):
            self._text("uncommitted.patch", diff)
        if self._base.request.experiment.predictor:
            shutil.rmtree(self._code, ignore_errors=True)
            snapshot(self._code)

    def model_payload(self, run: str) -> dict[str, Any]:
        """What the job needs that logs the best child's model."""
        request = self._base.request
        return {
            "run": run,
            "experiment": request.experiment.name,
            "root": str(self._base.root),
            "code": str(self._code / "dlcamp"),
        }

    def best_model(self, child: Child, proof: str) -> None:
        """Record which child's model was kept and proven to reload."""
        self._tracked.tags({"dlcamp.best_run": child.run, "dlcamp.best_name": child.name, "dlcamp.proof": proof})

    def judge(self, state: State, choices: Sequence[Choice]) -> Findings:
        """Judge the cells, and keep tables, claims, summary and report."""
        request = self._base.request
        chosen = [choice.record() for choice in choices]
        places = [(one["variant"], one["axes"]) for one in chosen]
        chosen += [dict(one) for one in self.earlier.choices if (one["variant"], one["axes"]) not in places]
        self._text("tuning.json", json.dumps(chosen, indent=1))
        self._cells(state)
        self._tracked.flush()
        return write_verdicts(self._tracked, self._store, request.experiment)

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

    def end(self) -> RunRow:
        """Close as FINISHED."""
        self._tracked.end("FINISHED")
        shutil.rmtree(self._code.parent, ignore_errors=True)
        return self._store.reader.run(self.id)

    def _cells(self, state: State) -> None:
        self._text("cells.json", json.dumps([child.record() for child in state.of("cell")], indent=1))

    def _text(self, name: str, content: str) -> None:
        _text(self._tracked, name, content)


def write_verdicts(tracked: TrackedRun, store: Store, experiment: Experiment) -> Findings:
    """Judge what the parent's cells.json lists; its means, claims, summary and page are written anew.

    Raises:
        Refusal: the runs are on different data.
    """
    from dlcamp.analysis.claims_file import remember
    from dlcamp.analysis.report import page
    from dlcamp.analysis.study import assemble
    from dlcamp.analysis.text import table_lines

    row = store.reader.run(tracked.id)
    study = assemble(store.reader, row, experiment)
    if study.findings is None:
        raise Refusal(study.refusal)
    findings = study.findings
    for one in findings.variants:
        if one.mean.mean is not None:
            axes = "".join(f"/{axis}-{value}" for axis, value in one.axes.items())
            tracked.metrics({f"{findings.comparison.metric}/{one.variant or 'runs'}{axes}": one.mean.mean}, one.n)
    claims = [[claim.statement, claim.verdict] for claim in findings.claims]
    tracked.tags({"dlcamp.claims": json.dumps(claims, ensure_ascii=False)})
    remember(experiment.name, row.tags["dlcamp.data"], row.tags.get("dlcamp.preset", ""), row.id, claims)
    _text(tracked, "findings.json", json.dumps(findings.to_json(), indent=1, ensure_ascii=False))
    _text(tracked, "summary.txt", "\n".join(table_lines(findings)) + "\n")
    _text(tracked, "report.html", page(study))
    return findings


def judged_again(row: RunRow, store: Store, experiment: Experiment) -> None:
    """Judge an ablation that has ended once more, by the present code and claims; its runs stay as they are."""
    ends: dict[str, Literal["FINISHED", "FAILED", "KILLED"]] = {"FINISHED": "FINISHED", "FAILED": "FAILED"}
    tracked = store.tracker.resume(row.id)
    try:
        write_verdicts(tracked, store, experiment)
    finally:
        tracked.end(ends.get(row.status, "KILLED"))


def _text(tracked: TrackedRun, name: str, content: str) -> None:
    with tempfile.TemporaryDirectory(prefix="dlcamp-") as scratch:
        path = Path(scratch, name)
        path.write_text(content, "utf-8")
        tracked.artifact(path)


def open_parent(base: Plan, design: Design, store: Store, command: str) -> Parent:
    """The parent of this ablation: the newest one of the same identity goes on, or a new one begins."""
    request, digest = base.request, identity(base, design)
    known = store.reader.runs(request.experiment.name, tags={KIND_TAG: "ablation", IDENTITY_TAG: digest}, limit=1)
    if known and not request.force:
        earlier = Earlier(_read(store, known[0].id, "cells.json"), _read(store, known[0].id, "tuning.json"))
        return Parent(store.tracker.resume(known[0].id), base, design, store, command, earlier)
    tags = run_tags(base) | {KIND_TAG: "ablation", IDENTITY_TAG: digest}
    # a parent is no result of its config: nothing may take it for one
    for name in ("dlcamp.fingerprint", "dlcamp.fingerprint_parts"):
        tags.pop(name)
    name = f"{request.experiment.name}-ablation-{digest[:4]}"
    return Parent(store.tracker.start(request.experiment.name, name, tags), base, design, store, command)


def _read(store: Store, run: str, name: str) -> list[dict[str, Any]]:
    """A list that an earlier session kept; empty where it kept none, or only half of one."""
    try:
        return list(json.loads(store.reader.fetch(run, name).read_text("utf-8")))
    except (UnknownName, OSError, ValueError):
        return []
