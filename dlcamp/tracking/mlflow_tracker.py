"""Runs written to MLflow, on SQLite or on a server, through one writer thread a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dlcamp.errors import StoreError, UnknownName
from dlcamp.tracking.checked import PARENT_TAG, CheckedRun
from dlcamp.tracking.lease import BEAT_SECONDS, LEASE_TAG, Lease
from dlcamp.tracking.limits import DIGEST_LENGTH, tag_texts
from dlcamp.tracking.mlflow_client import experiment_id, explain, history, in_words, is_permanent
from dlcamp.tracking.protocol import Point
from dlcamp.tracking.record import Record
from dlcamp.tracking.spool import Spool, pending
from dlcamp.tracking.writer import PATIENCE, Rejected, Send, Writer, replay

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric


class MlflowRun(CheckedRun):
    """An open run in MLflow."""

    def __init__(
        self,
        writer: Writer,
        run_id: str,
        name: str,
        params: Mapping[str, str] | None = None,
        points: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        super().__init__(run_id, name, params, points)
        self.writer = writer

    def flush(self) -> None:
        """Return when everything given so far is stored, or spooled where the server is away."""
        self.writer.flush()

    def _write(self, records: Sequence[Record]) -> None:
        self.writer.put(records)

    def _keep(self, path: Path, folder: str) -> None:
        self.writer.keep(path, folder)

    def _close(self, end: Record) -> None:
        self.writer.close(end)


class MlflowTracker:
    """Opens runs.

    Args:
        client: a connected client.
        artifacts_folder: where the artifacts of new experiments go; None leaves it to the server.
        spool_folder: where records wait while the store is away.
        say: takes lines for the person at the terminal.
        patience: seconds that the end of a run waits for a store that is away.
    """

    def __init__(
        self,
        client: MlflowClient,
        artifacts_folder: Path | None,
        spool_folder: Path,
        say: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        self._client = client
        self._uri = str(client.tracking_uri)
        self._artifacts_folder = artifacts_folder
        self._spool_folder = spool_folder
        self._say = say
        self._patience = patience
        self._experiments: dict[str, str] = {}

    def start(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None, parent: str | None = None
    ) -> MlflowRun:
        """Open a new run (RUNNING) of an experiment, under a parent run's id if given."""
        lease = Lease.of_this_process()
        texts = tag_texts(tags or {}) | {LEASE_TAG: lease.text()}
        if parent:
            texts |= {"mlflow.parentRunId": parent, PARENT_TAG: parent}
        with in_words(self._uri, f"cannot start run {name!r}"):
            run = self._client.create_run(
                self._experiment(experiment), start_time=int(time.time() * 1000), tags=texts, run_name=name
            )
        run_id = str(run.info.run_id)
        return MlflowRun(self._writer(run_id, lease), run_id, name)

    def resume(self, run_id: str) -> MlflowRun:
        """Open an interrupted run again; what it stored or spooled before is not logged twice."""
        from mlflow.exceptions import MlflowException

        try:
            with in_words(self._uri, f"cannot resume run {run_id}"):
                run = self._client.get_run(run_id)
        except StoreError as error:
            if isinstance(error.__cause__, MlflowException) and is_permanent(error.__cause__):
                raise UnknownName("run", run_id, ()) from error
            raise
        spool = Spool(self._spool_folder, self._uri, run_id)
        if spool:
            self._replay(spool)
        lease = Lease.of_this_process()
        with in_words(self._uri, f"cannot resume run {run_id}"):
            run = self._client.get_run(run_id)
            self._client.update_run(run_id, status="RUNNING")
            self._client.set_tag(run_id, LEASE_TAG, lease.text())
            points = {key: history(self._client, run_id, key) for key in run.data.metrics}
        return MlflowRun(self._writer(run_id, lease), run_id, run.info.run_name, run.data.params, points)

    def replay_pending(self) -> None:
        """Send what ended runs could not store, where this store is the one it was meant for."""
        for spool in pending(self._spool_folder, self._uri):
            self._replay(spool)

    def _replay(self, spool: Spool) -> None:
        """Send what waits in a spool, unless its run is still being written (it then holds the lock)."""
        if not spool.take():
            return
        try:
            count = replay(spool, self._sender(spool.run_id))
            self._say(f"{count} records of run {spool.run_id}, kept on disk while {self._uri} was away, are stored now")
        except StoreError as error:
            self._say(f"{spool.folder} still waits for {self._uri}: {error}")
        finally:
            spool.release()

    def _writer(self, run_id: str, lease: Lease) -> Writer:
        spool = Spool(self._spool_folder, self._uri, run_id)
        return Writer(
            self._sender(run_id),
            spool,
            beat=lambda: Record("tag", LEASE_TAG, lease.renewed().text()),
            say=self._say,
            beat_seconds=BEAT_SECONDS,
            patience=self._patience,
        )

    def _sender(self, run_id: str) -> Send:
        def send(batch: Sequence[Record]) -> None:
            try:
                _request(self._client, run_id, batch)
            except Exception as error:
                if is_permanent(error):
                    raise Rejected(explain(error)) from error
                raise StoreError(explain(error)) from error

        return send

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            folder = self._artifacts_folder
            location = None if folder is None else (folder / quote(name, safe=" ")).as_uri()
            self._experiments[name] = experiment_id(self._client, name, location)
        return self._experiments[name]


def _request(client: MlflowClient, run_id: str, batch: Sequence[Record]) -> None:
    """Send one batch, as `record.batches` makes them."""
    first = batch[0]
    match first.kind:
        case "artifact":
            client.log_artifact(run_id, first.key, first.value or None)
        case "dataset":
            _log_dataset(client, run_id, first.key, *first.value)
        case "models":
            _log_models(client, run_id, first.value)
        case "end":
            client.set_terminated(run_id, first.key, first.time)
        case _:
            _log_batch(client, run_id, batch)


def _log_batch(client: MlflowClient, run_id: str, batch: Sequence[Record]) -> None:
    from mlflow.entities import Param, RunTag

    tags = {record.key: record.value for record in batch if record.kind == "tag"}
    client.log_batch(
        run_id,
        metrics=[_metric(record) for record in batch if record.kind == "metric"],
        params=[Param(r.key, r.value) for r in batch if r.kind == "param"],
        tags=[RunTag(key, value) for key, value in tags.items()],
    )


def _metric(record: Record) -> Metric:
    from mlflow.entities import Metric

    data, digest, model_id = record.about or ("", "", "")
    return Metric(
        record.key,
        record.value,
        record.time,
        record.step,
        model_id=model_id or None,
        dataset_name=data or None,
        dataset_digest=digest or None,
    )


def _log_dataset(client: MlflowClient, run_id: str, name: str, digest: str, context: str) -> None:
    """MLflow takes 36 characters of a digest; the tag `dlcamp.data_digest` holds it whole."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(name=name, digest=digest[:DIGEST_LENGTH], source_type="dlcamp", source=json.dumps({"name": name}))
    tags = [InputTag("mlflow.data.context", context)] if context else []
    client.log_inputs(run_id, [DatasetInput(dataset, tags)])


def _log_models(client: MlflowClient, run_id: str, model_ids: Sequence[str]) -> None:
    from mlflow.entities import LoggedModelInput

    client.log_inputs(run_id, models=[LoggedModelInput(model_id) for model_id in model_ids])
