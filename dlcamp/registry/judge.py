"""The comparison that decides: the candidate against the present champion, or against the floor where there is none.

Both are scored on the same validation items by the code of now. A champion's rows are those of its own judgement where
nothing that they follow from has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlcamp.analysis.bootstrap import Estimate
from dlcamp.analysis.scale import Scale, scale_of, short
from dlcamp.errors import RunFailed, UserError
from dlcamp.experiment import Experiment
from dlcamp.registry import judged_rows
from dlcamp.registry.gate import NOT_MADE, Checks, Files, intact, shown_digest
from dlcamp.registry.items import ItemWise, NotPaired, difference, item_wise, value
from dlcamp.registry.rescore import Rescored, rescore
from dlcamp.registry.selection import command
from dlcamp.registry.verdict import Against
from dlcamp.tracking.models import model_folder, recorded_model
from dlcamp.tracking.protocol import RunRow, Store

BETTER, FLOOR = "better", "floor"
"""Questions of the comparison."""
CHEAPER = 0.05
"""Share of the rival's size or latency that must be saved: below it lie rounding and the noise of a clock."""
_PARAMETERS = "cost/parameters"
_LATENCY = ("latency", "milliseconds", "ms_per", "seconds_per")


@dataclass(frozen=True)
class Terms:
    """How the comparison is to be made.

    Args:
        margin: IF_NOT_WORSE; None: must be better.
        rescore: whether a champion of other data is scored on the present data.
        keep: whether rows that had to be computed for the champion are kept for the next judgement.
    """

    margin: float | None = None
    rescore: bool = False
    keep: bool = True


@dataclass(frozen=True)
class Candidate:
    """A model that is proven, with what the scorer says of it."""

    row: RunRow
    files: Files
    rescored: Rescored


@dataclass(frozen=True)
class Rival:
    """The champion: its run (None where that is gone), the bytes of its files, and what the scorer says of it."""

    version: str
    row: RunRow | None
    bytes: int
    rescored: Rescored


class _NoRival(Exception):
    """A champion that cannot be compared with: why, and what helps."""

    def __init__(self, why: str, to_do: str) -> None:
        super().__init__(why)
        self.to_do = to_do


def candidate_value(experiment: Experiment, candidate: Candidate) -> Estimate | None:
    """The objective over items with its interval; None where the rows do not tell."""
    try:
        return value(item_wise(experiment, candidate.rescored), candidate.rescored.rows)
    except NotPaired:
        return None


def compare(
    checks: Checks, store: Store, experiment: Experiment, data: Any, candidate: Candidate, champion: Any, terms: Terms
) -> Against | None:
    """Put the question that decides, and say who the rival was; None where there is none to compare with.

    Args:
        champion: MLflow's version; None: there is none, so that the floor must be beaten.
    """
    try:
        objective = item_wise(experiment, candidate.rescored)
    except NotPaired as error:
        question = FLOOR if champion is None else BETTER
        checks.put(question, False, f"{NOT_MADE}{error}", "add the column to the scorer's rows", overrulable=True)
        return None
    if champion is None:
        return _against_floor(checks, experiment, candidate, objective, data.name)
    try:
        rival = _rival(store, experiment, data, champion, terms)
        found = difference(experiment, objective, candidate.rescored.rows, rival.rescored.rows)
    except _NoRival as error:
        checks.put(BETTER, False, str(error), error.to_do, overrulable=True)
        return None
    except NotPaired as error:
        checks.put(BETTER, False, f"{NOT_MADE}{error}", _judge_again(experiment, data.name), overrulable=True)
        return None
    return _against_champion(checks, experiment, candidate, rival, found, terms, data.name)


def _against_floor(
    checks: Checks, experiment: Experiment, candidate: Candidate, objective: ItemWise, data_name: str
) -> Against | None:
    what, rows = candidate.rescored.floor
    if not rows:
        checks.put(FLOOR, True, "there is no champion yet, and the experiment declares no floor (floor=...) to beat")
        return None
    try:
        floor, found = value(objective, rows), difference(experiment, objective, candidate.rescored.rows, rows)
    except NotPaired as error:
        checks.put(FLOOR, False, f"{NOT_MADE}{error}", "mend the experiment's floor=...", overrulable=True)
        return None
    scale = _scale(experiment, floor.value, found)
    told = f"{_shown(found, scale)} against {scale.value(floor.value)} of the floor ({what})"
    better = found.low > 0
    checks.put(
        FLOOR,
        better,
        told + ("" if better else ": the interval is not above zero, so that it may know nothing"),
        f"train a better one: {_search(experiment, data_name)}",
        overrulable=True,
    )
    items = len(candidate.rescored.rows)
    return Against("floor", floor.value, "", "", found.value, found.low, found.high, items)


def _against_champion(
    checks: Checks,
    experiment: Experiment,
    candidate: Candidate,
    rival: Rival,
    found: Estimate,
    terms: Terms,
    data_name: str,
) -> Against:
    theirs = rival.rescored.totals[experiment.objective.metric]
    scale = _scale(experiment, theirs, found)
    told = f"{_shown(found, scale)} against {scale.value(theirs)} of the champion, version {rival.version}"
    answer, better = _judged(found, scale, terms, candidate, rival)
    to_do = f"train a better one: {_search(experiment, data_name)}"
    checks.put(BETTER, better, f"{told}: {answer}", to_do, overrulable=True)
    return Against(
        who="champion",
        value=theirs,
        version=rival.version,
        run=rival.row.name if rival.row else "",
        difference=found.value,
        low=found.low,
        high=found.high,
        items=len(candidate.rescored.rows),
        margin=terms.margin,
    )


def _judged(found: Estimate, scale: Scale, terms: Terms, candidate: Candidate, rival: Rival) -> tuple[str, bool]:
    """Why it is promoted or not, in words."""
    if found.low > 0:
        return "the whole interval is above zero", True
    worse = "the whole interval is below zero" if found.high < 0 else "the interval holds zero"
    if terms.margin is None:
        return worse, False
    margin, cheaper = scale.amount(terms.margin), lighter(candidate, rival)
    if found.low <= -terms.margin:
        return f"it may be worse by more than {margin}", False
    if not cheaper:
        return f"not worse by more than {margin}, but neither smaller nor faster by {CHEAPER:.0%}", False
    return f"not worse by more than {margin}, and {cheaper}", True


def lighter(candidate: Candidate, rival: Rival) -> str:
    """In what the candidate is smaller or faster by `CHEAPER` or more, with the numbers; "" where in nothing.

    Parameters and latency are those that both runs logged (cost/...). One with more parameters is never lighter; the
    size of the stored files stands in only where parameters are not known.
    """
    own, theirs = candidate.row.metrics, rival.row.metrics if rival.row else {}
    known = _PARAMETERS in own and _PARAMETERS in theirs
    if known and own[_PARAMETERS] > theirs[_PARAMETERS]:
        return ""
    for name in sorted(own):
        kind = "smaller" if name == _PARAMETERS else "faster" if _is_latency(name) else ""
        if kind and _saves(own[name], theirs.get(name, 0.0)):
            return f"{kind} ({name} {_amount(own[name])} instead of {_amount(theirs[name])})"
    if not known and candidate.files.bytes > 0 and _saves(candidate.files.bytes, rival.bytes):
        return f"smaller (files of {_bytes(candidate.files.bytes)} instead of {_bytes(rival.bytes)})"
    return ""


def champion_on_present_data(store: Store, experiment: Experiment, data: Any, champion: Any, keep: bool) -> Rescored:
    """The champion scored on the data as it is now; `keep`: its rows are kept for the next judgement.

    Raises:
        UserError: it cannot be: says why.
    """
    try:
        return _rival(store, experiment, data, champion, Terms(rescore=True, keep=keep)).rescored
    except _NoRival as error:
        raise UserError(f"{error}\n{error.to_do}") from None


def _rival(store: Store, experiment: Experiment, data: Any, champion: Any, terms: Terms) -> Rival:
    """The champion with its rows: those of its judgement, or scored anew."""
    who, again = f"the champion, version {champion.version},", command(experiment, data.name)
    overrule = f'let this one take its place: {command(experiment, data.name, "register")} FORCE="..."'
    recorded = champion.tags.get("dlcamp.data_digest", "")
    if recorded != data.digest and not terms.rescore:
        raise _NoRival(
            f"{who} was trained and judged on other content of {data.name} (digest {shown_digest(recorded)} then, "
            f"{shown_digest(data.digest)} now): its score does not compare",
            f"score it on the present data: {command(experiment, data.name, 'register')} RESCORE=1 (it may have been "
            f"trained on what validates now); or train its like again: {again}",
        )
    try:
        model, digest = recorded_model(store, champion)
        size, wrong = intact(store, model, digest)
        if wrong:
            raise _NoRival(f"{who} cannot be scored: {wrong}", overrule)
        name = judged_rows.key(store, experiment, data.name, data.digest, model, digest)
        row = _row(store, champion.run_id)
        found = judged_rows.read(store, model, name)
        if found is None:
            found = _scored(store, experiment, data.name, model, row)
            if terms.keep:
                judged_rows.save(store, model, name, found)
    except (UserError, RunFailed) as error:
        raise _NoRival(f"{who} cannot be scored: {error}", overrule) from None
    return Rival(str(champion.version), row, size, found)


def _scored(store: Store, experiment: Experiment, data_name: str, model: str, row: RunRow | None) -> Rescored:
    if row is None:
        raise UserError("its run is gone, and with it the config that the scorer needs")
    with model_folder(store, model) as folder:
        return rescore(folder, experiment, config_of(row), data_name)


def config_of(row: RunRow) -> Mapping[str, Any]:
    """A run's config as plain values."""
    config: dict[str, Any] = json.loads(row.tags.get("dlcamp.config", "{}"))
    return config


def _row(store: Store, run: str) -> RunRow | None:
    try:
        return store.reader.run(run) if run else None
    except UserError:
        return None


def _judge_again(experiment: Experiment, data_name: str) -> str:
    return f"train one on the champion's split: {command(experiment, data_name)}"


def _search(experiment: Experiment, data_name: str) -> str:
    return f"{command(experiment, data_name, 'search')} TRIALS=30"


def _scale(experiment: Experiment, level: float, found: Estimate) -> Scale:
    return scale_of(experiment.objective.metric, [level], [(found.high - found.low) / 2])


def _shown(found: Estimate, scale: Scale) -> str:
    unit = " points" if scale.percent else ""
    return f"{scale.difference(found.value)} {scale.interval(found.low, found.high, signed=True)}{unit}"


def _is_latency(name: str) -> bool:
    return name.startswith("cost/") and any(word in name for word in _LATENCY)


def _saves(own: float, theirs: float) -> bool:
    return theirs > 0 and own <= (1 - CHEAPER) * theirs


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else short(number)


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"
