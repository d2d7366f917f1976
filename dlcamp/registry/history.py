"""What happened to a registered model: every verdict, every rollback, and the rows by which a version was judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dlcamp.registry.aliases import registered, versions
from dlcamp.registry.judged_rows import rows_of_version
from dlcamp.registry.rescore import Rows
from dlcamp.registry.verdict import Verdict, newest_last, verdicts_of
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store

ROLLBACK_TAG = "dlcamp.rollback."
"""Begins the tags of a registered model that hold rollbacks; a number that grows with time follows."""


@dataclass(frozen=True)
class Rollback:
    """One champion put back: versions, who asked and why, seconds since 1970."""

    back_to: str
    instead_of: str
    by: str
    why: str
    when: float

    def to_json(self) -> str:
        """JSON that `rollbacks` reads."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)


def history(store: Store, name: str) -> list[Verdict]:
    """Every verdict on candidates of a registered model, newest last, also on those that got no version.

    Empty where there is no such model.
    """
    client = client_of(store)
    with in_words(store.uri, f"cannot read the registry's {name}"):
        there = registered(client, name)
        if there is None:
            return []
        found = verdicts_of(dict(there.tags))
        for version in versions(client, name):
            found += verdicts_of(dict(version.tags))
    return newest_last(found)


def rollbacks(store: Store, name: str) -> list[Rollback]:
    """Every rollback of a registered model, newest last."""
    with in_words(store.uri, f"cannot read the registry's {name}"):
        there = registered(client_of(store), name)
    return rollbacks_of(there.tags) if there is not None else []


def rollbacks_of(tags: Mapping[str, str]) -> list[Rollback]:
    """The rollbacks that a registered model's tags hold, newest last; tags that hold none are passed over."""
    found = (_rollback(text) for name, text in tags.items() if name.startswith(ROLLBACK_TAG))
    return sorted((one for one in found if one is not None), key=lambda one: one.when)


def rolled_back(store: Store, name: str, run: str) -> Rollback | None:
    """The rollback that took a run's version from its place, where nothing has put it back or promoted it since.

    Args:
        run: id.
    """
    client = client_of(store)
    there = registered(client, name)
    past = rollbacks_of(there.tags) if there is not None else []
    version = next((one for one in versions(client, name) if one.run_id == run), None) if past else None
    if version is None:
        return None
    number = str(version.version)
    last = next((one for one in reversed(past) if number in (one.back_to, one.instead_of)), None)
    if last is None or last.back_to == number:
        return None
    promoted = any(one.outcome == "champion" and one.when > last.when for one in verdicts_of(dict(version.tags)))
    return None if promoted else last


def rows_of(store: Store, name: str, version: str) -> Rows | None:
    """The scorer's rows on validation by which a version was judged last; None where none were kept."""
    with in_words(store.uri, f"cannot read the registry's {name}"):
        return rows_of_version(store, client_of(store).get_model_version(name, version))


def _rollback(text: str) -> Rollback | None:
    try:
        fields: dict[str, Any] = json.loads(text)
        return Rollback(**fields)
    except (ValueError, TypeError):
        return None
