"""What happened to a registered model: every verdict, every rollback, and the rows by which a version was judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dlcamp.registry.aliases import CHAMPION, registered, versions
from dlcamp.registry.judged_rows import rows_of_version
from dlcamp.registry.rescore import Rows
from dlcamp.registry.verdict import Verdict, newest_last, verdicts_of
from dlcamp.tracking.mlflow_client import in_words
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store

ROLLBACK_TAG = "dlcamp.rollback."
"""Begins the tags of a registered model that hold rollbacks; a number that grows with time follows."""
PROMOTION_TAG = "dlcamp.promotion"
"""Tag of a version that is being promoted: a `Promotion`, from before the champion's alias moves to the very end."""


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


@dataclass(frozen=True)
class Promotion:
    """One that is under way: its verdict, and the version that has to go; "" where there was no champion."""

    instead_of: str
    verdict: Verdict

    def to_json(self) -> str:
        """JSON that `promotion_of` reads."""
        return json.dumps({"instead_of": self.instead_of, "verdict": self.verdict.to_json()}, ensure_ascii=False)


def promotion_of(tags: Mapping[str, str]) -> Promotion | None:
    """The promotion of a version that is under way; None where none is."""
    try:
        fields: dict[str, Any] = json.loads(tags.get(PROMOTION_TAG, "{}"))
        return Promotion(fields["instead_of"], Verdict.from_json(fields["verdict"]))
    except (ValueError, KeyError, TypeError):
        return None


def verdicts_on(tags: Mapping[str, str], champion: bool) -> list[Verdict]:
    """The verdicts on a version, oldest first; that of a promotion which a kill cut off counts if it is champion.

    Args:
        champion: whether the version holds that title.
    """
    found, under_way = verdicts_of(dict(tags)), promotion_of(tags) if champion else None
    if under_way is not None and under_way.verdict not in found:
        found.append(under_way.verdict)
    return newest_last(found)


def promoted_since(tags: Mapping[str, str], moment: float) -> bool:
    """Whether a version was made the champion after a moment, by its tags.

    What counts is the end of the judgement: one that began before a rollback is put again after it.
    """
    return any(one.outcome == "champion" and one.when + one.seconds > moment for one in verdicts_of(dict(tags)))


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
        champion = str(there.aliases.get(CHAMPION, ""))
        for version in versions(client, name):
            found += verdicts_on(version.tags, str(version.version) == champion)
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
    return None if promoted_since(version.tags, last.when) else last


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
