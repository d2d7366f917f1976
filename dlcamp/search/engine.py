"""run_search(): the parent run, its trials through a launcher, and what they say together.

The journal says what is to be done, so that a search that was stopped or killed at any moment goes on from it: what
ran without anybody being told is taken as it ended, what was cut off goes on, and the rest is asked for anew, up to
the total. One failing trial does not stop the others; three in a row that fail for one cause do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from dlcamp.ablation.cell import spec_of
from dlcamp.ablation.state import live_file, write_live
from dlcamp.analysis.cells import KIND_TAG
from dlcamp.analysis.searched import Replication, Searched, SearchTrial
from dlcamp.errors import ConfigError, Refusal, RunFailed, RunInterrupted, UnknownName, UserError
from dlcamp.fingerprint import differences
from dlcamp.guards import Terminated, sigterm_raises, uninterrupted
from dlcamp.held_models import drop
from dlcamp.launch.protocol import Event, Job, Launcher
from dlcamp.runner import Request, Say, with_models
from dlcamp.search.asked import Search
from dlcamp.search.journal import Journal
from dlcamp.search.journal_file import locked
from dlcamp.search.live import Progress, live
from dlcamp.search.parent import Parent, open_parent
from dlcamp.search.protocol import Engine
from dlcamp.search.settle import TRIAL_TAG, settle, settle_all, take
from dlcamp.search.space import nearest_point
from dlcamp.search.trial import TARGET, TrialSpec
from dlcamp.tracking.protocol import RunRow, Store

BEAT_SECONDS = 30.0
LIVE_SECONDS = 1.0
HOPELESS = 3
"""Trials in a row that fail for one cause, or that fail before any has finished."""

Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class SearchOutcome:
    """How it ended: the parent's row, the record of the whole study, and how many trials this session ended."""

    row: RunRow
    found: Searched
    ended: int
    seconds: float


def run_search(search: Search, store: Store, launcher: Launcher, say: Say, watch: Watch) -> SearchOutcome:
    """Run what is missing to the total, keep record and page, end the parent.

    Raises:
        StoreError: the journal cannot be used.
        Refusal: code, data or environment changed since the study began, and CONTINUE=1 was not given.
        UserError: another process holds the study.
        RunFailed: the study is hopeless: what fails is said.
        RunInterrupted: SIGINT or SIGTERM; what finished is kept.
    """
    search = replace(search, base=with_models(search.base, store))
    with locked(search.path) as held, sigterm_raises():
        if not held:
            raise UserError(f"another process runs this search ({search.path.name}); wait for it, or stop it first")
        engine = _Engine(search, store, launcher, say, watch)
        try:
            return engine.run()
        except (KeyboardInterrupt, Terminated, RunInterrupted) as error:
            with uninterrupted():
                engine.stop()
            number = 2 if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 143) - 128
            done = sum(trial.settled for trial in engine.journal.trials())
            raise RunInterrupted(
                f"the search was stopped; {done} trials are kept.\nthe same command goes on: {search.command}", number
            ) from None
        except BaseException as error:
            with uninterrupted():
                engine.fail(error)
            raise


def changes(search: Search, journal: Journal) -> list[str]:
    """What differs between the code, data and environment that the study began with and the present, a line each."""
    now = _lasting(search)
    began = journal.get("parts")
    return differences(began, now) if began else []


def _lasting(search: Search) -> dict[str, Any]:
    return {name: part for name, part in search.base.fingerprint.parts().items() if name != "config"}


class _Engine:
    """The loop; one use."""

    def __init__(self, search: Search, store: Store, launcher: Launcher, say: Say, watch: Watch) -> None:
        self.search, self.store, self.launcher, self.say, self.watch = search, store, launcher, say, watch
        self.journal = search.journal()
        self.parent: Parent | None = None
        self.running: dict[int, SearchTrial] = {}
        self.ended: list[SearchTrial] = []  # of this session, in the order they ended
        self.rows: dict[int, SearchTrial] = {}  # as the journal has them
        self.exhausted = False
        self._held = ""  # the run whose model is held back
        self._changed: list[str] = []
        self._started = time.time()
        self._beaten = self._shown = 0.0

    def run(self) -> SearchOutcome:
        self._accept_changes()
        self.parent = open_parent(self.search, self.journal, self.store)
        self.parent.begin(self._changed)
        if left := settle_all(self.journal, self.store, self.search.metrics, self.say):
            self.say(f"{left} trials of a search that was killed are taken up again")
        self.rows = {trial.number: trial for trial in self.journal.trials()}
        self._enqueue_defaults()
        self.engine = self._engine()
        self._fill()
        while self.running:
            for event in self.launcher.events(timeout=1.0):
                self._handle(event)
            self._fill()
            self._tell()
        return self._finish(self.parent)

    def stop(self) -> None:
        """End the workers; what they were at waits for the next session; the parent is KILLED."""
        try:
            self._close()
        finally:
            if self.parent is not None:
                self.parent.interrupted()
                live_file(self.parent.id).unlink(missing_ok=True)

    def fail(self, error: BaseException) -> None:
        """End the workers, then the parent as FAILED."""
        try:
            self._close()
        finally:
            if self.parent is not None:
                self.parent.failed(error)
                live_file(self.parent.id).unlink(missing_ok=True)

    def _close(self) -> None:
        """End the workers, and write what became of the trials they were at."""
        self.launcher.close()
        for number in list(self.running):
            if self.journal.trial(number).status == "RUNNING":
                settle(self.journal, self.store, number, self.search.metrics, lost=False)

    # planning ------------------------------------------------------------------------------------------------

    def _accept_changes(self) -> None:
        """Compare code, data and environment with those the study began with; a study without results begins anew."""
        self._changed = changes(self.search, self.journal)
        results = any(trial.status in ("FINISHED", "PRUNED") for trial in self.journal.trials())
        if self._changed and results and not self.search.carry_on:
            listed = "\n".join(f"  {line}" for line in self._changed)
            raise Refusal(
                f"the study's trials were made by other code, data or packages; since it began:\n{listed}\n"
                "go on all the same (later trials are tagged): CONTINUE=1; begin anew: move its journal away:\n"
                f"  {self.journal.path}"
            )
        if not results:
            self._changed = []
        if self.journal.get("parts") is None or not results:
            self.journal.put("parts", _lasting(self.search))
        self.journal.put("space", {name: str(space) for name, space in self.search.space.spaces.items()})
        self.journal.put("metrics", list(self.search.metrics))
        self._beat()

    def _engine(self) -> Engine:
        search = self.search
        if search.engine == "keras_tuner":
            from dlcamp.search.keras_tuner_engine import KerasTunerEngine

            folder = self.journal.path.with_suffix(".keras_tuner")
            return KerasTunerEngine(self.journal, search.space, search.seed, search.sampler, search.total, folder)
        from dlcamp.search.optuna_engine import OptunaEngine

        return OptunaEngine(self.journal, search.space, search.seed, search.sampler, search.pruner)

    def _enqueue_defaults(self) -> None:
        """Trial 0 is the defaults; where it failed, a later session tries them again."""
        from dlcamp.search.space import trial_seed

        good = [trial for trial in self.rows.values() if trial.defaults and trial.status != "FAILED"]
        if good or len(self.rows) >= self.search.total:
            return
        space, number = self.search.space, len(self.rows)
        told = {name: nearest_point(one, space.defaults[name]) for name, one in space.spaces.items()}
        outside = {name: value for name, value in space.defaults.items() if told[name] != value}
        note = {"seed": trial_seed(self.search.seed, number), "sampler": "defaults", "defaults": True}
        self.journal.enqueue(told, note | ({"values": outside} if outside else {}))
        self._read(number)

    def _fill(self) -> None:
        """Give the launcher as many trials as it can run."""
        while len(self.running) < self.launcher.slots:
            number = self._next()
            if number is None:
                return
            self._submit(number)

    def _next(self) -> int | None:
        if any(trial.status == "WAITING" for trial in self.rows.values()):
            number = self.journal.reopen()
            if number is not None:
                self.engine.complete(number)
                return number
        if len(self.rows) >= self.search.total:
            return None
        number = self.engine.ask()
        self.exhausted = number is None and not self.running
        return number

    def _submit(self, number: int) -> None:
        trial = self._read(number)
        noted: dict[str, Any] = {"attempts": trial.attempts + 1}
        if self._changed:
            noted["changed"] = True
        self.journal.note(number, **noted)
        trial = self._read(number)
        self.running[number] = trial
        try:
            request = self._request(trial)
        except ConfigError as error:
            self._end(number, {"status": "FAILED", "error": f"the config does not take these values: {error}"})
            return
        spec = TrialSpec(
            cell=asdict(spec_of(request, self.search.base.root, self.parent.id if self.parent else "")),
            number=number,
            journal=str(self.journal.path),
            study=self.search.study,
            pruner=self.search.pruner if len(self.search.objectives) == 1 else "none",
            metrics=self.search.metrics,
            run=trial.run,
            changed=bool(self._changed),
        )
        self.launcher.submit(Job(f"trial {number}", TARGET, spec.payload()))

    def _request(self, trial: SearchTrial) -> Request:
        base = self.search.base.request
        tags = {KIND_TAG: "trial", TRIAL_TAG: str(trial.number), "dlcamp.sampler": trial.sampler}
        if trial.changed:
            tags["dlcamp.continued"] = "\n".join(self._changed)[:4000]
        model: Literal["hold", "drop"] = "hold" if base.experiment.predictor else "drop"
        resolved = self.search.space.trial(trial.values, trial.seed)
        # never from the cache: a trial is a run of its own, with this parent
        return replace(base, resolved=resolved, tags={**base.tags, **tags}, model=model, note="", force=True)

    def _read(self, number: int) -> SearchTrial:
        self.rows[number] = self.journal.trial(number)
        return self.rows[number]

    # what happens --------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        number = int(event.job.key.removeprefix("trial "))
        if event.kind == "done":
            self._end(number, event.result)
        elif event.kind == "raised":
            self._end(number, {"status": "FAILED", "error": event.error})
        elif event.kind == "lost":
            settle(self.journal, self.store, number, self.search.metrics, lost=True)
            again = self._read(number).status == "WAITING"
            self.say(f"trial {number}: {event.error}" + ("; it is tried again" if again else ""))
            self._ended(number)

    def _end(self, number: int, result: Mapping[str, Any]) -> None:
        take(self.journal, number, dict(result))
        self._ended(number)
        if "missing" in result and not any(trial.status == "FINISHED" for trial in self.rows.values()):
            raise UnknownName(
                "objective", result["missing"], result["returned"], "the first trial's run returned these"
            )

    def _ended(self, number: int) -> None:
        self.running.pop(number, None)
        trial = self._read(number)
        if not trial.settled:
            return
        self.ended.append(trial)
        self.engine.told(trial)
        if trial.status == "FAILED":
            self.say(f"trial {number} FAILED: {_first_line(trial.error)}")
            self._stop_if_hopeless()
        elif trial.status == "FINISHED" and self.parent is not None:
            best = self._best()
            self.parent.best_so_far(best.objectives[0], sum(one.settled for one in self.rows.values()))
            self._keep_best_model(best)

    def _stop_if_hopeless(self) -> None:
        last = self.ended[-HOPELESS:]
        if len(last) < HOPELESS or any(trial.status != "FAILED" for trial in last):
            return
        causes = {_cause(trial.error) for trial in last}
        good = any(trial.status in ("FINISHED", "PRUNED") for trial in self.rows.values())
        if len(causes) == 1 or not good:
            why = "three trials in a row failed for one cause" if len(causes) == 1 else "the first three trials failed"
            shown = "\n".join(f"  trial {t.number}: {_first_line(t.error)}" for t in last)
            first = f"\nthe whole traceback: make show RUN={last[-1].run[:8]}" if last[-1].run else ""
            raise RunFailed(f"{why}, so the search stops:\n{shown}{first}\nmend it; the same command goes on")

    def _best(self) -> SearchTrial:
        first = self.search.objectives[0]
        sign = -1 if first.direction == "maximize" else 1
        finished = [trial for trial in self.rows.values() if trial.status == "FINISHED"]
        return min(finished, key=lambda trial: (sign * trial.objectives[0], trial.number))

    def _keep_best_model(self, best: SearchTrial) -> None:
        """Of the models held back only the best one's stays."""
        if not self.search.base.request.experiment.predictor:
            return
        for run in {self._held, self.ended[-1].run} - {best.run, ""}:
            drop(run)
        self._held = best.run

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS or not self._beaten:
            self._beaten = now
            self.journal.beat()

    def _tell(self) -> None:
        self._beat()
        progress = Progress(tuple(self.rows.values()), self.search.total, tuple(self.running), self._eta())
        self.watch(progress)
        now = time.monotonic()
        if now - self._shown >= LIVE_SECONDS and self.parent is not None:
            self._shown = now
            write_live(self.parent.id, live(self.search, self.parent.id, self._started, progress))

    def _eta(self) -> float | None:
        took = [t.ended - t.started for t in self.ended if t.started and t.ended]
        left = self.search.total - sum(trial.settled for trial in self.rows.values())
        return sum(took) / len(took) * left / self.launcher.slots if len(took) >= self.launcher.slots else None

    # the end -------------------------------------------------------------------------------------------------

    def _finish(self, parent: Parent) -> SearchOutcome:
        if self.exhausted:
            self.say(f"the {self.search.sampler} has nothing more to propose after {len(self.rows)} trials")
        if any(trial.status == "FINISHED" for trial in self.rows.values()):
            best = self._best()
            if best.run:
                name = self.store.reader.run(best.run).name
                parent.log_best_model(best.run, name, self.launcher, self.say)
        found = parent.keep(None)
        row = parent.end()
        live_file(parent.id).unlink(missing_ok=True)
        return SearchOutcome(row, found, len(self.ended), time.time() - self._started)


def _first_line(error: str) -> str:
    return error.strip().splitlines()[0] if error.strip() else "no message"


def _cause(error: str) -> str:
    """An error without the run's name and without numbers, by which two of one cause are equal."""
    return re.sub(r"[\d.]+", "#", re.sub(r"^\S+ FAILED: ", "", _first_line(error)))


def replicated(search: Search, store: Store, outcome: SearchOutcome, replication: Replication) -> SearchOutcome:
    """The outcome with its replication, which the parent keeps from now on."""
    journal = search.journal(create=False)
    parent = open_parent(search, journal, store)
    try:
        found = parent.keep(replication)
    finally:
        row = parent.end()
    return replace(outcome, row=row, found=found)
