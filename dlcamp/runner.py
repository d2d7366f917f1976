"""execute(): the only place where a run happens. It knows no experiment.

plan = prepare(request, root)             nothing is written; bad names and values end here
outcome = execute(plan, store, say)       from the cache, or a run that ends FINISHED, FAILED or KILLED
outcome = resume("caption_lstm-s0-3f9c", ...)   an interrupted run goes on as the same run
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlcamp.config import Layer, Resolved, canonical, flatten, resolve
from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.endings import STATE_TAG, ended_badly, promised, pruned
from dlcamp.errors import UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.fingerprint import Fingerprint, differences, fingerprint, referring
from dlcamp.guards import Pruned, Terminated, only_one, sigterm_raises, uninterrupted
from dlcamp.memory import keep_memory
from dlcamp.model_ref import MODELS_TAG
from dlcamp.paths import runs_folder

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun, Watch
    from dlcamp.tracking.input_models import InputModels
    from dlcamp.tracking.proof import Proof
    from dlcamp.tracking.protocol import Reader, RunRow, Store, TrackedRun

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What the user asked for: an experiment, its resolved config, a data set, and how to keep it.

    Args:
        parent: id of the run that this is a child of.
        tags: more tags of the run; `dlcamp.kind` among them says what kind of child it is.
        model: what becomes of a trained model: logged and proven to reload, held back until a parent run knows
            whether it is the best (`held_models.py`), or dropped.
        pinned: text of a `ModelRef` -> id of the model that it was found to mean, by a parent run for its children or
            by the run before it was interrupted; the others are looked up.
        watch: is told what the run reports while it runs, and may give it up (`guards.Pruned`).
    """

    experiment: Experiment
    resolved: Resolved[Any]
    data: str
    preset: str | None = None
    note: str = ""
    labels: tuple[str, ...] = ()
    force: bool = False
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    model: Literal["log", "hold", "drop"] = "log"
    pinned: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None


@dataclass(frozen=True)
class Plan:
    """A request with its data opened and its fingerprint known; `models` are those it takes in, by `with_models`."""

    request: Request
    dataset: Any
    fingerprint: Fingerprint
    root: Path
    models: InputModels | None = None

    def other(self, request: Request) -> Plan:
        """The plan of another config of the same experiment on the same data; nothing is opened or read again."""
        config = request.resolved.config
        values = flatten(config.model_dump(mode="json"))
        print_ = replace(self.fingerprint, config=values, inputs=config.inputs())
        return replace(self, request=request, fingerprint=print_, models=None)

    @property
    def run_name(self) -> str:
        """`caption_lstm-s0-3f9c`: experiment, variant, seed (or the trial of a search), the fingerprint's beginning."""
        config = self.request.resolved.config
        if "dlcamp.trial" in self.request.tags:
            return (
                f"{self.request.experiment.name}-trial{self.request.tags['dlcamp.trial']}-{self.fingerprint.digest[:4]}"
            )
        variant = self.request.tags.get("dlcamp.variant", "")
        name = f"{self.request.experiment.name}-{variant}" if variant else self.request.experiment.name
        return f"{name}-s{config.seed}-{self.fingerprint.digest[:4]}"


@dataclass(frozen=True)
class Outcome:
    """How a request ended: the run's row, whether it came from the cache, how long, and the model's proof."""

    row: RunRow
    cached: bool
    seconds: float
    proof: Proof | None = None


def prepare(request: Request, root: Path) -> Plan:
    """Open the data and compute the fingerprint; writes nothing.

    Raises:
        UnknownName: a data set that the experiment does not run on.
        ConfigError: a field that must name a stored model names none.
    """
    request.resolved.config.model_refs()
    if request.data not in request.experiment.data:
        raise UnknownName(f"data set for {request.experiment.name}", request.data, request.experiment.data)
    entry = catalog.entry(request.data)
    dataset = entry.open()
    print_ = fingerprint(request.experiment, request.resolved.config, request.data, dataset.digest, entry.source, root)
    return Plan(request, dataset, print_, root)


def with_models(plan: Plan, store: Store | None) -> Plan:
    """The plan with the stored models that its config refers to: their digests, not their names, make the fingerprint.

    Args:
        store: that is asked for them; None where there is none yet.

    Raises:
        ConfigError: a reference that means no model.
        StoreError: a model's files are gone or were altered.
    """
    request = plan.request
    if plan.models is not None or not request.resolved.config.model_refs():
        return plan
    from dlcamp.find_models import Lookup

    lookup = Lookup(store, plan.root, (request.data, plan.dataset.digest), request.pinned)
    models = lookup.models(request.resolved.config, request.resolved.origins)
    print_ = referring(plan.fingerprint, models.contents(), plan.root)
    return replace(plan, request=replace(request, pinned=models.pinned()), fingerprint=print_, models=models)


def cached_run(plan: Plan, reader: Reader) -> RunRow | None:
    """The newest FINISHED run with the plan's fingerprint; one with a substituted part does not count."""
    if not plan.request.experiment.cache:
        return None
    tags = {"dlcamp.fingerprint": plan.fingerprint.digest}
    rows = reader.runs(plan.request.experiment.name, status="FINISHED", tags=tags)
    return next((row for row in rows if not row.tags.get("dlcamp.substituted")), None)


def explain(plan: Plan, reader: Reader) -> list[str]:
    """What differs between the plan and the newest finished run of the experiment, one line each."""
    same = cached_run(plan, reader)
    if same is not None:
        return [f"nothing changed since {same.name}: same config, data, environment and code"]
    rows = reader.runs(plan.request.experiment.name, status="FINISHED", limit=1)
    if not rows:
        return [f"no finished run of {plan.request.experiment.name} to compare with"]
    changed = differences(json.loads(rows[0].tags.get("dlcamp.fingerprint_parts", "{}")), plan.fingerprint.parts())
    changed += plan.models.changes(rows[0].params) if plan.models else []
    return [f"against {rows[0].name}:", *(f"  {line}" for line in changed)]


def execute(plan: Plan, store: Store, say: Say) -> Outcome:
    """Take the run from the cache or make it.

    Raises:
        RunFailed: the body raised (the run is FAILED, the traceback an artifact), or broke its promise.
        RunPruned: who watches it gave it up (the run is KILLED and tagged, its curve is kept).
        RunInterrupted: SIGINT or SIGTERM (the run is KILLED, what was logged is kept).
        StoreError: the store cannot be used.
        ConfigError: the config refers to a model that is not there.
    """
    plan = with_models(plan, store)
    with only_one(plan.fingerprint.digest, runs_folder() / "locks", say):
        found = None if plan.request.force else cached_run(plan, store.reader)
        if found is not None:
            if plan.request.note or plan.request.labels:
                say(f"nothing runs, so NOTE and TAGS are not kept; run it again with them: FORCE=1 (run {found.name})")
            return Outcome(found, True, 0.0)
        tracked = store.tracker.start(plan.request.experiment.name, plan.run_name, run_tags(plan), plan.request.parent)
        return _run(plan, store, tracked, say, resumed=False)


def resume(
    run: str,
    store: Store,
    root: Path,
    say: Say,
    force: bool = False,
    model: Literal["log", "hold", "drop"] = "log",
    watch: Watch | None = None,
) -> Outcome:
    """Continue an interrupted run as the same run, from its last checkpoint.

    Args:
        model, watch: as in `Request`.

    Raises:
        UserError: the run is finished, still alive, or (without `force`) its code, data or environment changed.
    """
    row = store.reader.run(run)
    plan = with_models(_plan_of(row, root, model, watch), store)
    _check_resumable(row, plan, force)
    with only_one(plan.fingerprint.digest, runs_folder() / "locks", say):
        row = store.reader.run(row.id)
        changed = _check_resumable(row, plan, force)  # again: another process may have finished it meanwhile
        tracked = store.tracker.resume(row.id)
        if changed:
            # part of it was computed by other code: never to be taken for the result of either
            tracked.tags(
                {"dlcamp.fingerprint": f"mixed:{row.tags['dlcamp.fingerprint'][:32]}+{plan.fingerprint.digest[:32]}"}
            )
        return _run(plan, store, tracked, say, resumed=True)


def _plan_of(row: RunRow, root: Path, model: Literal["log", "hold", "drop"], watch: Watch | None) -> Plan:
    experiment = load(find(root, row.experiment))
    stored = flatten(json.loads(row.tags.get("dlcamp.config", "{}")))
    resolved = resolve(experiment.config_type, [Layer("the run", stored)])
    labels = tuple(label for label in row.tags.get("dlcamp.labels", "").split(",") if label)
    data = row.tags.get("dlcamp.data", experiment.data[0])
    note = row.tags.get("mlflow.note.content", "")
    preset, parent = row.tags.get("dlcamp.preset") or None, row.tags.get("dlcamp.parent")
    request = Request(experiment, resolved, data, preset, note, labels, parent=parent, model=model, watch=watch)
    return prepare(replace(request, pinned=json.loads(row.tags.get(MODELS_TAG, "{}"))), root)


def _check_resumable(row: RunRow, plan: Plan, force: bool) -> list[str]:
    """What changed since the run began; UserError where it cannot be resumed."""
    from dlcamp.tracking.lease import is_alive

    if row.tags.get(STATE_TAG) == "PRUNED":
        raise UserError(
            f"{row.name} was pruned ({row.tags.get('dlcamp.ended', '')}) and left no checkpoint to go on from"
        )
    if row.status == "FINISHED":
        raise UserError(f"{row.name} is FINISHED; there is nothing to resume. Run it again: FORCE=1 without RESUME")
    if row.status == "RUNNING" and is_alive(row.tags.get("dlcamp.lease", "")):
        raise UserError(f"{row.name} is still running ({row.tags['dlcamp.lease']}); stop it first")
    changed = differences(json.loads(row.tags.get("dlcamp.fingerprint_parts", "{}")), plan.fingerprint.parts())
    if changed and not force:
        raise UserError(
            f"{row.name} cannot be resumed exactly, since it started:\n"
            + "\n".join(f"  {line}" for line in changed)
            + "\nundo the change, start a new run without RESUME, or resume all the same with FORCE=1"
        )
    return changed


def run_tags(plan: Plan) -> dict[str, str]:
    """The tags of a run: kind, data, config, fingerprint, provenance."""
    from dlcamp.tracking.provenance import git_state, held_git

    request = plan.request
    git = held_git(plan.root).state if request.parent else git_state(plan.root)
    tags = {
        "dlcamp.kind": "run",
        "dlcamp.data": request.data,
        "dlcamp.data_digest": plan.dataset.digest,
        "dlcamp.preset": request.preset or "",
        "dlcamp.config": canonical(request.resolved.config),
        "dlcamp.origins": json.dumps({k: v for k, v in request.resolved.origins.items() if v != "default"}),
        "dlcamp.fingerprint": plan.fingerprint.digest,
        "dlcamp.fingerprint_parts": plan.fingerprint.to_json(),
        "dlcamp.objective": str(request.experiment.objective),
        "mlflow.source.name": f"experiments/{'/'.join(request.experiment.module.split('.')[1:])}.py",
        "mlflow.source.type": "LOCAL",
    }
    tags |= request.tags
    if plan.models:
        tags[MODELS_TAG] = json.dumps(plan.models.pinned())
    if request.note:
        tags["mlflow.note.content"] = request.note
    if request.labels:
        tags["dlcamp.labels"] = ",".join(request.labels)
        tags |= {f"dlcamp.label.{label}": "yes" for label in request.labels}
    if git:
        tags["dlcamp.git_commit"] = tags["mlflow.source.git.commit"] = git["commit"]
        tags["dlcamp.git_dirty"] = str(git["dirty"]).lower()
    return tags


def _run(plan: Plan, store: Store, tracked: TrackedRun, say: Say, *, resumed: bool) -> Outcome:
    from dlcamp.tracking.handle import ActiveRun

    started = time.perf_counter()
    folder = runs_folder() / "checkpoints" / tracked.id
    run = ActiveRun(tracked, folder, resumed=resumed, say=say, watch=plan.request.watch, models=plan.models)
    keep_memory()
    with sigterm_raises():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with run.captured_output():
                if plan.request.watch is not None:
                    plan.request.watch.begins(run.id)
                _log_start(plan, run)
                metrics = plan.request.experiment.body(plan.request.resolved.config, plan.dataset, run)
                final = promised(plan.request.experiment, metrics)
                final.setdefault("cost/seconds", time.perf_counter() - started)
                proof = _finish(plan, store, run, final)
            run.end("FINISHED")
        except BaseException as error:
            stopped = isinstance(error, (KeyboardInterrupt, Terminated, Pruned))
            with uninterrupted():
                ended = pruned(run, error) if isinstance(error, Pruned) else ended_badly(run, error)
            raise ended from (None if stopped else error)
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(store.reader.run(tracked.id), False, time.perf_counter() - started, proof)


def _log_start(plan: Plan, run: ActiveRun) -> None:
    from dlcamp.tracking.models import snapshot
    from dlcamp.tracking.provenance import PATCH, git_diff, held_git, provenance

    request = plan.request
    child = request.parent is not None
    if request.experiment.predictor and request.model == "log":
        shutil.rmtree(run.folder / "code", ignore_errors=True)
        snapshot(run.folder / "code")  # what a model is saved with, though the files be edited while it trains
    run.params({**flatten(request.resolved.config.model_dump(mode="json")), "data": request.data})
    run.dataset(request.data, plan.dataset.digest)
    if plan.models:
        run.take_models(plan.models, request.data)
    # the first session's files stay; each resumption adds its own
    folder = f"resumed/{time.strftime('%Y%m%d-%H%M%S')}/" if run.resumed else ""
    run.text(json.dumps(provenance(plan.root, held=child), indent=1), f"{folder}provenance.json")
    if not run.resumed:
        run.text(json.dumps(request.resolved.origins, indent=1), "config_origins.json")
    diff = held_git(plan.root).diff if child else git_diff(plan.root)
    if diff:
        run.text(diff, f"{folder}{PATCH}")


def _finish(plan: Plan, store: Store, run: ActiveRun, final: dict[str, float]) -> Proof | None:
    """Log the model and the final metrics on it, prove that the model reloads, judge the claims."""
    from dlcamp.logged_models import log_trained, prove_trained

    experiment, model_id = plan.request.experiment, None
    held = plan.request.model
    if run.trained is not None and held == "hold":
        from dlcamp.held_models import hold

        hold(run.id, run.trained)
    if run.trained is not None and experiment.predictor is not None and held == "log":
        model_id = log_trained(store, run, experiment, plan.root)
        run.tags({"dlcamp.model_id": model_id})
    run.final(final, data=plan.request.data, digest=plan.dataset.digest, model_id=model_id)
    proof = prove_trained(store, run, model_id) if model_id else None
    verdicts = [[claim.statement, claim.verdict(final)] for claim in experiment.claims if not claim.contrasts]
    if verdicts:
        run.tags({"dlcamp.claims": json.dumps(verdicts, ensure_ascii=False)})
        if plan.request.parent is None:
            from dlcamp.analysis.claims_file import remember

            remember(experiment.name, plan.request.data, plan.request.preset or "", run.id, verdicts)
    return proof
