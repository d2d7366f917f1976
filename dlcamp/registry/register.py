"""The gate to the registry: the best finished run's model is checked, scored again, and made the champion.

    register(store, experiment, "scenes")      -> caption_lstm-scenes, version 1, alias champion

Smoke runs never pass. Every check is listed, those that passed before the one that did not too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dlcamp.data import catalog
from dlcamp.errors import Refusal, RunFailed, UserError
from dlcamp.experiment import Experiment
from dlcamp.find_models import best_run, never
from dlcamp.registry.rescore import rescore
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import MODEL_TAG, client_of
from dlcamp.tracking.protocol import RunRow, Store

CHAMPION = "champion"
TOLERANCE = 1e-6
_VERSIONS_TAG = "mlflow.modelVersions"


@dataclass(frozen=True)
class Check:
    """One question of the gate and its answer."""

    question: str
    passed: bool
    answer: str

    def __str__(self) -> str:
        return f"{self.question}: {self.answer}"


@dataclass(frozen=True)
class Registered:
    """What stands in the registry now; `changed` is False when it stood there before."""

    name: str
    version: str
    run: str
    checks: tuple[Check, ...]
    changed: bool = True


class _Gate:
    """Collects checks; the first that fails refuses with the whole list."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.checks: list[Check] = []

    def passed(self, question: str, answer: str) -> None:
        self.checks.append(Check(question, True, answer))

    def refuse(self, question: str, answer: str, to_do: str) -> NoReturn:
        checks = [*self.checks, Check(question, False, answer)]
        lines = [f"  {'ok' if check.passed else 'no'}  {check}" for check in checks]
        raise Refusal("\n".join([f"{self.what} is not registered", *lines, to_do]))


def registered_name(experiment: str, data_name: str) -> str:
    """One registered model for each experiment and data set."""
    return f"{experiment}-{data_name}"


def register(store: Store, experiment: Experiment, data_name: str, *, run: str | None = None) -> Registered:
    """Verify a run's model and make it the champion of its experiment on a data set.

    Args:
        run: id or name; the best finished run by the experiment's objective when None.

    Raises:
        Refusal: no run to register, or a check failed; lists the checks.
        UserError: the experiment trains no model, or the run is another experiment's.
    """
    if experiment.predictor is None:
        raise UserError(
            f"{experiment.name} saves no model, so that it has none to register; "
            "give @experiment a predictor and a scorer, and call run.model(...) in the body"
        )
    again = f"make exp NAME={experiment.name}" + (f" DATA={data_name}" if data_name != experiment.data[0] else "")
    row = _given(store, experiment, run) if run else _best(store, experiment, data_name, again)
    name = registered_name(experiment.name, data_name)
    champion = _champion(store, name)
    if champion is not None and champion.run_id == row.id:
        told = Check("registered", True, f"{row.name} is the {CHAMPION} already, version {champion.version}; as it was")
        return Registered(name, str(champion.version), row.name, (told,), changed=False)
    gate = _Gate(f"{row.name} of {experiment.name} on {data_name}")
    model = _check_run(gate, store, row, data_name, again)
    _check_score(gate, store, row, experiment, data_name, model)
    version = _promote(store, name, row, experiment, data_name, model)
    return Registered(name, version, row.name, tuple(gate.checks))


def _given(store: Store, experiment: Experiment, run: str) -> RunRow:
    row = store.reader.run(run)
    if row.experiment != experiment.name:
        raise UserError(
            f"run {row.name} is of {row.experiment}, not of {experiment.name}; make register NAME={row.experiment}"
        )
    return row


def _best(store: Store, experiment: Experiment, data_name: str, again: str) -> RunRow:
    # of an ablation's runs only the best one keeps its model
    rows = [
        row
        for row in store.reader.runs(experiment.name, tags={"dlcamp.data": data_name})
        if row.tags.get("dlcamp.kind") == "run" or (row.tags.get("dlcamp.kind") == "cell" and MODEL_TAG in row.tags)
    ]
    digest = catalog.entry(data_name).open().digest
    # values on other data do not compete; when there are no others, the gate says what is wrong with them
    present = [row for row in rows if row.tags.get("dlcamp.data_digest") == digest and row.status == "FINISHED"]
    best = best_run(present or rows, experiment.objective)
    if best is None:
        raise Refusal(
            f"{experiment.name} has no run on {data_name} to register: {_what_there_is(rows)}\nmake one: {again}"
        )
    return best


def _what_there_is(rows: Sequence[RunRow]) -> str:
    kinds = Counter(f"never registered ({never(row)})" if never(row) else row.status for row in rows)
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none was made yet"


def _check_run(gate: _Gate, store: Store, row: RunRow, data_name: str, again: str) -> str:
    """What can be seen without loading the model; returns the model's id."""
    if row.status != "FINISHED":
        gate.refuse("finished", f"the run is {row.status}", f"go on with it: make exp RESUME={row.name}")
    gate.passed("finished", row.name)
    preset = row.tags.get("dlcamp.preset") or "none"
    if never(row):
        gate.refuse("eligible", f"{never(row)} never become a champion", f"make a real run: {again}")
    if row.tags.get("dlcamp.kind") != "run":
        gate.refuse("kind", row.tags.get("dlcamp.kind", "unknown"), f"only single runs are registered: {again}")
    gate.passed("preset", preset)
    _check_data(gate, row, data_name, again)
    return _check_model(gate, store, row, again)


def _check_data(gate: _Gate, row: RunRow, data_name: str, again: str) -> None:
    trained_on = row.tags.get("dlcamp.data")
    if trained_on != data_name:
        gate.refuse("data", f"the run is on {trained_on}", f"make register NAME={row.experiment} DATA={trained_on}")
    recorded, present = row.tags.get("dlcamp.data_digest", ""), catalog.entry(data_name).open().digest
    if recorded != present:
        answer = f"{data_name} has changed since: {recorded[:16] or 'no digest'} then, {present[:16]} now"
        gate.refuse("data", answer, f"scores on other data do not compare; run again: {again}")
    gate.passed("data", f"{data_name}, digest {present[:16]}")


def _check_model(gate: _Gate, store: Store, row: RunRow, again: str) -> str:
    from mlflow.exceptions import MlflowException

    model = row.tags.get(MODEL_TAG)
    if not model:
        gate.refuse("model", "the run stored none", f"run again: {again} FORCE=1")
    try:
        status = str(client_of(store).get_logged_model(model).status)
    except MlflowException:
        status = "gone from the store"
    if status != "READY":
        gate.refuse("model", f"{model} is {status}", f"run again: {again} FORCE=1")
    gate.passed("model", f"{model}, READY")
    return model


def _check_score(gate: _Gate, store: Store, row: RunRow, experiment: Experiment, data_name: str, model: str) -> None:
    """Re-score the validation split; every total that the run logged must come out again, the objective among them."""
    what_now = "look at the run: make show RUN=" + row.name
    config: dict[str, Any] = json.loads(row.tags.get("dlcamp.config", "{}"))
    try:
        totals = rescore(store, model, experiment, config, data_name, "val")
    except RunFailed as error:
        gate.refuse("re-scored", str(error), what_now)
    metric = experiment.objective.metric
    common = {name: value for name, value in totals.items() if name in row.metrics and name.startswith("val/")}
    if not common or (metric.startswith("val/") and metric not in common):
        answer = f"the scorer {experiment.scorer} gives no {metric}, only {', '.join(sorted(totals)) or 'nothing'}"
        gate.refuse("re-scored", answer, "a scorer must give the objective under the name that the run logs")
    for name in sorted(common, key=lambda name: name != metric):
        logged, now = row.metrics[name], common[name]
        if not abs(now - logged) <= TOLERANCE:
            answer = f"{name} is {now:.9g} in a new process, the run logged {logged:.9g}"
            gate.refuse("re-scored", answer, f"the code or the environment has changed since; {what_now}")
        gate.passed("re-scored", f"{name} {now:.6g}, as logged")


def _champion(store: Store, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client_of(store).get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        return None


def _promote(store: Store, name: str, row: RunRow, experiment: Experiment, data_name: str, model: str) -> str:
    """Version and alias; a run that has a version keeps it."""
    from mlflow.exceptions import MlflowException

    client = client_of(store)
    with in_words(store.uri, f"cannot register {name}"):
        try:
            tags = {"dlcamp.experiment": experiment.name, "dlcamp.data": data_name}
            client.create_registered_model(name, tags=tags, description=experiment.question)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        existing = [one.version for one in client.search_model_versions(f"name='{name}'") if one.run_id == row.id]
        version = existing[0] if existing else _new_version(client, name, row, experiment, model)
        client.set_registered_model_alias(name, CHAMPION, str(version))
    return str(version)


def _new_version(client: Any, name: str, row: RunRow, experiment: Experiment, model: str) -> str:
    tags = {
        MODEL_TAG: model,
        "dlcamp.objective": str(experiment.objective),
        "dlcamp.value": repr(row.metrics.get(experiment.objective.metric)),
        "dlcamp.data_digest": row.tags.get("dlcamp.data_digest", ""),
    }
    # not models:/<id>: MLflow's SQL registry would look that up in whatever store the process has made current
    location = client.get_logged_model(model).artifact_location
    version = str(client.create_model_version(name, location, row.id, tags=tags, model_id=model).version)
    _link(client, model, name, version)
    return version


def _link(client: Any, model: str, name: str, version: str) -> None:
    """The tag by which MLflow's page of a model shows the versions it is registered as; a server sets it itself."""
    versions = json.loads(client.get_logged_model(model).tags.get(_VERSIONS_TAG, "[]"))
    entry = {"name": name, "version": version}
    if entry not in [{**known, "version": str(known["version"])} for known in versions]:
        client.set_logged_model_tags(model, {_VERSIONS_TAG: json.dumps([*versions, entry])})
