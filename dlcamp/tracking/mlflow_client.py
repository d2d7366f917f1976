"""MLflow, made quiet and asked through its public client only; its errors in words.

MLflow is imported when a store is opened, not before (1-3 s).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dlcamp.errors import StoreError
from dlcamp.tracking.protocol import Point

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    # The writer spools and tries again itself; MLflow's own 7 retries would hold a run for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_LIBRARIES = {"mlflow", "sqlite3", "sqlalchemy", "requests", "urllib3"}
_PERMANENT = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"}


def connect(uri: str) -> MlflowClient:
    """A client of a tracking URI; settings that the user made in the environment win over ours."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # failures are raised as StoreError as well
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def is_permanent(error: Exception) -> bool:
    """Whether the store refused the request itself, so that sending it again will not help."""
    return getattr(error, "error_code", None) in _PERMANENT


def pages(search: Callable[..., Any], **asked: Any) -> Iterator[Any]:
    """Every result of one of the client's searches, page by page as they are asked for."""
    token = None
    while True:
        page = search(**asked, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


@contextlib.contextmanager
def in_words(uri: str, doing: str) -> Iterator[None]:
    """Turn what MLflow, SQLite and the network raise into a StoreError that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        library = type(error).__module__.partition(".")[0]
        if library not in _LIBRARIES and not isinstance(error, OSError):
            raise
        raise StoreError(f"{doing} at {uri}: {explain(error)}") from error


def explain(error: BaseException) -> str:
    """What is wrong with the store and what to do, from the error of a client, of SQLite or of the system."""
    text = str(error)
    low = text.lower()
    code = getattr(error, "errno", None)
    if "disk is full" in low or code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room and run it again"
    if "readonly database" in low or "read-only" in low or code in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "it cannot be written to; check the owner and permissions of mlruns/, or set DLCAMP_HOME"
    if "unable to open database" in low:
        return "the database cannot be opened; check that mlruns/ can be written to, or set DLCAMP_HOME"
    if "database is locked" in low:
        return "the database is busy with another process for more than 20 s; try again"
    if any(sign in low for sign in ("max retries exceeded", "connection refused", "connection aborted", "timed out")):
        return "no answer; start the server, or unset MLFLOW_TRACKING_URI to use the local store"
    return text.splitlines()[0] if text else type(error).__name__


def history(client: MlflowClient, run_id: str, metric: str) -> list[Point]:
    """Every value of a metric, by step and time."""
    found = client.get_metric_history(run_id, metric)
    points = [Point(int(point.step), value_in(point.value), point.timestamp / 1000) for point in found]
    return sorted(points, key=lambda point: (point.step, point.time))


def value_in(value: float) -> float:
    """A metric as it was logged: MLflow's SQL stores keep an infinity as the largest float."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value


def experiment_id(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    """The id of an experiment, made if need be (several processes may try at once)."""
    from mlflow.exceptions import MlflowException

    found: Any = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifact_location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        raise StoreError(
            f"the MLflow experiment {name!r} was deleted; restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)
