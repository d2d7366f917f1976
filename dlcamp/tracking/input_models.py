"""The stored models that a run takes in: what its references mean, fixed before it begins, and loaded unaltered.

models = InputModels(store, {"start": ((ModelRef("best:caption_lstm"), input_model(store, "models:/m-...")),)})
models.predictor(config.start)    -> the predictor, when its files have the digest that was found
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dlcamp.errors import ConfigError, StoreError, UserError
from dlcamp.model_ref import ModelRef
from dlcamp.tracking.models import (
    DIGEST_TAG,
    PREDICTOR_TAG,
    check_digest,
    client_of,
    flavor_of,
    is_local,
    load_model,
    model_digest,
    model_folder,
)
from dlcamp.tracking.protocol import Predictor, Store
from dlcamp.tracking.resolve import resolve_model

NEVER_TAG = "dlcamp.never_champion"
"""Tag of a run: the kind of runs that may never become a champion ("runs with a substituted encoder"). A body sets it,
and so do the models that a run takes in."""


@dataclass(frozen=True)
class InputModel:
    """One stored model.

    Args:
        model: its id, "m-...".
        digest: `models.model_digest` of its files.
        predictor: "module:Class".
        run: id of the run that trained it; "" where that is gone, as its name and data set are.
        data: name of the data set it was trained on.
        never: why a run that takes it in may never become a champion ("made of one of the smoke runs"); "": it may.
    """

    model: str
    digest: str
    predictor: str
    run: str = ""
    run_name: str = ""
    data: str = ""
    never: str = ""


def input_model(store: Store, text: str) -> InputModel:
    """The model that a run, an alias or an address names. Files on this machine are checked, others when they load.

    Raises:
        UserError: nothing or several things answer to the text, the run did not finish or has no model.
        StoreError: the files are gone, were altered, or the store keeps no models.
    """
    address, row = resolve_model(store, text)
    if row is not None and row.status != "FINISHED":
        raise UserError(f"run {row.name} is {row.status}: only the model of a FINISHED run is proven to reload")
    model = address.removeprefix("models:/")
    digest, predictor = _contents(store, model)
    if row is None:
        return InputModel(model, digest, predictor)
    return InputModel(model, digest, predictor, row.id, row.name, row.tags.get("dlcamp.data", ""))


def _contents(store: Store, model: str) -> tuple[str, str]:
    """Digest and predictor's class: as recorded with the model, else of its files."""
    stored = client_of(store).get_logged_model(model)
    if str(stored.status) != "READY":
        raise StoreError(f"model {model} is {stored.status}: it was never stored whole; train it again")
    recorded = stored.tags.get(DIGEST_TAG, "")
    if recorded and not is_local(stored.artifact_location):
        return recorded, stored.tags[PREDICTOR_TAG]
    with model_folder(store, model) as folder:
        if recorded:
            check_digest(folder, model, recorded)
        return model_digest(folder), flavor_of(folder)["config"]["predictor"]


@dataclass(frozen=True)
class InputModels:
    """All models that a run takes in.

    Args:
        store: that holds them; None where there are none.
        found: config field -> its references in order, each with what it means.
    """

    store: Store | None = None
    found: Mapping[str, tuple[tuple[ModelRef, InputModel], ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.found)

    def predictor(self, ref: ModelRef | None) -> Predictor:
        """The predictor of a reference of the config.

        Raises:
            ConfigError: no reference, or one that is not in the config, so that the fingerprint would not know it.
            StoreError: the model's files were altered since the run began.
        """
        known = self.pinned()
        if not ref or self.store is None:
            raise ConfigError(
                f"no model to load: {ref!r} names none; the config names " + (", ".join(known) or "none either")
            )
        for pairs in self.found.values():
            for named, one in pairs:
                if named == ref:
                    return load_model(self.store, one.model, one.digest)
        raise ConfigError(
            f"{ref.text!r} is no reference of the config, which names {', '.join(known)}: "
            "only the values of its ModelRef fields can be loaded"
        )

    def pinned(self) -> dict[str, str]:
        """Text of every reference -> model id."""
        return {ref.text: one.model for pairs in self.found.values() for ref, one in pairs}

    def ids(self) -> list[str]:
        """Model ids, each once."""
        return list(dict.fromkeys(self.pinned().values()))

    def names(self) -> dict[str, str]:
        """Field -> names of the runs whose models it takes in, separated by commas."""
        return {name: ",".join(one.run_name or one.model for _, one in pairs) for name, pairs in self.found.items()}

    def contents(self) -> dict[str, list[tuple[str, str]]]:
        """Field -> (digest, predictor's class) of each of its models: what a result depends on."""
        return {name: [(one.digest, one.predictor) for _, one in pairs] for name, pairs in self.found.items()}

    def tags(self) -> dict[str, str]:
        """What a run is marked with for the models that it takes in."""
        why = [one.never for pairs in self.found.values() for _, one in pairs if one.never]
        return {NEVER_TAG: f"runs {why[0]}"} if why else {}

    def changes(self, before: Mapping[str, str]) -> list[str]:
        """Fields that mean other models than in a run with the params `before`, a line each."""
        now = self.params()
        return [
            f"model: {name} was {before.get(f'{name}.run_name', 'none')}, is now {names}"
            for name, names in self.names().items()
            if before.get(f"{name}.digest") != now[f"{name}.digest"]
        ]

    def params(self) -> dict[str, str]:
        """What a run logs: for each field the runs' ids and names, model ids, digests and data sets."""
        found: dict[str, str] = {}
        for name, pairs in self.found.items():
            models = [one for _, one in pairs]
            found |= {
                f"{name}.run": ",".join(one.run for one in models),
                f"{name}.run_name": self.names()[name],
                f"{name}.model": ",".join(one.model for one in models),
                f"{name}.digest": ",".join(one.digest for one in models),
                f"{name}.data": ",".join(one.data for one in models),
            }
        return found

    def lines(self, data: str) -> list[str]:
        """What each reference means, for the person.

        Args:
            data: the run's data set; a model trained on another one is said to be.
        """
        return [
            f"{name} = {ref}: {one.run_name or 'a run that is gone'}, model {one.model}"
            + (f", trained on {one.data}" if one.data not in ("", data) else "")
            + (f"; what is {one.never} never becomes a champion" if one.never else "")
            for name, pairs in self.found.items()
            for ref, one in pairs
        ]
