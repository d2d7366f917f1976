"""The rows by which a registered model was judged, kept among its artifacts: `judged/<key>.json`.

The key holds everything that the rows follow from (the model's files, the data, the split, the code that scores), so
that a champion's are read instead of computed again just when they would come out the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from dlcamp.data import catalog
from dlcamp.experiment import Experiment
from dlcamp.fingerprint import code_of
from dlcamp.registry.rescore import Rescored, Rows, source_root
from dlcamp.tracking.models import MODEL_TAG, PREDICTOR_TAG, client_of, model_id
from dlcamp.tracking.protocol import Store

FOLDER = "judged"
ROWS_TAG = "dlcamp.judged_rows"
"""Tag of a version: key of the newest rows of its model."""


def key(store: Store, experiment: Experiment, data_name: str, data_digest: str, model: str, digest: str) -> str:
    """32 hex characters.

    Args:
        model, digest: id of the model, and digest of its files.
    """
    predictor = client_of(store).get_logged_model(model).tags.get(PREDICTOR_TAG, "")
    references = {str(experiment.scorer), catalog.entry(data_name).source, predictor} - {""}
    parts = [digest, data_digest, "val", code_of(references, source_root(experiment))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def save(store: Store, model: str, name: str, rescored: Rescored) -> None:
    """Keep rows and totals under a key; what was there under it is replaced."""
    with tempfile.TemporaryDirectory(prefix="dlcamp-judged-") as scratch:
        path = Path(scratch, f"{name}.json")
        path.write_text(json.dumps({"totals": rescored.totals, "rows": rescored.rows}, ensure_ascii=False), "utf-8")
        client_of(store).log_model_artifact(model, str(path), FOLDER)


def read(store: Store, model: str, name: str) -> Rescored | None:
    """What was kept under a key; None where there is nothing, or nothing whole."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    client = client_of(store)
    try:
        if f"{FOLDER}/{name}.json" not in {one.path for one in client.list_logged_model_artifacts(model, FOLDER)}:
            return None
        location = f"{client.get_logged_model(model).artifact_location.rstrip('/')}/{FOLDER}/{name}.json"
        with tempfile.TemporaryDirectory(prefix="dlcamp-judged-") as scratch:
            path = mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=scratch, tracking_uri=store.uri)
            found = json.loads(Path(path).read_text("utf-8"))
        return Rescored(found["rows"], found["totals"])
    except (MlflowException, OSError, ValueError, KeyError, TypeError):
        return None


def rows_of_version(store: Store, version: Any) -> Rows | None:
    """The newest rows of one of MLflow's versions."""
    if ROWS_TAG not in version.tags:
        return None
    found = read(
        store,
        version.tags.get(MODEL_TAG) or model_id(store, f"{version.name}/{version.version}"),
        version.tags[ROWS_TAG],
    )
    return found.rows if found else None
