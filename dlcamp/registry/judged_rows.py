"""The rows by which a registered model was judged, kept among its artifacts: `judged/<key>.json`.

The key holds everything that the rows follow from (the model's files, its run's config, the data, the split, the
code that scores, the packages under it), so that a champion's are read instead of computed again just when they would
come out the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from dlcamp.data import catalog
from dlcamp.errors import UserError
from dlcamp.experiment import Experiment
from dlcamp.fingerprint import NUMERIC, code_of
from dlcamp.registry.rescore import Rescored, Rows, source_root
from dlcamp.tracking.models import PREDICTOR_TAG, client_of, model_of
from dlcamp.tracking.protocol import Store

FOLDER = "judged"
ROWS_TAG = "dlcamp.judged_rows"
"""Tag of a version: key of the newest rows of its model."""


def key(store: Store, experiment: Experiment, data_name: str, data_digest: str, model: str, digest: str) -> str:
    """32 hex characters, of the model, the config of its run, the data, the split, the code and the packages.

    Args:
        model, digest: id of the model, and digest of its files.
    """
    logged = client_of(store).get_logged_model(model)
    predictor = logged.tags.get(PREDICTOR_TAG, "")
    references = {str(experiment.scorer), catalog.entry(data_name).source, predictor} - {""}
    code = code_of(references, source_root(experiment))
    # all of them: code that imports Keras says nothing of the TensorFlow that computes under it
    packages = {name: metadata.version(distribution) for name, distribution in sorted(NUMERIC.items())}
    parts = [digest, data_digest, "val", code, packages, _config(store, logged.source_run_id)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def save(store: Store, model: str, name: str, rescored: Rescored) -> None:
    """Keep rows and totals under a key; what was there under it is replaced."""
    with tempfile.TemporaryDirectory(prefix="dlcamp-judged-") as scratch:
        path = Path(scratch, f"{name}.json")
        path.write_text(json.dumps({"totals": rescored.totals, "rows": rescored.rows}, ensure_ascii=False), "utf-8")
        client_of(store).log_model_artifact(model, str(path), FOLDER)


def read(store: Store, model: str, name: str) -> Rescored | None:
    """What was kept under a key; None where there is nothing, or nothing whole."""
    text = text_of(store, model, f"{FOLDER}/{name}.json")
    try:
        found = json.loads(text or "")
        return Rescored(found["rows"], found["totals"])
    except (ValueError, KeyError, TypeError):
        return None


def text_of(store: Store, model: str, path: str) -> str | None:
    """A text among a model's artifacts; None where it is not there or cannot be had."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    client = client_of(store)
    try:
        if path not in {one.path for one in client.list_logged_model_artifacts(model, str(Path(path).parent))}:
            return None
        location = f"{client.get_logged_model(model).artifact_location.rstrip('/')}/{path}"
        with tempfile.TemporaryDirectory(prefix="dlcamp-judged-") as scratch:
            found = mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=scratch, tracking_uri=store.uri)
            return Path(found).read_text("utf-8")
    except (MlflowException, OSError, ValueError):
        return None


def rows_of_version(store: Store, version: Any) -> Rows | None:
    """The newest rows of one of MLflow's versions."""
    if ROWS_TAG not in version.tags:
        return None
    found = read(store, model_of(version), version.tags[ROWS_TAG])
    return found.rows if found else None


def _config(store: Store, run: str | None) -> str:
    """The config that the scorer is given, as the run recorded it; "" where the run is gone."""
    try:
        return store.reader.run(run).tags.get("dlcamp.config", "") if run else ""
    except UserError:
        return ""
