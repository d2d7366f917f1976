"""What a stored model says of many inputs, batch by batch: `make predict`, and all else that asks a champion.

    with stored(store, reference(store, root, "caption_lstm")) as model:      # found and described, not yet loaded
        for answer in predictions(model.load, image_files(paths)):
            print(answer.name, answer.output, answer.error)

An input that cannot be read, or that the model refuses, is named; the others are answered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.discovery import find, listing, load
from dlcamp.errors import DataError, DlcampError, UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.registry.aliases import CHAMPION, registered_name
from dlcamp.registry.inputs import Input
from dlcamp.tracking.models import DIGEST_TAG, check_digest, client_of, flavor_of, model_folder, read_model
from dlcamp.tracking.protocol import Predictor, RunRow, Store
from dlcamp.tracking.resolve import registered_models, resolve_model

BATCH = 64
"""Inputs that are read and answered together."""


@dataclass(frozen=True)
class StoredModel:
    """A model of a store, found but not loaded.

    Args:
        ref: what it was asked for by.
        run: that it comes from; None where that is gone.
        kind: "image", "row" or "text".
        columns: that its inputs have; a row has them all.
        outputs: names of what comes out.
        folder: its files. `digest`: what they must have, "" where that was not recorded.
    """

    ref: str
    run: RunRow | None
    kind: str
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    folder: Path
    digest: str

    @property
    def trained_on(self) -> str:
        """Name of the data set; "" where that is not known."""
        return self.run.tags.get("dlcamp.data", "") if self.run else ""

    def load(self) -> Predictor:
        """The predictor, run by the code of this process.

        Raises:
            StoreError: its files were altered since they were stored.
        """
        if self.digest:
            check_digest(self.folder, self.ref, self.digest)
        return read_model(self.folder)


@dataclass(frozen=True)
class Prediction:
    """The answer to one input.

    Args:
        name: of the input.
        output: a text, a number, or a mapping of several; None where there is none, and `error` says why.
        novelty: how unlike the training images an image is, in distances that one in a hundred held-out images
            exceeds; None where the model cannot tell. `novel`: so unlike that the output means little.
    """

    name: str
    output: Any = None
    error: str | None = None
    novelty: float | None = None
    novel: bool = False


def reference(store: Store, root: Path, name: str, data: str | None = None, version: str | None = None) -> str:
    """What `resolve_model` takes, for NAME as people type it.

    Args:
        root: repository whose experiments may be named.
        name: an experiment (its champion on `data`), a registered model (its champion), `name@alias`, `models:/...`,
            or a run.
        data: a data set of the experiment; its default when None.
        version: of the registered model, instead of the champion.

    Raises:
        UnknownName: nothing is called so.
        UserError: there is no champion, or DATA or VERSION do not go with the name.
    """
    if "@" in name or name.startswith("models:/"):
        return _alone(name, f"{name} says which model is meant", DATA=data, VERSION=version)
    known = {model.name: tuple(model.aliases) for model in registered_models(store)}
    experiments = listing(root, {})
    if name not in experiments and name not in known:
        return _alone(_run(store, name, [*experiments, *known]), f"{name} is a run", DATA=data, VERSION=version)
    if name in experiments:
        registered = _of_experiment(load(find(root, name)), data, version, known)
    else:
        registered = _alone(name, f"{name} is a registered model, of one data set", DATA=data)
    if version:
        return f"models:/{registered}/{version}"
    if CHAMPION not in known[registered]:
        others = " or ".join(f"NAME={registered}@{alias}" for alias in sorted(known[registered]))
        raise UserError(f"{registered} has no {CHAMPION}; give {others or 'VERSION=1'}")
    return f"{registered}@{CHAMPION}"


def _of_experiment(
    experiment: Experiment, data: str | None, version: str | None, known: Mapping[str, Sequence[str]]
) -> str:
    """The registered model of an experiment on a data set."""
    name, usual = experiment.name, experiment.data[0]
    if experiment.predictor is None:
        raise UserError(f"{name} saves no model, so that there is nothing to predict with")
    if data and data not in experiment.data:
        raise UnknownName(f"data set for {name}", data, experiment.data)
    registered = registered_name(name, data or usual)
    if registered not in known or not (version or CHAMPION in known[registered]):
        given = f" DATA={data}" if data and data != usual else ""
        lines = [f"{name} has no champion on {data or usual} yet; make one: make register NAME={name}{given}"]
        if known.get(registered):
            lines.append(f"there is NAME={registered}@{sorted(known[registered])[0]}")
        others = (one for one in experiment.data if CHAMPION in known.get(registered_name(name, one), ()))
        lines += [f"there is one on {one}: DATA={one}" for one in others]
        raise UserError("\n".join(lines))
    return registered


def _alone(name: str, why: str, **given: str | None) -> str:
    for variable, value in given.items():
        if value:
            raise UserError(f"{variable}={value} goes with the name of an experiment, but {why}; leave it out")
    return name


def _run(store: Store, name: str, known: Sequence[str]) -> str:
    try:
        return store.reader.run(name).id
    except UnknownName:
        hint = "see: make list, make runs"
        raise UnknownName("experiment, registered model or run", name, known, hint) from None


@contextmanager
def stored(store: Store, ref: str) -> Iterator[StoredModel]:
    """A model and what its description says; its files stay while the block runs.

    Args:
        ref: see `resolve_model`.

    Raises:
        UserError: no such model, or not one of dlcamp's.
        StoreError: its files cannot be had.
    """
    from mlflow.models import Model

    uri, run = resolve_model(store, ref)
    tags = client_of(store).get_logged_model(uri.removeprefix("models:/")).tags
    with model_folder(store, uri) as folder:
        kind = str(flavor_of(folder)["config"]["kind"])
        signature = Model.load(str(folder)).signature
        yield StoredModel(
            ref,
            run,
            kind,
            tuple(signature.inputs.input_names()),
            tuple(signature.outputs.input_names()),
            folder,
            tags.get(DIGEST_TAG, ""),
        )


def predictions(load: Callable[[], Predictor], inputs: Sequence[Input], batch: int = BATCH) -> Iterator[Prediction]:
    """One answer an input, in order, as soon as its batch is done; no more than a batch is held in memory.

    Args:
        load: gives the predictor; called once, when the first input that can be read was read, and else never.
    """
    predictor = functools.cache(load)
    for start in range(0, len(inputs), batch):
        yield from _answered(predictor, inputs[start : start + batch])


def _answered(load: Callable[[], Predictor], part: Sequence[Input]) -> Iterator[Prediction]:
    values: dict[int, Any] = {}
    answers: dict[int, Any] = {}
    for place, one in enumerate(part):
        try:
            values[place] = one.read()
        except DataError as error:
            answers[place] = error
    if values:
        names = [part[place].name for place in values]
        answers |= zip(values, _answers(load(), list(values.values()), names), strict=True)
    for place, one in enumerate(part):
        yield as_prediction(one.name, answers[place])


def _answers(predictor: Any, values: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """An answer or an error for each value."""
    if hasattr(predictor, "look"):  # a captioner says which images it cannot read, and how novel they are
        return list(predictor.look(values, names))
    try:
        return list(predictor.predict(values))
    except DlcampError as error:
        if len(values) == 1:
            return [error]
    except (ValueError, TypeError) as error:  # what float("many") or None + 1 in a predictor raises
        if len(values) == 1:
            return [DataError(f"the model cannot take {names[0]}: {type(error).__name__}: {error}")]
    # one of them is to blame: each by itself tells which
    return [_answers(predictor, [value], [name])[0] for value, name in zip(values, names, strict=True)]


def as_prediction(name: str, answer: Any) -> Prediction:
    """What a predictor answered, or the error in its place."""
    if isinstance(answer, DlcampError):
        return Prediction(name, error=str(answer))
    if hasattr(answer, "caption"):
        return Prediction(name, str(answer.caption), novelty=float(answer.novelty), novel=bool(answer.novel))
    return Prediction(name, answer)
