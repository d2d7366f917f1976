"""run_ablation(): the parent run, its trials and cells through a launcher, and what they say together.

Every child is an ordinary run with its own fingerprint, so that an interrupted or widened ablation runs only what is
missing, under the same parent as long as code, data and common settings are the same. One failing child does not
stop the others; a child whose worker was killed is tried once more and goes on from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from dlcamp.ablation.cell import CellSpec, ended, spec_of
from dlcamp.ablation.choosing import Choice, choose
from dlcamp.ablation.design import Design, Place
from dlcamp.ablation.parent import Parent, child_tags, identity, open_parent
from dlcamp.ablation.state import Child, State, live_file, write_live
from dlcamp.analysis.findings import Findings
from dlcamp.config import Resolved
from dlcamp.errors import RunFailed, RunInterrupted
from dlcamp.guards import Terminated, only_one, sigterm_raises
from dlcamp.held_models import drop, folder_of
from dlcamp.launch.protocol import Event, Job, Launcher
from dlcamp.paths import runs_folder
from dlcamp.runner import Plan, Request
from dlcamp.tracking.protocol import RunRow, Store

ATTEMPTS = 2
"""How often a child is begun whose worker dies."""

Watch = Callable[[State, int], None]


@dataclass(frozen=True)
class Ablation:
    """What was asked: a design (of the whole one that is declared), the plan of its base config, and where it runs."""

    design: Design
    whole: Design
    base: Plan
    command: str
    workers: int = 1
    threads: int = 1


@dataclass(frozen=True)
class AblationOutcome:
    """How it ended: the parent's row, what was found, and the state of every child."""

    row: RunRow
    findings: Findings
    state: State
    choices: tuple[Choice, ...]


def run_ablation(
    ablation: Ablation, store: Store, launcher: Launcher, say: Callable[[str], None], watch: Watch
) -> AblationOutcome:
    """Run what is missing, judge, write the report, end the parent.

    Args:
        say: takes lines for the person.
        watch: is told the state, and how many children are still to come, whenever something happened.

    Raises:
        RunFailed: not one cell finished; the parent is FAILED.
        RunInterrupted: SIGINT or SIGTERM; the parent is KILLED, what finished is kept.
    """
    with (
        only_one(f"ablation-{identity(ablation.base, ablation.design)[:20]}", runs_folder() / "locks", say),
        sigterm_raises(),
    ):
        engine = _Engine(ablation, store, launcher, say, watch)
        try:
            return engine.run()
        except (KeyboardInterrupt, Terminated, RunInterrupted) as error:
            launcher.close()
            number = 2 if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 143) - 128
            engine.parent.interrupted(engine.state)
            raise RunInterrupted(
                f"{engine.parent.name} was stopped; {_done(engine.state)} are kept.\n"
                f"the same command runs only what is missing: {ablation.command}",
                number,
            ) from None
        except BaseException as error:
            launcher.close()
            engine.parent.failed(error, engine.state)
            raise
        finally:
            live_file(engine.state.parent).unlink(missing_ok=True)


def _done(state: State) -> str:
    cells = state.of("cell")
    return f"{sum(cell.status == 'FINISHED' for cell in cells)} of {len(cells)} runs"


class _Engine:
    """The loop; one use."""

    def __init__(self, ablation: Ablation, store: Store, launcher: Launcher, say: Any, watch: Watch) -> None:
        self.ablation, self.design, self.store, self.launcher = ablation, ablation.design, store, launcher
        self.say, self.watch = say, watch
        self.parent: Parent = open_parent(ablation.base, ablation.design, store, ablation.command)
        metric = self.design.comparison.metric
        self.state = State(ablation.base.request.experiment.name, self.parent.id, metric, ablation.workers)
        self.choices: dict[Place, Choice] = {}
        self._cache = self._finished()
        self._specs: dict[str, CellSpec] = {}

    def run(self) -> AblationOutcome:
        self.parent.begin(self.ablation)
        for place in self.design.places():
            trials = self.design.trials(place)
            for number, strengths in enumerate(trials):
                self._plan_trial(place, number, strengths)
            if not trials:
                self._plan_cells(place, None)
        self._keep_earlier()
        self._chosen()
        while not self.state.settled:
            for event in self.launcher.events(timeout=1.0):
                self._handle(event)
            self._chosen()
            self._tell()
        return self._finish()

    # planning ------------------------------------------------------------------------------------------------

    def _plan_trial(self, place: Place, number: int, strengths: Mapping[str, Any]) -> None:
        seed = self.design.grid.tuning.seed
        child = Child(f"{place} trial {number}", "trial", place, seed, dict(strengths))
        self._begin(child, self.design.trial(place, strengths))

    def _plan_cells(self, place: Place, strengths: Mapping[str, Any] | None) -> None:
        for seed in self.design.grid.seeds:
            child = Child(f"{place} seed {seed}", "cell", place, seed)
            self._begin(child, self.design.resolved(place, seed, strengths))

    def _begin(self, child: Child, resolved: Resolved[Any]) -> None:
        """Take the child from the cache, or put it in the queue."""
        self.state.add(child)
        request = self._request(child, resolved)
        plan = self.ablation.base.other(request)
        known = None if request.force else self._cache.get(plan.fingerprint.digest)
        if known is not None:
            child.take(ended(known, True))
            return
        spec = spec_of(request, self.ablation.base.root, self.parent.id)
        self._specs[child.key] = spec
        self._submit(child)

    def _submit(self, child: Child) -> None:
        child.attempts += 1
        child.status = "WAITING"
        self.launcher.submit(Job(child.key, "dlcamp.ablation.cell:run_cell", asdict(self._specs[child.key])))

    def _request(self, child: Child, resolved: Resolved[Any]) -> Request:
        base = self.ablation.base.request
        model: Literal["hold", "drop"] = "hold" if child.kind == "cell" and base.experiment.predictor else "drop"
        return replace(base, resolved=resolved, parent=self.parent.id, tags=child_tags(child), model=model, note="")

    def _finished(self) -> dict[str, RunRow]:
        if not self.ablation.base.request.experiment.cache:
            return {}
        rows = self.store.reader.runs(self.ablation.base.request.experiment.name, status="FINISHED")
        usable = [row for row in rows if not row.tags.get("dlcamp.substituted")]
        return {row.tags["dlcamp.fingerprint"]: row for row in reversed(usable) if "dlcamp.fingerprint" in row.tags}

    def _keep_earlier(self) -> None:
        """Take in the cells of earlier sessions that were not asked for now: an ablation grows."""
        places, kept = set(self.ablation.whole.places()), 0
        for record in self.parent.earlier.cells:
            place = Place(record["variant"], tuple(record["axes"].items()))
            child = Child(f"{place} seed {record['seed']}", "cell", place, record["seed"])
            asked = place in self.design.places() and child.seed in self.design.grid.seeds
            if place not in places or asked:
                continue
            resolved = self.ablation.whole.resolved(place, child.seed, self.parent.earlier.strengths(place))
            known = self._cache.get(self.ablation.base.other(self._request(child, resolved)).fingerprint.digest)
            if known is not None and known.id == record["run"]:
                self.state.add(child).take(ended(known, True))
                kept += 1
        if kept:
            self.say(f"{kept} finished runs of earlier sessions belong to it and are kept")

    # what happens --------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        child = self.state.children[event.job.key]
        if event.kind == "started":
            child.status = "RUNNING"
        elif event.kind == "done":
            child.take(event.result)
            self._keep_best_model(child)
        elif event.kind == "lost" and child.attempts < ATTEMPTS:
            self.say(f"{child.key}: {event.error}; it is tried once more")
            self._submit(child)
        else:
            child.status, child.error = "FAILED", event.error
            self._close_lost(child)
        if child.status == "FAILED":
            self.say(f"{child.key} FAILED: {child.error.splitlines()[0] if child.error else 'no message'}")

    def _close_lost(self, child: Child) -> None:
        """End the run that a dead worker left open."""
        from dlcamp.tracking.doctor import end_stale, stale_runs

        with suppress(OSError):
            stale = [one for one in stale_runs(self.store.reader) if one.row.tags.get("dlcamp.child") == child.key]
            end_stale(self.store, stale)
            child.run = stale[0].row.id if stale else child.run

    def _chosen(self) -> None:
        """Plan the cells of every place whose trials have all ended."""
        for place in self.design.places():
            trials = [child for child in self.state.of("trial") if child.place == place]
            if place in self.choices or not trials or not all(child.settled for child in trials):
                continue
            choice = choose(place, trials, self.ablation.base.request.experiment.objective)
            self.choices[place] = choice
            if choice.failed:
                self.say(f"{place}: every trial failed; its strengths stay as declared")
            self._plan_cells(place, choice.strengths)

    def _expected(self) -> int:
        """Children still to come, those that are not planned yet among them."""
        open_places = [p for p in self.design.places() if self.design.trials(p) and p not in self.choices]
        unsettled = sum(not child.settled for child in self.state.children.values())
        return unsettled + len(open_places) * len(self.design.grid.seeds)

    def _tell(self) -> None:
        expected = self._expected()
        write_live(self.state, expected)
        self.watch(self.state, expected)

    # the end -------------------------------------------------------------------------------------------------

    def _keep_best_model(self, child: Child) -> None:
        """Of the models held back only the best one's stays."""
        if child.status != "FINISHED" or child.kind != "cell":
            return
        best = self._best()
        for other in self.state.of("cell"):
            if other.run and (best is None or other.run != best.run):
                drop(other.run)

    def _best(self) -> Child | None:
        objective = self.ablation.base.request.experiment.objective
        best: Child | None = None
        for child in self.state.of("cell"):
            value = child.metrics.get(objective.metric)
            if child.status != "FINISHED" or value is None:
                continue
            if best is None or objective.better(value, best.metrics[objective.metric]):
                best = child
        return best

    def _log_best_model(self) -> None:
        best = self._best()
        if best is None or not (folder_of(best.run) / "held.json").exists():
            return
        self.launcher.submit(Job("model", "dlcamp.held_models:log_held", self.parent.model_payload(best.run)))
        while events := self.launcher.events(timeout=None):
            for event in events:
                if event.kind in ("raised", "lost"):
                    self.say(f"the model of {best.name} is not kept: {event.error}")
                if event.kind == "done":
                    self.parent.best_model(best, str(event.result["proof"]))

    def _finish(self) -> AblationOutcome:
        self._tell()
        cells = self.state.of("cell")
        if not any(cell.status == "FINISHED" for cell in cells):
            first = next((cell.error for cell in cells if cell.error), "")
            raise RunFailed(f"not one of {len(cells)} runs finished; the first: {first}")
        self._log_best_model()
        choices = tuple(self.choices.values())
        findings = self.parent.judge(self.state, choices)
        row = self.parent.end()
        return AblationOutcome(row, findings, self.state, choices)
