"""What a judgement writes, in an order in which a kill leaves nothing half true.

version -> rows, verdict and card among the model's artifacts -> intent -> champion -> previous, verdict, card

Who is champion is one alias: a promotion that was cut off before it moved has not happened, and registering again finds
the version that is there and goes on from it; one that was cut off behind it, the next judgement or rollback ends.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.errors import StoreError
from dlcamp.experiment import Experiment
from dlcamp.registry import judged_rows
from dlcamp.registry.aliases import (
    CHALLENGER,
    CHAMPION,
    DATA_TAG,
    EXPERIMENT_TAG,
    PREVIOUS,
    holder,
    move,
    one_at_a_time,
    registered,
    versions,
)
from dlcamp.registry.history import PROMOTION_TAG, Promotion
from dlcamp.registry.rescore import Rescored
from dlcamp.registry.unfinished import CARD, carry_out, finish, settle, unfinished_rollback, write_verdict
from dlcamp.registry.verdict import Verdict, verdict_tag
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import DIGEST_TAG, MODEL_TAG, client_of
from dlcamp.tracking.protocol import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

_VERSIONS_TAG = "mlflow.modelVersions"
_LONGEST_ANSWER, _LONGEST_TAG = 300, 5000
"""Characters of a check's answer that a verdict keeps; of a registered model's tag that every database takes."""


@dataclass(frozen=True)
class Entry:
    """What goes into the registry with a verdict.

    Args:
        model: id. `rows`: key under which the rows are kept.
        card: verdict of the version -> model card.
    """

    experiment: Experiment
    model: str
    rescored: Rescored
    rows: str
    card: Callable[[Verdict], str]


def enter(store: Store, verdict: Verdict, entry: Entry, judged_against: str) -> Verdict | None:
    """Write a sound candidate into the registry, as its verdict says: as the champion or as the challenger.

    What a kill left of an earlier promotion or rollback is brought to its end first.

    Args:
        judged_against: version of the champion that it was judged against; "": there was none.

    Returns:
        The verdict with its version; None where another one is the champion by now, and nothing was written.

    Raises:
        StoreError: the registry cannot be written to, or another process changed the champion while it was.
    """
    client, name = client_of(store), verdict.name
    with one_at_a_time(name), in_words(store.uri, f"cannot register {name}"):
        settle(store, name)
        ordered = unfinished_rollback(client, name)
        if ordered is not None:
            carry_out(client, name, ordered)
        if champion_version(client, name) != judged_against:
            return None
        if registered(client, name) is None:
            tags = {EXPERIMENT_TAG: verdict.experiment, DATA_TAG: verdict.data}
            client.create_registered_model(name, tags=tags, description=entry.experiment.question)
        entered = shortened(verdict.of_version(_version(client, verdict, entry)))
        _artifacts(store, entered, entry)
        for tag, text in ((DIGEST_TAG, entered.digest), (judged_rows.ROWS_TAG, entry.rows)):
            client.set_model_version_tag(name, entered.version, tag, text)
        if champion_version(client, name) != judged_against:  # of a server others write too, where no lock holds
            raise StoreError(f"another machine changed the champion of {name} meanwhile; register again")
        if entered.outcome == "champion":
            _promote(store, Promotion(judged_against, entered), entry.model)
        else:
            write_verdict(client, entered, entry.card(entered))
            move(client, name, CHALLENGER, entered.version)
    return entered


def _promote(store: Store, promotion: Promotion, model: str) -> None:
    client, verdict = client_of(store), promotion.verdict
    client.set_model_version_tag(verdict.name, verdict.version, PROMOTION_TAG, promotion.to_json())
    move(client, verdict.name, CHAMPION, verdict.version)
    finish(store, promotion, model)


def champion_version(client: MlflowClient, name: str) -> str:
    """The champion's version; "" where there is none."""
    champion = holder(client, name, CHAMPION)
    return str(champion.version) if champion is not None else ""


def record_refusal(store: Store, verdict: Verdict) -> None:
    """Keep the verdict on a candidate that gets no version: with its run, as `verdict-<time>.json`, and as a tag of the
    registered model, where dlcamp made one and the verdict is short enough for a tag.
    """
    client = client_of(store)
    with in_words(store.uri, f"cannot write the verdict to run {verdict.run_name}"):
        client.log_text(verdict.run, verdict.to_json() + "\n", _file(verdict))
    there = registered(client, verdict.name)
    if (
        there is None
        or there.tags.get(EXPERIMENT_TAG) != verdict.experiment
        or there.tags.get(DATA_TAG) != verdict.data
    ):
        return
    text = shortened(verdict).to_json()
    if len(text) <= _LONGEST_TAG:
        with in_words(store.uri, f"cannot write to {verdict.name}"):
            client.set_registered_model_tag(verdict.name, verdict_tag(verdict), text)


def shortened(verdict: Verdict) -> Verdict:
    """The verdict with answers of a length that a tag takes: a traceback is not kept whole."""
    checks = (
        replace(check, answer=f"{check.answer[: _LONGEST_ANSWER - 1]}…")
        if len(check.answer) > _LONGEST_ANSWER
        else check
        for check in verdict.checks
    )
    return replace(verdict, checks=tuple(checks))


def _version(client: MlflowClient, verdict: Verdict, entry: Entry) -> str:
    """The version of the run; a run that has one keeps it."""
    there = next((one for one in versions(client, verdict.name) if one.run_id == verdict.run), None)
    if there is not None:
        return str(there.version)
    tags = {
        MODEL_TAG: entry.model,
        DIGEST_TAG: verdict.digest,
        "dlcamp.objective": verdict.objective,
        "dlcamp.value": repr(verdict.value),
        "dlcamp.data_digest": verdict.data_digest,
    }
    # not models:/<id>: MLflow's SQL registry would look that up in whatever store the process has made current
    location = client.get_logged_model(entry.model).artifact_location
    made = client.create_model_version(verdict.name, location, verdict.run, tags=tags, model_id=entry.model)
    _link(client, entry.model, verdict.name, str(made.version))
    return str(made.version)


def _link(client: MlflowClient, model: str, name: str, version: str) -> None:
    """The tag by which MLflow's page of a model shows the versions it is registered as; a server sets it itself."""
    known = json.loads(client.get_logged_model(model).tags.get(_VERSIONS_TAG, "[]"))
    entry = {"name": name, "version": version}
    if entry not in [{**one, "version": str(one["version"])} for one in known]:
        client.set_logged_model_tags(model, {_VERSIONS_TAG: json.dumps([*known, entry])})


def _artifacts(store: Store, verdict: Verdict, entry: Entry) -> None:
    judged_rows.save(store, entry.model, entry.rows, entry.rescored)
    with tempfile.TemporaryDirectory(prefix="dlcamp-verdict-") as scratch:
        Path(scratch, _file(verdict)).write_text(verdict.to_json() + "\n", "utf-8")
        Path(scratch, CARD).write_text(entry.card(verdict), "utf-8")
        for path in sorted(Path(scratch).iterdir()):
            client_of(store).log_model_artifact(entry.model, str(path))


def _file(verdict: Verdict) -> str:
    return f"verdict-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(verdict.when))}.json"


def titles(client: Any, name: str) -> dict[str, str]:
    """Alias -> version, in the order champion, challenger, previous."""
    there = registered(client, name)
    held = {alias: str(version) for alias, version in there.aliases.items()} if there is not None else {}
    return {alias: held[alias] for alias in (CHAMPION, CHALLENGER, PREVIOUS) if alias in held}
