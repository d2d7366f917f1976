"""Every registered model with its versions, as pages show them: aliases, cards, the verdicts of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlcamp.registry.aliases import CHAMPION, DATA_TAG, EXPERIMENT_TAG, registered_value
from dlcamp.registry.history import Rollback, rollbacks_of, verdicts_on
from dlcamp.registry.verdict import Verdict, newest_last, verdicts_of
from dlcamp.tracking.mlflow_client import in_words, pages
from dlcamp.tracking.models import client_of
from dlcamp.tracking.protocol import Store
from dlcamp.tracking.resolve import registered_models


@dataclass(frozen=True)
class Version:
    """One version of a registered model.

    Args:
        run: id of the run that trained it; "" where that is not known.
        created: seconds since 1970.
        card: markdown; "" where it has none.
        verdicts: the oldest first; of versions made before there were verdicts, none.
        objective, value: what it was registered with, "maximize val/cider" and 0.47.
    """

    number: str
    run: str
    created: float
    aliases: tuple[str, ...]
    card: str
    verdicts: tuple[Verdict, ...]
    objective: str
    value: float | None

    @property
    def promoted(self) -> Verdict | None:
        """The newest verdict that made it the champion."""
        return next((one for one in reversed(self.verdicts) if one.outcome == "champion"), None)

    @property
    def run_name(self) -> str:
        """The run's name; the beginning of its id where no verdict tells it."""
        return self.verdicts[-1].run_name if self.verdicts else self.run[:8]

    @property
    def judged(self) -> Verdict | None:
        """The newest verdict."""
        return self.verdicts[-1] if self.verdicts else None


@dataclass(frozen=True)
class Held:
    """A registered model; versions newest first.

    Args:
        refusals: verdicts on candidates that got no version.
        rollbacks: the newest last.
    """

    name: str
    experiment: str
    data: str
    versions: tuple[Version, ...]
    refusals: tuple[Verdict, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()

    def holder(self, alias: str) -> Version | None:
        """The version that an alias names."""
        return next((one for one in self.versions if alias in one.aliases), None)

    @property
    def verdicts(self) -> list[Verdict]:
        """Of all versions and of candidates that got none, newest last."""
        return newest_last([*self.refusals, *(one for version in self.versions for one in version.verdicts)])

    def since(self, version: Version) -> float:
        """When a version became what it is: promoted last or put back, else registered."""
        moments = [one.when for one in self.rollbacks if one.back_to == version.number]
        moments += [version.promoted.when] if version.promoted else []
        return max(moments, default=version.created)


def held_models(store: Store) -> list[Held]:
    """Every registered model of a store, by name; none in the store in memory, which keeps no models.

    Raises:
        StoreError: the registry cannot be read.
    """
    if store.uri.startswith("memory:"):
        return []
    with in_words(store.uri, "cannot read the registry"):
        versions: dict[str, list[Any]] = {}
        for version in pages(client_of(store).search_model_versions):
            versions.setdefault(version.name, []).append(version)
        found = [_held(model, versions.get(model.name, [])) for model in registered_models(store)]
    return sorted(found, key=lambda one: one.name)


def _held(model: Any, versions: list[Any]) -> Held:
    experiment, _, data = model.name.rpartition("-")
    aliases: dict[str, list[str]] = {}
    for alias, number in model.aliases.items():
        aliases.setdefault(str(number), []).append(alias)
    made = [_version(one, tuple(sorted(aliases.get(str(one.version), ())))) for one in versions]
    return Held(
        model.name,
        model.tags.get(EXPERIMENT_TAG, experiment or data),
        model.tags.get(DATA_TAG, data if experiment else ""),
        tuple(sorted(made, key=lambda one: -int(one.number))),
        tuple(verdicts_of(dict(model.tags))),
        tuple(rollbacks_of(model.tags)),
    )


def _version(version: Any, aliases: tuple[str, ...]) -> Version:
    return Version(
        number=str(version.version),
        run=version.run_id or "",
        created=version.creation_timestamp / 1000,
        aliases=aliases,
        card=version.description or "",
        verdicts=tuple(verdicts_on(version.tags, CHAMPION in aliases)),
        objective=version.tags.get("dlcamp.objective", ""),
        value=registered_value(version.tags),
    )
