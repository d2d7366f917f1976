"""What parents of ablations and of searches share: how one is opened, what it keeps, whose model is its best."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlcamp.held_models import folder_of
from dlcamp.launch.protocol import Job, Launcher
from dlcamp.paths import runs_folder
from dlcamp.runner import Plan, Say, run_tags
from dlcamp.tracking.protocol import RunRow, Store, TrackedRun


def new_parent(base: Plan, store: Store, name: str, tags: Mapping[str, str]) -> TrackedRun:
    """Open a new parent run; `name` follows the experiment's."""
    all_tags = run_tags(base) | dict(tags)
    # a parent is no result of its config: nothing may take it for one
    for tag in ("dlcamp.fingerprint", "dlcamp.fingerprint_parts"):
        all_tags.pop(tag)
    experiment = base.request.experiment.name
    return store.tracker.start(experiment, f"{experiment}-{name}", all_tags)


class ParentRun:
    """An open parent run.

    Args:
        base: the plan that all children are made from.
    """

    def __init__(self, tracked: TrackedRun, base: Plan, store: Store) -> None:
        self.id, self.name = tracked.id, tracked.name
        self._tracked, self._base, self._store = tracked, base, store
        self._code = runs_folder() / "checkpoints" / tracked.id / "code"

    def log_best_model(self, run: str, name: str, launcher: Launcher, say: Say) -> None:
        """Log and prove the model of the best child where it is held back, and record whose it is."""
        if not self._base.request.experiment.predictor:
            return
        proof = self._store.reader.run(run).tags.get("dlcamp.proof", "")
        if not proof and (folder_of(run) / "held.json").exists():
            launcher.submit(Job("model", "dlcamp.held_models:log_held", self._model_payload(run)))
            while events := launcher.events(timeout=None):
                for event in events:
                    if event.kind in ("raised", "lost"):
                        say(f"the model of {name} is not kept: {event.error}")
                    proof = str(event.result.get("proof", proof))
        self._tracked.tags({"dlcamp.best_run": run, "dlcamp.best_name": name, "dlcamp.proof": proof})

    def end(self) -> RunRow:
        """Close as FINISHED."""
        self._tracked.end("FINISHED")
        shutil.rmtree(self._code.parent, ignore_errors=True)
        return self._store.reader.run(self.id)

    def _begin(self, command: str) -> dict[str, Any]:
        """Record command, data, provenance and the code that a model is saved with; the provenance."""
        from dlcamp.tracking.models import snapshot
        from dlcamp.tracking.provenance import PATCH, git_diff, provenance

        request = self._base.request
        self._tracked.tags({"dlcamp.command": command, "dlcamp.error": ""})
        if request.note:
            self._tracked.tags({"mlflow.note.content": request.note})
        self._tracked.dataset(request.data, self._base.dataset.digest)
        machine = provenance(self._base.root)
        self._text("provenance.json", json.dumps(machine, indent=1))
        if diff := git_diff(self._base.root):
            self._text(PATCH, diff)
        if request.experiment.predictor:
            shutil.rmtree(self._code, ignore_errors=True)
            snapshot(self._code)
        return machine

    def _model_payload(self, run: str) -> dict[str, Any]:
        """What the job needs that logs the best child's model."""
        return {
            "run": run,
            "experiment": self._base.request.experiment.name,
            "root": str(self._base.root),
            "code": str(self._code / "dlcamp"),
        }

    def _text(self, name: str, content: str) -> None:
        keep_text(self._tracked, name, content)


def keep_text(tracked: TrackedRun, name: str, content: str) -> None:
    """Store a text as an artifact."""
    with tempfile.TemporaryDirectory(prefix="dlcamp-") as scratch:
        path = Path(scratch, name)
        path.write_text(content, "utf-8")
        tracked.artifact(path)
