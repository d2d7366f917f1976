"""Runs read back from MLflow as rows, through its public client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from dlcamp.errors import UnknownName, UserError
from dlcamp.tracking.mlflow_client import history, in_words, pages, value_in
from dlcamp.tracking.protocol import Point, RunRow, Status

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAGE = 1000
_SUGGESTIONS = 200


@dataclass(frozen=True)
class MlflowReader:
    """Reads what any MLflow store holds.

    Args:
        client: a connected client.
        fetched_folder: where artifacts of a server are downloaded to.
    """

    client: MlflowClient
    fetched_folder: Path

    def runs(
        self,
        experiment: str | None = None,
        *,
        status: Status | None = None,
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Rows, newest first, of those that match everything given."""
        parts = [f"attributes.status = '{status}'"] if status else []
        parts += [f"tags.`{key}` = '{value}'" for key, value in (tags or {}).items() if _quotable(key, value)]
        wanted = dict(tags or {})
        rows = []
        with in_words(self._uri, "cannot read runs"):
            if limit is not None and limit <= 0:
                return []
            for row in self._search(" and ".join(parts), self._experiments(experiment), limit):
                if all(row.tags.get(key) == value for key, value in wanted.items()):
                    rows.append(row)
                    if len(rows) == limit:
                        break
        return rows

    def run(self, run: str) -> RunRow:
        """One row by id, name, or unique beginning of an id; UnknownName when there is none."""
        with in_words(self._uri, f"cannot read run {run!r}"):
            experiments = self._experiments(None)
            for comparison in ("run_id = '{}'", "run_name = '{}'", "run_id LIKE '{}%'"):
                if not run or not _quotable(run, run) or ("LIKE" in comparison and not run.isalnum()):
                    continue
                found = list(self._search("attributes." + comparison.format(run), experiments, 6))
                if len(found) == 1:
                    return found[0]
                if found:
                    raise UserError(_ambiguous(run, found))
            known = [row.name for row in self._search("", experiments, _SUGGESTIONS)]
        raise UnknownName("run", run, set(known), "list them with `make runs`")

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Every value of a metric, by step; empty for a metric the run does not have."""
        with in_words(self._uri, f"cannot read metric {metric!r} of run {run_id}"):
            return history(self.client, run_id, metric)

    def artifacts(self, run_id: str, folder: str = "") -> Sequence[str]:
        """Paths of the files under a folder, all levels, sorted."""
        with in_words(self._uri, f"cannot list the artifacts of run {run_id}"):
            return sorted(self._walk(run_id, folder))

    def fetch(self, run_id: str, path: str) -> Path:
        """A local path that holds an artifact; not to be written to. UnknownName when there is none."""
        with in_words(self._uri, f"cannot fetch {path!r} of run {run_id}"):
            local = self.local_artifact(run_id, path)
            if local is None:
                return self._download(run_id, path)
            if not local.exists():
                raise UnknownName("artifact", path, self._walk(run_id, ""))
            return local

    def local_artifact(self, run_id: str, path: str) -> Path | None:
        """Where an artifact lies on this machine; None where it lies on a server."""
        with in_words(self._uri, f"cannot read run {run_id}"):
            root = local_path(str(self.client.get_run(run_id).info.artifact_uri))
        return None if root is None else root / path

    def _download(self, run_id: str, path: str) -> Path:
        from mlflow.exceptions import MlflowException

        target = self.fetched_folder / run_id
        target.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self.client.download_artifacts(run_id, path, str(target)))
        except MlflowException:
            known = list(self._walk(run_id, ""))
            if path in known:
                raise
            raise UnknownName("artifact", path, known) from None

    @property
    def _uri(self) -> str:
        return str(self.client.tracking_uri)

    def _experiments(self, name: str | None) -> dict[str, str]:
        """Experiment ids and names, of one name or of all."""
        if name is not None:
            found: Any = self.client.get_experiment_by_name(name)
            return {found.experiment_id: name} if found is not None and found.lifecycle_stage == "active" else {}
        return {item.experiment_id: item.name for item in pages(self.client.search_experiments, max_results=PAGE)}

    def _search(self, condition: str, experiments: Mapping[str, str], limit: int | None) -> Iterator[RunRow]:
        """Rows page by page, newest first."""
        if experiments:
            found = pages(
                self.client.search_runs,
                experiment_ids=list(experiments),
                filter_string=condition,
                max_results=min(PAGE, limit or PAGE),
                order_by=["attributes.start_time DESC"],
            )
            yield from (row_of(run, experiments[run.info.experiment_id]) for run in found)

    def _walk(self, run_id: str, folder: str) -> Iterator[str]:
        for item in self.client.list_artifacts(run_id, folder or None):
            if item.is_dir:
                yield from self._walk(run_id, item.path)
            else:
                yield item.path


def local_path(location: str) -> Path | None:
    """The path that a `file:` address or a plain path names; None for what lies on a server."""
    address = urlparse(location)
    if address.scheme:
        return Path(url2pathname(address.path)) if address.scheme == "file" else None
    return Path(location)


def row_of(run: Any, experiment: str) -> RunRow:
    """One of MLflow's runs as a row."""
    ended = run.info.end_time if run.info.status != "RUNNING" else None
    return RunRow(
        id=run.info.run_id,
        name=run.info.run_name,
        experiment=experiment,
        status=run.info.status,
        started=run.info.start_time / 1000,
        ended=None if ended is None else ended / 1000,
        params=dict(run.data.params),
        metrics={key: value_in(value) for key, value in run.data.metrics.items()},
        tags=dict(run.data.tags),
    )


def _quotable(key: str, value: str) -> bool:
    """Whether MLflow's filter language can say it; otherwise rows are compared here."""
    return "'" not in value and "`" not in key and "\\" not in value and "\n" not in value


def _ambiguous(run: str, rows: Sequence[RunRow]) -> str:
    shown = [f"  {row.id}  {row.name}  {row.experiment}  {row.status}" for row in rows[:5]]
    more = ["  ..."] if len(rows) > 5 else []
    return "\n".join([f"{run!r} names {'several' if more else len(rows)} runs; give more of an id:", *shown, *more])
