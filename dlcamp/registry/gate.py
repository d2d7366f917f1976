"""What the gate asks of a candidate before its model is loaded: the run, its data, where it comes from, its files.

Every check is made and listed, also after one that failed. Some can be overruled by a reason (FORCE); none of those
that say what the model *is*: a run that never qualifies, other data, altered files, a model that does not load or gives
another value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.errors import UserError
from dlcamp.experiment import Experiment
from dlcamp.find_models import unfit
from dlcamp.registry.aliases import DATA_TAG, EXPERIMENT_TAG, registered, registered_name
from dlcamp.registry.selection import Chosen, command
from dlcamp.registry.verdict import Check
from dlcamp.tracking.models import (
    DIGEST_TAG,
    FILES_TAG,
    MODEL_TAG,
    client_of,
    files_digest,
    flavor_of,
    model_digest,
    model_folder,
    model_id,
    recorded_model,
)
from dlcamp.tracking.protocol import RunRow, Store
from dlcamp.tracking.provenance import PATCH, is_whole

if TYPE_CHECKING:
    from dlcamp.data.catalog import DataSet

NOT_MADE = "not made: "
"""Begins the answer of a check that could not be made, which counts as failed."""


def shown_digest(digest: str) -> str:
    """A digest of data as it is shown: whole where it is a short text, the beginning of a long number."""
    return (digest if len(digest) <= 45 else digest[:16]) or "unknown"


@dataclass
class Checks:
    """Checks as they are made; `to_do` is what helps against the first that failed."""

    made: list[Check] = field(default_factory=list)
    to_do: str = ""
    overrulable: list[str] = field(default_factory=list)

    def put(self, question: str, passed: bool, answer: str, to_do: str = "", *, overrulable: bool = False) -> bool:
        """Add one check; `overrulable`: a reason of the user's stands against it."""
        self.made.append(Check(question, passed, answer))
        if not passed:
            self.to_do = self.to_do or to_do
            if overrulable:
                self.overrulable.append(question)
        return passed

    @property
    def failed(self) -> list[str]:
        """Questions of those that failed."""
        return [check.question for check in self.made if not check.passed]

    @property
    def hopeless(self) -> list[str]:
        """Those that failed and cannot be overruled."""
        return [question for question in self.failed if question not in self.overrulable]


def check_run(checks: Checks, store: Store, chosen: Chosen, experiment: Experiment, data: DataSet) -> None:
    """What the store says of the run: finished, of a kind that may become a champion, on this data, traceable."""
    row, again = chosen.row, command(experiment, data.name)
    checks.put(
        "finished",
        row.status == "FINISHED",
        f"{row.name}, {chosen.how}" if row.status == "FINISHED" else f"{row.name} is {row.status}",
        f"go on with it: make exp RESUME={row.name}",
    )
    kind, preset = unfit(row), row.tags.get("dlcamp.preset")
    answer = f"{kind} never become a champion" if kind else f"preset {preset}" if preset else "no preset"
    checks.put("eligible", not kind, answer, f"make a real run: {again}")
    _check_data(checks, row, data, again)
    _check_name(checks, store, experiment, data.name)
    _check_provenance(checks, store, row, again)


def _check_data(checks: Checks, row: RunRow, data: DataSet, again: str) -> None:
    trained_on, recorded = row.tags.get("dlcamp.data"), row.tags.get("dlcamp.data_digest", "")
    if trained_on != data.name:
        to_do = f"make register NAME={row.experiment} DATA={trained_on}"
        checks.put("data", False, f"the run is on {trained_on}, not on {data.name}", to_do)
    elif recorded != data.digest:
        answer = f"{data.name} has changed since: {shown_digest(recorded)} then, {shown_digest(data.digest)} now"
        checks.put("data", False, answer, f"scores on other data do not compare; train on the present: {again}")
    else:
        checks.put("data", True, f"{data.name}, digest {shown_digest(data.digest)}")


def _check_name(checks: Checks, store: Store, experiment: Experiment, data_name: str) -> None:
    name = registered_name(experiment.name, data_name)
    there = registered(client_of(store), name)
    if there is None:
        checks.put("name", True, f"{name}, which is free")
        return
    owner = (there.tags.get(EXPERIMENT_TAG), there.tags.get(DATA_TAG))
    if owner == (experiment.name, data_name):
        checks.put("name", True, name)
        return
    whose = f"holds models of {owner[0]} on {owner[1]}" if all(owner) else "was not made by dlcamp"
    to_do = f"give the other model another name in MLflow (make ui, Models, {name}), then register again"
    checks.put("name", False, f"the registered model {name} {whose}", to_do)


def _check_provenance(checks: Checks, store: Store, row: RunRow, again: str) -> None:
    """One state of the code that was recorded whole: a commit, and the diff where files were changed.

    Without it nobody can make the model again.
    """
    commit = row.tags.get("dlcamp.git_commit", "")
    to_do = f"a run inside a git checkout with a commit records it: {again} FORCE=1"
    if not commit:
        checks.put("provenance", False, "the run recorded no commit", to_do, overrulable=True)
    elif row.tags.get("dlcamp.fingerprint", "").startswith("mixed:"):
        answer = f"begun at commit {commit[:12]} and resumed with other code: no one state of the code made it"
        checks.put("provenance", False, answer, f"run again, in one piece: {again} FORCE=1", overrulable=True)
    elif row.tags.get("dlcamp.git_dirty") != "true":
        checks.put("provenance", True, f"commit {commit[:12]}")
    else:
        lacks = _lacking_patch(store, row)
        answer = f"commit {commit[:12]} with uncommitted changes, " + (lacks or f"recorded in {PATCH}")
        checks.put("provenance", not lacks, answer, f"commit, then run again: {again} FORCE=1", overrulable=True)


def _lacking_patch(store: Store, row: RunRow) -> str:
    if PATCH not in store.reader.artifacts(row.id):
        return "which were not recorded"
    text = store.reader.fetch(row.id, PATCH).read_text("utf-8", "replace")
    return "" if is_whole(text) else "of which only a part was recorded"


@dataclass(frozen=True)
class Files:
    """A model's files as they were found.

    Args:
        model: id. `digest`: of the files, as found. `kind`: of inputs.
        folder: where they can be read; `bytes`: of what the predictor is made of.
        example: an input that was stored with it; None where none was.
        outputs: names of what the signature says comes out.
    """

    model: str
    digest: str
    kind: str
    folder: Path
    bytes: int
    example: Any
    outputs: tuple[str, ...]


def check_model(checks: Checks, store: Store, row: RunRow, again: str) -> str:
    """Whether the run's model stands in the store, stored whole; its id, or "" where it does not."""
    from mlflow.exceptions import MlflowException

    model, to_do = row.tags.get(MODEL_TAG, ""), f"run again: {again} FORCE=1"
    if not model:
        checks.put("model", False, "the run stored none", to_do)
        return ""
    try:
        status = str(client_of(store).get_logged_model(model).status)
    except MlflowException:
        status = "gone from the store"
    checks.put("model", status == "READY", f"{model}, {status}", to_do)
    return model if status == "READY" else ""


def check_files(checks: Checks, store: Store, model: str, folder: Path, again: str) -> Files | None:
    """The registry's own copy against what was recorded when it was stored, and its signature.

    (MLflow copies nothing when a model is registered: the version's source is the model's place in the store.)

    Returns:
        None where the files cannot be judged.
    """
    to_do = f"put them back as they were, or train again: {again} FORCE=1"
    tags = client_of(store).get_logged_model(model).tags
    recorded = tags.get(DIGEST_TAG, "")
    try:
        found, size, config = _read(folder)
    except _Unreadable as error:
        checks.put("files", False, str(error), to_do)
        return None
    if not recorded:
        checks.put("files", False, "no digest was recorded when the model was stored", f"run again: {again} FORCE=1")
    elif found != recorded:
        checks.put("files", False, f"altered since they were stored: digest {recorded} then, {found} now", to_do)
    elif altered := _altered_around(folder, tags):
        checks.put("files", False, f"altered since they were stored: {altered}", to_do)
    else:
        checks.put("files", True, f"as they were stored, digest {found}")
    example, outputs = _check_signature(checks, folder, config)
    return Files(model, found, config["kind"], folder, size, example, outputs)


def _check_signature(checks: Checks, folder: Path, config: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """Kind and columns; the example as the predictor takes it, and the names of what comes out."""
    from mlflow.models import Model

    described, kind = Model.load(str(folder)), config["kind"]
    signature = described.signature
    if signature is None:
        checks.put("signature", False, "the model has none", "train it again")
        return None, ()
    inputs = {column.name: column.type.name for column in signature.inputs.inputs}
    outputs = tuple(str(column.name) for column in (signature.outputs.inputs if signature.outputs else ()))
    wanted = {"image": {"image": "binary"}, "text": {"text": "string"}}.get(kind, dict.fromkeys(inputs, "double"))
    shown = f"{kind} ({_some([str(name) for name in inputs])}) -> {', '.join(outputs)}"
    if not inputs or not outputs or inputs != wanted:
        checks.put("signature", False, f"{shown} is not what a predictor of {kind} inputs takes", "train it again")
        return None, ()
    example, strange = _example(described, folder, kind, inputs)
    if strange:
        checks.put("signature", False, f"{shown}, but its example has {strange}", "train it again")
        return None, ()
    checks.put("signature", True, shown)
    return example, outputs


def _example(described: Any, folder: Path, kind: str, inputs: Mapping[str, str]) -> tuple[Any, str]:
    """The stored example as the predictor takes it (None: there is none), and what is wrong with it."""
    try:
        table = described.load_input_example(str(folder))
    except (OSError, ValueError) as error:
        return None, f"no file that can be read ({error})"
    if table is None:
        return None, ""
    columns = [str(name) for name in getattr(table, "columns", ())]
    if sorted(columns) != sorted(inputs) or not len(table):
        return None, f"the columns {_some(columns) or 'none'}"
    first = table.to_dict("records")[0]
    return (first if kind == "row" else first[kind]), ""


def _some(names: list[str]) -> str:
    """`pixel_0 to pixel_63, 64 of them`."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} to {names[-1]}, {len(names)} of them"


def intact(store: Store, model: str, recorded: str) -> tuple[int, str]:
    """Bytes of a registered model's files, and why they cannot be trusted; "" where they are as they were stored."""
    try:
        with model_folder(store, model) as folder:
            found, size, _ = _read(folder)
            altered = _altered_around(folder, client_of(store).get_logged_model(model_id(store, model)).tags)
    except (UserError, _Unreadable) as error:
        return 0, str(error).splitlines()[0]
    if found != recorded:
        altered = f"digest {recorded} then, {found} now"
    return size, f"its files were altered: {altered}" if altered else ""


def version_intact(store: Store, version: Any) -> str:
    """Why the files of one of MLflow's versions cannot be trusted; "" where they are as they were stored."""
    try:
        return intact(store, *recorded_model(store, version))[1]
    except UserError as error:
        return str(error).splitlines()[0]


def _altered_around(folder: Path, tags: Mapping[str, str]) -> str:
    """How the files of a model, code and MLmodel too, are not those that were stored; "" where they are.

    Models that were stored before all files were digested hold no such tag: theirs are not judged here.
    """
    recorded = tags.get(FILES_TAG, "")
    found = files_digest(folder) if recorded else ""
    return f"digest of all files {recorded} then, {found} now" if found != recorded else ""


class _Unreadable(Exception):
    """A folder that holds no whole model."""


def _read(folder: Path) -> tuple[str, int, dict[str, Any]]:
    """Digest and bytes of the predictor's files, and what MLmodel says of kind and columns."""
    try:
        found, flavor = model_digest(folder), flavor_of(folder)
        files = folder / flavor["artifacts"]["predictor"]["path"]
        size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
        return found, size, dict(flavor["config"])
    except Exception as error:  # whatever MLflow and YAML make of a damaged description
        raise _Unreadable(f"{folder} cannot be read: {error}") from error
