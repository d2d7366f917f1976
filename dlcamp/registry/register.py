"""The way into the registry: the best finished run's model is proven, compared, and promoted or kept as challenger.

    register(store, experiment, "scenes")      -> caption_lstm-scenes, version 3, champion

Every check is made and listed, those that failed too, unless what it needs is missing; the costly ones (a new process,
another score) only for a candidate that can pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from dlcamp.data import catalog
from dlcamp.errors import RunFailed, StoreError, UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.registry import judged_rows
from dlcamp.registry.about import about
from dlcamp.registry.aliases import CHAMPION, holder, registered_name
from dlcamp.registry.card import card
from dlcamp.registry.gate import NOT_MADE, Checks, Files, check_files, check_model, check_run
from dlcamp.registry.history import rolled_back
from dlcamp.registry.judge import BETTER, FLOOR, Candidate, Terms, candidate_value, compare, config_of
from dlcamp.registry.judgement import Asked, Judgement, NotPromoted, user
from dlcamp.registry.looks import Looks, count, looks
from dlcamp.registry.promote import Entry, enter, record_refusal, titles
from dlcamp.registry.proof import check_example, check_totals
from dlcamp.registry.reigning import champion_already
from dlcamp.registry.rescore import rescore
from dlcamp.registry.selection import Chosen, choose, command
from dlcamp.registry.telling import told
from dlcamp.registry.verdict import Against, Outcome, Verdict
from dlcamp.tracking.models import client_of, model_folder
from dlcamp.tracking.protocol import RunRow, Store

ROLLBACK = "rollback"
"""Question that is put only where the answer is bad: whether the candidate was rolled back before."""
_ROUNDS = 5
_LOADED = ("example", "re-scored")


def register(
    store: Store, experiment: Experiment, data_name: str, *, run: str | None = None, asked: Asked | None = None
) -> Judgement:
    """Judge a run's model, and make it the champion of its experiment on a data set where it passes.

    Args:
        run: id or name; the best finished run by the experiment's objective when None.

    Raises:
        NotPromoted: a check failed, or it is not better than the champion (it is the challenger then).
        Refusal: there is no run to judge.
        UserError: the experiment trains no model, or the run is another experiment's.
    """
    if experiment.predictor is None:
        raise UserError(
            f"{experiment.name} saves no model, so that it has none to register; "
            "give @experiment a predictor and a scorer, and call run.model(...) in the body"
        )
    if data_name not in experiment.data:
        raise UnknownName(f"data set for {experiment.name}", data_name, experiment.data)
    asked, data = asked or Asked(), catalog.entry(data_name).open()
    chosen = choose(store, experiment, data_name, run)
    champion = holder(client_of(store), registered_name(experiment.name, data_name), CHAMPION)
    if champion is not None and champion.run_id == chosen.row.id:
        return champion_already(store, experiment, data, chosen.row, champion, asked)
    judgement = _Hearing(
        store, experiment, data, chosen, run is not None, replace(asked, by=asked.by or user())
    ).judge()
    if judgement.verdict.outcome != "champion":
        raise NotPromoted(judgement, "\n".join(told(judgement)))
    return judgement


@dataclass
class _Hearing:
    """One judgement from the first check to the record."""

    store: Store
    experiment: Experiment
    data: Any
    chosen: Chosen
    named: bool
    asked: Asked
    checks: Checks = field(default_factory=Checks)
    started: float = field(default_factory=time.time)
    files: Files | None = None
    candidate: Candidate | None = None
    looked: Looks | None = None

    def judge(self) -> Judgement:
        self._before_loading()
        if self.candidate is None:
            return self._refused(self.checks, None)
        self._look(self.candidate)
        for _ in range(_ROUNDS):
            checks = replace(self.checks, made=[*self.checks.made], overrulable=[*self.checks.overrulable])
            champion = holder(client_of(self.store), self._name, CHAMPION)
            against = None
            if self.checks.hopeless:
                checks.put(FLOOR if champion is None else BETTER, False, f"{NOT_MADE}the score is not to be trusted")
            else:
                terms = Terms(self.asked.margin, self.asked.rescore, keep=not self.asked.dry)
                against = compare(checks, self.store, self.experiment, self.data, self.candidate, champion, terms)
            verdict = self._verdict(checks, against)
            if verdict.outcome == "refused":
                return self._refused(checks, against)
            if self.asked.dry:
                return self._judgement(verdict, checks)
            entered = enter(self.store, verdict, self._entry(self.candidate), str(champion.version) if champion else "")
            if entered is not None:
                return self._judgement(entered, checks)
        raise StoreError(f"the champion of {self._name} changed {_ROUNDS} times while this one was judged; try again")

    @property
    def _name(self) -> str:
        return registered_name(self.experiment.name, self.data.name)

    def _before_loading(self) -> None:
        """Every check up to the score; the candidate where it could be scored."""
        row, again = self.chosen.row, command(self.experiment, self.data.name)
        check_run(self.checks, self.store, self.chosen, self.experiment, self.data)
        if not self.named:
            _check_rollback(self.checks, self.store, self._name, row)
        model = check_model(self.checks, self.store, row, again)
        if model:
            try:
                with model_folder(self.store, model) as folder:
                    self.files = check_files(self.checks, self.store, model, folder, again)
                    if self.files is not None and not self.checks.hopeless:
                        self._score(self.files)
                        return
            except StoreError as error:
                self.checks.put("files", False, str(error), f"train again: {again} FORCE=1")
        for question in (*_LOADED, BETTER):
            self.checks.put(question, False, f"{NOT_MADE}without {', '.join(self.checks.hopeless)} it cannot pass")

    def _score(self, files: Files) -> None:
        row, what_now = self.chosen.row, f"look at the run: make show RUN={self.chosen.row.name}"
        try:
            found = rescore(
                files.folder,
                self.experiment,
                config_of(row),
                self.data.name,
                example=files.example,
                floor=holder(client_of(self.store), self._name, CHAMPION) is None,
            )
        except RunFailed as error:
            commit = row.tags.get("dlcamp.git_commit", "")[:12] or "unknown"
            again = f"{command(self.experiment, self.data.name)} FORCE=1"
            to_do = f"the code may have changed since the run's commit ({commit}): train it again: {again}"
            self.checks.put("re-scored", False, str(error), to_do)
            self.checks.put(BETTER, False, f"{NOT_MADE}there is no score")
            return
        check_example(self.checks, files, found, what_now)
        check_totals(self.checks, row, self.experiment, found, what_now)
        self.candidate = Candidate(row, files, found)

    def _look(self, candidate: Candidate) -> None:
        digest = candidate.files.digest
        before = looks(self.store, self.data.digest, "val", digest)
        count(self.store, candidate.row, self.data.digest, "val", digest)
        self.looked = replace(before, times=before.times + 1)

    def _verdict(self, checks: Checks, against: Against | None) -> Verdict:
        row, candidate = self.chosen.row, self.candidate
        outcome = _outcome(checks, self.asked.force)
        interval = candidate_value(self.experiment, candidate) if candidate else None
        return Verdict(
            name=self._name,
            version="",
            run=row.id,
            run_name=row.name,
            experiment=self.experiment.name,
            data=self.data.name,
            data_digest=self.data.digest,
            digest=self.files.digest if self.files else "",
            outcome=outcome,
            objective=str(self.experiment.objective),
            value=candidate.rescored.totals.get(self.experiment.objective.metric) if candidate else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            checks=tuple(checks.made),
            against=against,
            judged_before=self.looked.others if self.looked else 0,
            by=self.asked.by,
            when=self.started,
            seconds=time.time() - self.started,
            commit=_commit(),
            forced=self.asked.force if outcome == "champion" and checks.failed else "",
        )

    def _entry(self, candidate: Candidate) -> Entry:
        model, digest, rows = candidate.files.model, candidate.files.digest, candidate.rescored.rows
        key = judged_rows.key(self.store, self.experiment, self.data.name, self.data.digest, model, digest)
        known = about(self.experiment, self.data.name, rows)
        return Entry(
            self.experiment, model, candidate.rescored, key, lambda verdict: card(verdict, self.chosen.row, known)
        )

    def _refused(self, checks: Checks, against: Against | None) -> Judgement:
        verdict = self._verdict(checks, against)
        if not self.asked.dry:
            record_refusal(self.store, verdict)
        return self._judgement(verdict, checks)

    def _judgement(self, verdict: Verdict, checks: Checks) -> Judgement:
        note = ""
        if self.asked.force and verdict.outcome == "champion" and not verdict.forced:
            note = "nothing had to be overruled, so that FORCE was not recorded"
        elif self.asked.force and verdict.outcome != "champion":
            note = f"FORCE overrules a comparison and missing provenance, never: {', '.join(checks.hopeless)}"
        held = titles(client_of(self.store), self._name)
        kind = self.files.kind if self.files else ""
        overrulable = bool(checks.failed) and not checks.hopeless
        return Judgement(verdict, held, kind, self.looked, checks.to_do, overrulable, note, dry=self.asked.dry)


def _outcome(checks: Checks, force: str) -> Outcome:
    failed = set(checks.failed)
    if checks.hopeless:
        return "refused"
    if not failed or force:
        return "champion"
    return "challenger" if failed <= {BETTER, FLOOR} else "refused"


def _check_rollback(checks: Checks, store: Store, name: str, row: RunRow) -> None:
    """What somebody took from its place returns only when it is named, however well it scores, whatever the reason."""
    past = rolled_back(store, name, row.id)
    if past is not None:
        why = f": {past.why}" if past.why else ""
        answer = f"version {past.instead_of} was rolled back by {past.by}{why}"
        to_do = f"name it, if it is to return: make register NAME={row.experiment} RUN={row.name}"
        checks.put(ROLLBACK, False, answer, to_do)


def _commit() -> str:
    """Of this checkout, with "+" where files were changed."""
    from dlcamp.tracking.provenance import git_state

    git = git_state(REPOSITORY)
    return f"{git['commit'][:12]}{'+' if git['dirty'] else ''}" if git else ""
