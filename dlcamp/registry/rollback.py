"""`rollback`: the previous champion is the champion again, and the present one is the previous: again undoes it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from dlcamp.errors import Refusal, UnknownName
from dlcamp.registry.aliases import CHAMPION, PREVIOUS, holder, one_at_a_time, registered
from dlcamp.registry.gate import version_intact
from dlcamp.registry.history import ROLLBACK_TAG, Rollback
from dlcamp.registry.promote import titles
from dlcamp.registry.unfinished import carry_out, settle, unfinished_rollback
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.resolve import registered_models


@dataclass(frozen=True)
class PutBack:
    """What was done, and who holds which title now; `mended`: an earlier rollback, cut off, was brought to its end."""

    name: str
    record: Rollback
    titles: dict[str, str]
    run: str
    mended: bool = False


def rollback(store: Store, name: str, *, by: str, why: str = "") -> PutBack:
    """Make the previous champion of a registered model its champion again.

    The record is written before the aliases are moved: what a kill interrupts, the next call brings to its end.

    Args:
        by: who asks. why: kept with the record.

    Raises:
        UnknownName: no such registered model.
        Refusal: there is no champion or no previous one, or its files were altered.
    """
    client = client_of(store)
    with one_at_a_time(name), in_words(store.uri, f"cannot roll {name} back"):
        there = registered(client, name)
        if there is None:
            known = [model.name for model in registered_models(store)]
            raise UnknownName("registered model", name, known, "register the best run: make register NAME=...")
        settle(store, name)
        cut_off = unfinished_rollback(client, name)
        champion, previous = holder(client, name, CHAMPION), holder(client, name, PREVIOUS)
        record = cut_off or Rollback(*_swap(name, champion, previous), by, why, time.time())
        if str(champion.version) != record.back_to and (wrong := version_intact(store, previous)):
            raise Refusal(f"{name}: version {previous.version}, the previous champion, is not put back: {wrong}")
        if cut_off is None:
            client.set_registered_model_tag(name, f"{ROLLBACK_TAG}{int(record.when * 1000)}", record.to_json())
        carry_out(client, name, record)
        run = str(client.get_model_version(name, record.back_to).run_id or "")
        return PutBack(name, record, titles(client, name), run, cut_off is not None)


def _swap(name: str, champion: Any, previous: Any) -> tuple[str, str]:
    """Versions that become champion and previous; Refusal where there is nothing to put back."""
    if champion is None:
        raise Refusal(f"{name} has no champion\nmake one: make register NAME={name.rpartition('-')[0]}")
    if previous is None:
        raise Refusal(
            f"{name} has no previous champion to put back: version {champion.version} is the first one\n"
            f"see what was judged: make ui, Champions, {name}"
        )
    if champion.version == previous.version:
        raise Refusal(f"{name}: version {champion.version} is the champion and the previous one; nothing to put back")
    return str(previous.version), str(champion.version)
