"""`show`: one run in full."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import duration
from dlcamp.errors import UnknownName

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import RunRow, Store


def run(given: Given, root: Path) -> int:
    """Print the run's state, config, metrics, files, and what went wrong."""
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    if store is None:
        raise UnknownName("run", str(given.get("RUN")), [], "the store is empty; start one: make exp NAME=caption_lstm")
    row = store.reader.run(str(given.get("RUN")))
    lines = [*_head(row), *_summary(store, row), *_config(row), *_metrics(row), *_files(store, row)]
    print("\n".join([*lines, *_error(store, row)]))
    return 0


def _head(row: RunRow) -> list[str]:
    took = f", took {duration(row.ended - row.started)}" if row.ended else ""
    lines = [
        f"{row.name}  {row.tags.get('dlcamp.state', row.status)}",
        f"id       {row.id}",
        f"started  {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(row.started))}{took}",
        f"data     {row.params.get('data', '')}  digest {row.tags.get('dlcamp.data_digest', '')[:60]}",
    ]
    if row.tags.get("dlcamp.ended"):
        lines.append(f"ended    by {row.tags['dlcamp.ended']}")
    if row.status in ("KILLED", "FAILED") and "dlcamp.state" not in row.tags:
        lines.append(f"go on    {row.tags.get('dlcamp.command') or f'make exp RESUME={row.id[:8]}'}")
    commit = row.tags.get("dlcamp.git_commit")
    if commit:
        dirty = " with uncommitted changes (uncommitted.patch)" if row.tags.get("dlcamp.git_dirty") == "true" else ""
        lines.append(f"commit   {commit[:12]}{dirty}")
    for label, tag in (("preset", "dlcamp.preset"), ("note", "mlflow.note.content"), ("tags", "dlcamp.labels")):
        if row.tags.get(tag):
            lines.append(f"{label:<8} {row.tags[tag]}")
    for statement, verdict in json.loads(row.tags.get("dlcamp.claims", "[]")):
        lines.append(f"claim    {verdict}: {statement}")
    if row.tags.get("dlcamp.proof"):
        whose = row.tags.get("dlcamp.model_id") or f"of {row.tags.get('dlcamp.best_name', 'the best run')}"
        lines.append(f"model    {whose}, reloaded: {row.tags['dlcamp.proof']} identical")
    return lines


def _summary(store: Store, row: RunRow) -> list[str]:
    """What the parent of an ablation or a search found."""
    if row.tags.get("dlcamp.kind") not in ("ablation", "search", "replication"):
        return []
    if "summary.txt" not in store.reader.artifacts(row.id):
        return []
    return ["found", *store.reader.fetch(row.id, "summary.txt").read_text("utf-8").splitlines()]


def _config(row: RunRow) -> list[str]:
    origins = json.loads(row.tags.get("dlcamp.origins", "{}"))
    lines = ["config"]
    lines += [f"  {key:<24} {value:<16} {origins.get(key, '')}".rstrip() for key, value in sorted(row.params.items())]
    return lines


def _metrics(row: RunRow) -> list[str]:
    return ["metrics (last values)", *(f"  {name:<32} {value:.6g}" for name, value in sorted(row.metrics.items()))]


def _files(store: Store, row: RunRow) -> list[str]:
    return ["files", *(f"  {store.local_artifact(row.id, path) or path}" for path in store.reader.artifacts(row.id))]


def _error(store: Store, row: RunRow) -> list[str]:
    if "traceback.txt" not in store.reader.artifacts(row.id):
        return []
    return ["traceback", store.reader.fetch(row.id, "traceback.txt").read_text("utf-8").rstrip()]
