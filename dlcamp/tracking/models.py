"""Trained models as MLflow stores them: a pyfunc from code, linked to its run, that loads anywhere.

A saved model holds the predictor's plain files, the code it needs (a copy of the package, no pickle), exact
versions of what must be installed, and a signature. `log_model` puts it into the store as a LoggedModel of its
run; `load_model` gives the predictor back, with the code of the process that asks. That the stored copy works by
itself, with its own code, is what `proof.py` shows.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dlcamp
from dlcamp.errors import StoreError, UserError
from dlcamp.references import follow
from dlcamp.tracking.mlflow_client import connect, in_words
from dlcamp.tracking.mlflow_reader import local_path
from dlcamp.tracking.protocol import Predictor, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

COPIED = frozenset({".py", ".html", ".css", ".j2", ".js", ".json", ".txt", ".yaml"})
"""File types of the package that go into a model: code and templates."""

MODEL_TAG = "dlcamp.model_id"
"""Tag of runs and of registered versions: which model is theirs."""

DIGEST_TAG, PREDICTOR_TAG = "dlcamp.digest", "dlcamp.predictor"
"""Tags of a stored model: `model_digest` of its files, and "module:Class" of its predictor."""

FILES_TAG = "dlcamp.files_digest"
"""Tag of a stored model: `files_digest` of its folder as it was stored."""
_ADDED_FOLDER, _ADDED = "judged", ("verdict-*", "model_card.md", "registered_model_meta")
"""What the registry and MLflow add to a stored model's folder later."""


def reference_of(predictor: Predictor) -> str:
    """ "module:Class" of a predictor."""
    return f"{type(predictor).__module__}:{type(predictor).__qualname__}"


def save_model(
    predictor: Predictor,
    folder: Path,
    *,
    example: Any | None,
    requirements: Sequence[str],
    output: str | None = None,
    package: Path | None = None,
) -> None:
    """Write a predictor as an MLflow model.

    Args:
        folder: must not exist, or be empty.
        example: one input, kept as MLflow's input example. Needed for rows, whose column names the signature takes
            from it. Predictors of rows and texts are run on it once, to see what comes out; images give text.
        requirements: "name==version" of every package the predictor needs (`dlcamp.requirements`).
        output: name of the output column; "caption" for images and "prediction" otherwise when None.
        package: the copy of the package that goes into the model (`snapshot`); as it lies now when None.

    Raises:
        UserError: a row predictor without an example.
    """
    import mlflow.pyfunc

    name = output or ("caption" if predictor.kind == "image" else "prediction")
    description = {"predictor": reference_of(predictor), "kind": predictor.kind, "output": name}
    with tempfile.TemporaryDirectory(prefix="dlcamp-model-") as scratch:
        files, code, nowhere = (Path(scratch, part) for part in ("predictor", "code", "nowhere"))
        for part in (files, code, nowhere):
            part.mkdir()
        predictor.save(files)
        copy_code(predictor, code, package)
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={"predictor": str(files)},
            code_paths=[str(path) for path in sorted(code.iterdir())],
            model_config=description,
            signature=_signature(predictor, example, name),
            input_example=_example(predictor.kind, example),
            pip_requirements=list(requirements),
            streamable=False,
            # keeps MLflow from copying the uv.lock of whatever folder the user stands in
            uv_project_path=str(nowhere),
        )


def snapshot(folder: Path) -> Path:
    """Copy the package as it lies now into `folder`/dlcamp: what a run began with, whatever is edited meanwhile."""
    package, target = Path(dlcamp.__file__).parent, folder / "dlcamp"
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix in COPIED and "__pycache__" not in path.parts:
            _copy(path, target / path.relative_to(package))
    return target


def copy_code(predictor: Predictor, folder: Path, package: Path | None = None) -> None:
    """Copy the package, and the predictor's own module where that lies outside of it, under `folder`."""
    if package is None:
        snapshot(folder)
    else:
        shutil.copytree(package, folder / "dlcamp")
    module = type(predictor).__module__
    if module.partition(".")[0] != "dlcamp":
        source = sys.modules[module].__file__
        if source is None:
            raise UserError(f"{reference_of(predictor)} is defined in no file, so that it cannot be saved")
        _copy(Path(source), folder.joinpath(*module.split(".")).with_suffix(".py"))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _signature(predictor: Predictor, example: Any | None, output: str) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    if predictor.kind == "row":
        if not isinstance(example, Mapping):
            raise UserError(f"{reference_of(predictor)} takes rows: give one as example, its keys name the columns")
        inputs: list[Any] = [ColSpec(DataType.double, str(name)) for name in example]
    else:
        inputs = [ColSpec(DataType.binary if predictor.kind == "image" else DataType.string, predictor.kind)]
    known = example is None or predictor.kind == "image"
    outputs: Any = "" if known else predictor.predict([example])[0]
    columns = outputs if isinstance(outputs, Mapping) else {output: outputs}
    return ModelSignature(Schema(inputs), Schema([ColSpec(_type(value), name) for name, value in columns.items()]))


def _type(value: Any) -> Any:
    import numpy as np
    from mlflow.types import DataType

    if isinstance(value, (bool, np.bool_)):
        return DataType.boolean
    if isinstance(value, (int, np.integer)):
        return DataType.long
    return DataType.string if isinstance(value, str) else DataType.double


def _example(kind: str, example: Any | None) -> Any:
    import pandas as pd

    if example is None:
        return None
    return pd.DataFrame(
        [{str(key): float(value) for key, value in example.items()} if kind == "row" else {kind: example}]
    )


def log_model(store: Store, run_id: str, folder: Path, *, name: str, step: int = 0) -> str:
    """Store a saved model as a LoggedModel of a run, READY, so that MLflow shows it on the run's page.

    Args:
        run_id: the run it comes from; its params become the model's.
        folder: what `save_model` wrote; its MLmodel file gets the ids of model and run.
        step: the step of the run at which the model was taken.

    Returns:
        The model's id; `models:/<id>` is its address.

    Raises:
        StoreError: the store cannot take it; the model is marked FAILED there.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    client = client_of(store)
    tags = {DIGEST_TAG: model_digest(folder), PREDICTOR_TAG: flavor_of(folder)["config"]["predictor"]}
    with in_words(store.uri, f"cannot store the model of run {run_id}"):
        run = client.get_run(run_id)
        model = client.create_logged_model(
            run.info.experiment_id, name, run_id, tags=tags, params=dict(run.data.params), model_type="predictor"
        )
        try:
            description = Model.load(str(folder))
            description.run_id, description.model_id, description.model_uuid = run_id, model.model_id, model.model_id
            description.artifact_path = model.artifact_location
            description.save(str(folder / "MLmodel"))
            client.set_logged_model_tags(model.model_id, {FILES_TAG: files_digest(folder)})
            client.log_model_artifacts(model.model_id, str(folder))
            client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=step)])
        except BaseException:
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            raise
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return str(model.model_id)


def client_of(store: Store) -> MlflowClient:
    """MLflow's client of a store.

    Raises:
        StoreError: the store is not MLflow's.
    """
    if store.uri.startswith("memory:"):
        raise StoreError("the store in memory keeps no models; open MLflow's with dlcamp.tracking.open_store")
    return connect(store.uri)


def model_id(store: Store, model: str) -> str:
    """The LoggedModel behind "m-...", "models:/m-...", "models:/name/3" or "models:/name@alias".

    Raises:
        UserError: not such an address, or nothing there.
    """
    from mlflow.exceptions import MlflowException

    address = model.removeprefix("models:/")
    client = client_of(store)
    try:
        if "@" in address:
            name, _, alias = address.rpartition("@")
            return model_of(client.get_model_version_by_alias(name, alias))
        if "/" in address:
            name, _, version = address.rpartition("/")
            return model_of(client.get_model_version(name, version))
        return str(client.get_logged_model(address).model_id)
    except MlflowException as error:
        raise UserError(f"there is no model {model!r} in {store.uri}: {error.message}") from None


def model_of(version: Any) -> str:
    """The LoggedModel behind one of MLflow's versions.

    Raises:
        UserError: dlcamp did not register it.
    """
    source = str(version.source)
    found = version.tags.get(MODEL_TAG) or version.model_id or source.removeprefix("models:/")
    if not found.startswith("m-"):
        raise UserError(
            f"version {version.version} of {version.name} was not registered by dlcamp: its source is {source}"
        )
    return str(found)


def recorded_model(store: Store, version: Any) -> tuple[str, str]:
    """The model behind one of MLflow's versions, and the digest that its files must have; "" where none was recorded.

    Raises:
        UserError: dlcamp did not register it, or the model is gone.
    """
    from mlflow.exceptions import MlflowException

    model = model_of(version)
    try:
        tags = client_of(store).get_logged_model(model).tags
    except MlflowException as error:
        raise UserError(f"there is no model {model!r} in {store.uri}: {error.message}") from None
    return model, version.tags.get(DIGEST_TAG) or tags.get(DIGEST_TAG, "")


@contextmanager
def model_folder(store: Store, model: str) -> Iterator[Path]:
    """The files of a stored model: in place where the store's artifacts are local, else fetched for the while.

    Raises:
        UserError: no such model.
        StoreError: its files cannot be had.
    """
    import mlflow.artifacts

    location = client_of(store).get_logged_model(model_id(store, model)).artifact_location
    with tempfile.TemporaryDirectory(prefix="dlcamp-fetched-") as scratch:
        folder: Path | str | None = local_path(location)
        if folder is None:
            with in_words(store.uri, f"cannot fetch the files of model {model}"):
                folder = mlflow.artifacts.download_artifacts(
                    artifact_uri=location, dst_path=scratch, tracking_uri=store.uri
                )
        if not Path(folder, "MLmodel").is_file():
            raise StoreError(f"model {model} has no MLmodel file in {folder}: its upload was cut off or it was deleted")
        yield Path(folder)


def is_local(location: str) -> bool:
    """Whether a model's files lie on this machine."""
    return local_path(location) is not None


def load_model(store: Store, model: str, expected: str = "") -> Predictor:
    """The predictor of a stored model, run by the code of this process.

    Args:
        model: a model's id or a `models:/` address.
        expected: the digest that its files must have; "": any.

    Raises:
        StoreError: its files have another digest.
    """
    with model_folder(store, model) as folder:
        if expected:
            check_digest(folder, model, expected)
        return read_model(folder)


def model_digest(folder: Path) -> str:
    """32 hex characters of all that `read_model` goes by: the predictor's class and the predictor's files.

    Equal for two models whose predictors are equal, whatever run, time and code they were saved with.
    """
    flavor = flavor_of(folder)
    files = folder / flavor["artifacts"]["predictor"]["path"]
    return _digest(flavor["config"]["predictor"], files, (item for item in files.rglob("*") if item.is_file()))


def files_digest(folder: Path) -> str:
    """32 hex characters of all files of a stored model: MLmodel, code, example and requirements too.

    Without bytecode, and without what is added later: verdicts, judged rows, model card, MLflow's note of the version.
    """
    return _digest("", folder, (item for item in folder.rglob("*") if item.is_file() and _stored(item, folder)))


def _stored(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    if len(parts) == 1:
        return not any(fnmatchcase(parts[0], pattern) for pattern in _ADDED)
    return parts[0] != _ADDED_FOLDER and "__pycache__" not in parts


def _digest(begin: str, folder: Path, files: Iterable[Path]) -> str:
    """Of a text, and of the paths and contents of files under a folder."""
    found = hashlib.sha256(begin.encode())
    for path in sorted(files):
        with path.open("rb") as content:
            one = hashlib.file_digest(content, "sha256").hexdigest()
        found.update(f"\n{path.relative_to(folder).as_posix()}\0{one}".encode())
    return found.hexdigest()[:32]


def check_digest(folder: Path, model: str, expected: str) -> None:
    """StoreError unless the model in `folder` has the digest it must have."""
    found = model_digest(folder)
    if found != expected:
        raise StoreError(
            f"the files of model {model} were altered since they were stored: digest {expected} then, {found} now\n"
            f"put them back as they were, or train it again and name the new one ({folder})"
        )


def read_model(folder: Path) -> Predictor:
    """The predictor in a folder that `save_model` wrote.

    Raises:
        UserError: an MLflow model that dlcamp did not write.
    """
    flavor = flavor_of(folder)
    kind = follow(flavor["config"]["predictor"])
    return cast(Predictor, kind.load(folder / flavor["artifacts"]["predictor"]["path"]))


def flavor_of(folder: Path) -> dict[str, Any]:
    """What the MLmodel file in `folder` says of the pyfunc."""
    from mlflow.models import Model

    flavor = Model.load(str(folder)).flavors.get("python_function") or {}
    if "predictor" not in (flavor.get("config") or {}) or "predictor" not in (flavor.get("artifacts") or {}):
        raise UserError(f"the MLflow model in {folder} was not written by dlcamp: it names no predictor")
    return dict(flavor)
