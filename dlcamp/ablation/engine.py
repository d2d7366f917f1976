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

from dlcamp.ablation.cell import ended, spec_of
from dlcamp.ablation.choosing import Choice, choose
from dlcamp.ablation.design import Design, Place
from dlcamp.ablation.earlier import Earlier, earlier
from dlcamp.ablation.parent import Parent, child_tags, identity, known_parent, open_parent
from dlcamp.ablation.state import Child, State, live_file, write_live
from dlcamp.analysis.findings import Findings
from dlcamp.config import Resolved
from dlcamp.errors import RunFailed, RunInterrupted
from dlcamp.guards import Terminated, only_one, sigterm_raises, uninterrupted
from dlcamp.held_models import drop
from dlcamp.launch.protocol import Event, Job, Launcher
from dlcamp.paths import runs_folder
from dlcamp.runner import Plan, Request, with_models
from dlcamp.tracking.protocol import RunRow, Store

ATTEMPTS = 2
"""How often a child is begun whose worker dies."""

Watch = Callable[[State, int], None]


@dataclass(frozen=True)
class Ablation:
    """What was asked: a design (of the whole one that is declared), the plan of its base config, and where it runs.

    Args:
        command: variants and seeds -> the command that makes them; as Enter was pressed when none are given.
        kind: of the parent run; a search's replication is one of another kind.
    """

    design: Design
    whole: Design
    base: Plan
    command: Callable[..., str]
    workers: int = 1
    threads: int = 1
    kind: str = "ablation"


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
    digest = identity(ablation.base, ablation.design)
    with only_one(f"ablation-{digest[:20]}", runs_folder() / "locks", say), sigterm_raises():
        engine = _Engine(ablation, store, launcher, say, watch)
        try:
            return engine.run()
        except (KeyboardInterrupt, Terminated, RunInterrupted) as error:
            with uninterrupted():
                engine.stop()
            number = 2 if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 143) - 128
            raise RunInterrupted(
                f"the ablation was stopped; {_done(engine.state)} are kept.\n"
                f"the same command runs only what is missing: {ablation.command()}",
                number,
            ) from None
        except BaseException as error:
            with uninterrupted():
                engine.fail(error)
            raise


def _done(state: State) -> str:
    done = sum(child.status == "FINISHED" for child in state.children.values())
    return f"{done} finished run{'s' if done != 1 else ''}"


class _Engine:
    """The loop; one use."""

    def __init__(self, ablation: Ablation, store: Store, launcher: Launcher, say: Any, watch: Watch) -> None:
        self.ablation, self.design, self.store, self.launcher = ablation, ablation.design, store, launcher
        self.say, self.watch = say, watch
        self.parent: Parent | None = None  # opened when everything that can be known without it is
        metric = self.design.comparison.metric
        self.state = State(ablation.base.request.experiment.name, "", metric, ablation.workers)
        self.choices: dict[Place, Choice] = {}
        self._cache: dict[str, RunRow] = {}
        self._requests: dict[str, Request] = {}
        self._pinned = dict(ablation.base.request.pinned)

    def run(self) -> AblationOutcome:
        known = known_parent(self.ablation.base, self.design, self.store.reader, self.ablation.kind)
        before = earlier(self.store.reader, known.id) if known else Earlier()
        self._cache = self._finished()
        self._plan(before)
        self.parent = open_parent(self.ablation, self.store, known, before)
        self.state.parent = self.parent.id
        self.parent.begin(self.ablation, self.state)
        self.parent.keep_choices(list(self.choices.values()))
        self._submit_new()
        while not self.state.settled:
            for event in self.launcher.events(timeout=1.0):
                self._handle(event)
            if self._choose():
                self.parent.keep_choices(list(self.choices.values()))
                self._submit_new()
            self._tell()
        return self._finish(self.parent)

    def stop(self) -> None:
        """End the workers, then the parent as KILLED."""
        self.launcher.close()
        if self.parent is not None:
            self.parent.interrupted(self.state)
            live_file(self.parent.id).unlink(missing_ok=True)

    def fail(self, error: BaseException) -> None:
        """End the workers, then the parent as FAILED."""
        self.launcher.close()
        if self.parent is not None:
            self.parent.failed(error, self.state)
            live_file(self.parent.id).unlink(missing_ok=True)

    # planning ------------------------------------------------------------------------------------------------

    def _plan(self, before: Earlier) -> None:
        """All children that are known now, those of earlier sessions first; nothing is submitted."""
        kept = before.kept(self.ablation.whole, self.design, self._lookup)
        for child in kept:
            self.state.add(child)
        if kept:
            self.say(f"{len(kept)} runs of earlier sessions belong to this ablation and are kept")
        for place in self.design.places():
            trials = self.design.trials(place)
            for number, strengths in enumerate(trials):
                seed = self.design.grid.tuning.seed
                child = Child(f"{place} trial {number}", "trial", place, seed, dict(strengths))
                self._take_or_plan(child, self.design.trial(place, strengths))
            if not trials:
                self._plan_cells(place, None)
        self._choose()

    def _plan_cells(self, place: Place, strengths: Mapping[str, Any] | None) -> None:
        for seed in self.design.grid.seeds:
            child = Child(f"{place} seed {seed}", "cell", place, seed)
            self._take_or_plan(child, self.design.resolved(place, seed, strengths))

    def _take_or_plan(self, child: Child, resolved: Resolved[Any]) -> None:
        """Take the child from the cache, or keep its request for a launcher."""
        self.state.add(child)
        plan = self._child_plan(child, resolved)
        known = None if plan.request.force else self._cache.get(plan.fingerprint.digest)
        if known is not None:
            child.take(ended(known, True))
        else:
            self._requests[child.key] = plan.request

    def _lookup(self, child: Child, resolved: Resolved[Any]) -> RunRow | None:
        return self._cache.get(self._child_plan(child, resolved).fingerprint.digest)

    def _child_plan(self, child: Child, resolved: Resolved[Any]) -> Plan:
        """The plan of a child; what a reference to a model means is found once, for all children alike."""
        plan = with_models(self.ablation.base.other(self._request(child, resolved)), self.store)
        self._pinned |= plan.request.pinned
        return plan

    def _submit_new(self) -> None:
        """Hand what was planned since to the launcher."""
        for key in self._requests:
            if not self.state.children[key].attempts:
                self._submit(self.state.children[key])

    def _submit(self, child: Child) -> None:
        child.attempts += 1
        child.status = "WAITING"
        spec = spec_of(self._requests[child.key], self.ablation.base.root, self.state.parent)
        self.launcher.submit(Job(child.key, "dlcamp.ablation.cell:run_cell", asdict(spec)))

    def _request(self, child: Child, resolved: Resolved[Any]) -> Request:
        base = self.ablation.base.request
        model: Literal["hold", "drop"] = "hold" if child.kind == "cell" and base.experiment.predictor else "drop"
        tags = {**child_tags(child), **base.tags}
        return replace(base, resolved=resolved, tags=tags, model=model, note="", pinned=dict(self._pinned))

    def _finished(self) -> dict[str, RunRow]:
        if not self.ablation.base.request.experiment.cache:
            return {}
        rows = self.store.reader.runs(self.ablation.base.request.experiment.name, status="FINISHED")
        usable = [row for row in rows if not row.tags.get("dlcamp.substituted")]
        return {row.tags["dlcamp.fingerprint"]: row for row in reversed(usable) if "dlcamp.fingerprint" in row.tags}

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

    def _choose(self) -> bool:
        """Choose for every place whose trials have all ended, and plan its cells; whether there was one."""
        found = False
        for place in self.design.places():
            trials = [child for child in self.state.of("trial") if child.place == place]
            if place in self.choices or not trials or not all(child.settled for child in trials):
                continue
            found = True
            choice = choose(place, trials, self.ablation.base.request.experiment.objective)
            self.choices[place] = choice
            if choice.failed:
                self.say(f"{place}: every trial failed; its strengths stay as declared")
            self._plan_cells(place, choice.strengths)
        return found

    def _expected(self) -> int:
        """Children still to come, those that are not planned yet among them."""
        open_places = [p for p in self.design.places() if self.design.trials(p) and p not in self.choices]
        unsettled = sum(not child.settled for child in self.state.children.values())
        return unsettled + len(open_places) * len(self.design.grid.seeds)

    def _tell(self) -> None:
        expected = self._expected()
        write_live(self.state.parent, self.state.live(expected))
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

    def _finish(self, parent: Parent) -> AblationOutcome:
        self._tell()
        cells = self.state.of("cell")
        if not any(cell.status == "FINISHED" for cell in cells):
            first = next((cell.error for cell in cells if cell.error), "")
            raise RunFailed(f"not one of {len(cells)} runs finished; the first: {first}")
        best = self._best()
        if best is not None:
            parent.log_best_model(best.run, best.name, self.launcher, self.say)
        findings = parent.judge(self.state)
        row = parent.end()
        live_file(parent.id).unlink(missing_ok=True)
        return AblationOutcome(row, findings, self.state, tuple(self.choices.values()))
