"""A run that is the champion already: nothing to judge; but its files or its data may have changed since."""

from __future__ import annotations

import time
from typing import Any

from dlcamp.errors import Refusal
from dlcamp.experiment import Experiment
from dlcamp.registry import judged_rows
from dlcamp.registry.aliases import one_at_a_time, registered_value
from dlcamp.registry.gate import shown_digest, version_intact
from dlcamp.registry.judge import champion_on_present_data
from dlcamp.registry.judgement import Asked, Judgement, user
from dlcamp.registry.promote import titles
from dlcamp.registry.selection import command
from dlcamp.registry.unfinished import settle
from dlcamp.registry.verdict import Check, Verdict
from dlcamp.tracking.models import DIGEST_TAG, client_of, recorded_model
from dlcamp.tracking.protocol import RunRow, Store


def champion_already(
    store: Store, experiment: Experiment, data: Any, row: RunRow, champion: Any, asked: Asked
) -> Judgement:
    """Nothing to do; says so, and where the data changed since, what the score is worth and what can be done.

    Raises:
        Refusal: its files are gone or were altered.
    """
    client, name = client_of(store), str(champion.name)
    if wrong := version_intact(store, champion):
        raise Refusal(
            f"{row.name} is the champion of {name}, version {champion.version}, and cannot be trusted: {wrong}\n"
            f"put its files back as they were; or the champion before it: "
            f"{command(experiment, data.name, 'rollback')}; or train it again: {command(experiment, data.name)} FORCE=1"
        )
    if not asked.dry:
        with one_at_a_time(name):
            settle(store, name)
    answer = f"{row.name} is the champion already, version {champion.version}; nothing was changed"
    registered_with, recorded = registered_value(champion.tags), champion.tags.get("dlcamp.data_digest", "")
    note = ""
    if recorded != data.digest:
        note = (
            f"{data.name} has changed since it was registered (digest {shown_digest(recorded)} then, "
            f"{shown_digest(data.digest)} now): its score holds for the data of then"
        )
        if asked.rescore:
            found = champion_on_present_data(store, experiment, data, champion, keep=not asked.dry)
            if not asked.dry:
                _show_rows(store, experiment, data, champion)
            metric = experiment.objective.metric
            note += f"\non the data of now {metric} is {found.totals[metric]:.6g}, it was {registered_with}"
        else:
            again, register_again = command(experiment, data.name), command(experiment, data.name, "register")
            note += f"\nscore it on the data of now: {register_again} RESCORE=1; or train again: {again}"
    verdict = Verdict(
        name=name,
        version=str(champion.version),
        run=row.id,
        run_name=row.name,
        experiment=experiment.name,
        data=data.name,
        data_digest=recorded,
        digest=champion.tags.get(DIGEST_TAG, ""),
        outcome="champion",
        objective=str(experiment.objective),
        value=registered_with,
        low=None,
        high=None,
        checks=(Check("registered", True, answer),),
        against=None,
        judged_before=0,
        by=asked.by or user(),
        when=time.time(),
        seconds=0.0,
    )
    return Judgement(verdict, titles(client, name), note=note, changed=False, dry=asked.dry)


def _show_rows(store: Store, experiment: Experiment, data: Any, champion: Any) -> None:
    """Make the rows on the present data, which were kept, those that are read for the version."""
    key = judged_rows.key(store, experiment, data.name, data.digest, *recorded_model(store, champion))
    client_of(store).set_model_version_tag(champion.name, champion.version, judged_rows.ROWS_TAG, key)
