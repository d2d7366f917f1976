"""The store of runs: MLflow on SQLite under `mlruns/`, or the server that MLFLOW_TRACKING_URI names.

    mlruns/mlflow.db    runs (SQLite, write-ahead log)
    mlruns/artifacts/   files of runs, a folder an experiment
    mlruns/spool/       what a server that was away has not got yet
    mlruns/fetched/     artifacts downloaded from a server

Made once, under a file lock: MLflow's own first use fails when several processes try it at once.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from dlcamp.errors import StoreError
from dlcamp.paths import runs_folder
from dlcamp.tracking.mlflow_client import connect, explain, in_words
from dlcamp.tracking.mlflow_reader import MlflowReader
from dlcamp.tracking.mlflow_tracker import MlflowTracker
from dlcamp.tracking.spool import pending
from dlcamp.tracking.writer import PATIENCE

if TYPE_CHECKING:
    from mlflow import MlflowClient

NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "fuse.sshfs", "afs", "9p", "ceph"}
_SERVER = "start `mlflow server` on a machine with a local disk and set MLFLOW_TRACKING_URI=http://..."


@dataclass(frozen=True)
class MlflowStore:
    """An open store.

    Args:
        uri: MLflow's tracking URI.
        folder: `mlruns`.
        artifacts_folder: where artifacts lie on this machine; None for a server's.
        client: MLflow's client, for tracking/ and registry/ only.
        tracker: opens runs.
        reader: reads runs.
    """

    uri: str
    folder: Path
    artifacts_folder: Path | None
    client: MlflowClient
    tracker: MlflowTracker
    reader: MlflowReader

    def local_artifact(self, run_id: str, path: str) -> Path | None:
        """Where an artifact lies on this machine; None where it lies on a server."""
        return self.reader.local_artifact(run_id, path)


def open_store(
    home: Path | None = None, say: Callable[[str], None] | None = None, patience: float = PATIENCE
) -> MlflowStore:
    """Open the store, and make it if there is none.

    Args:
        home: the folder that holds `mlruns/`; default `DLCAMP_HOME`, else the repository.
        say: takes lines for the person at the terminal; default a warning in the log `dlcamp.tracking`.
        patience: seconds that the end of a run waits for a store that is away.

    Raises:
        StoreError: read-only, full, on a network file system, or of another version of MLflow.
    """
    folder = runs_folder() if home is None else Path(home).expanduser().absolute() / "mlruns"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(folder)
    local = uri == sqlite_uri(folder)
    with in_words(uri, "cannot open the store"):
        folder.mkdir(parents=True, exist_ok=True)
        client = _open_sqlite(folder, uri) if local else connect(uri)
    artifacts = folder / "artifacts" if uri.startswith("sqlite:") else None
    say = say or logging.getLogger("dlcamp.tracking").warning
    tracker = MlflowTracker(client, artifacts, folder / "spool", say, patience)
    store = MlflowStore(uri, folder, artifacts, client, tracker, MlflowReader(client, folder / "fetched"))
    if pending(folder / "spool", uri):
        tracker.replay_pending()
    return store


def open_existing_store(home: Path | None = None, say: Callable[[str], None] | None = None) -> MlflowStore | None:
    """The store, or None where none was made yet (a server always counts as made)."""
    folder = runs_folder() if home is None else Path(home).expanduser().absolute() / "mlruns"
    if not os.environ.get("MLFLOW_TRACKING_URI") and not (folder / "mlflow.db").exists():
        return None
    return open_store(home, say)


def sqlite_uri(folder: Path) -> str:
    """The tracking URI of the SQLite store in a `mlruns` folder."""
    return f"sqlite:///{folder.absolute() / 'mlflow.db'}"


def _open_sqlite(folder: Path, uri: str) -> MlflowClient:
    database = folder / "mlflow.db"
    _check_place(folder)
    # A store that is being made exists as a file before it is whole, so that even looking waits for the lock.
    with FileLock(folder / ".create.lock"):
        check_revision(database)
        client = connect(uri)
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
    return client


def _check_place(folder: Path) -> None:
    """StoreError where SQLite cannot work: odd names, network file systems, no right to write."""
    if any(sign in str(folder) for sign in "?#%"):
        raise StoreError(
            f"{folder} holds one of the characters ? # %, which MLflow's addresses cannot; move or set DLCAMP_HOME"
        )
    kind = file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(f"{folder} lies on a network file system ({kind}), where SQLite loses data; {_SERVER}")
    for path in (folder, folder / "mlflow.db"):
        if path.exists() and not os.access(path, os.W_OK):
            raise StoreError(f"{path} cannot be written to; check its owner and permissions, or set DLCAMP_HOME")


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system a path lies on; empty where the system does not say."""
    if not mounts.exists():
        return ""
    best, kind = -1, ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, this, *_ = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)  # spaces are written \040
        if path.resolve().is_relative_to(point) and len(point) >= best:
            best, kind = len(point), this
    return kind


def check_revision(database: Path) -> None:
    """StoreError for a database of another version of MLflow, before MLflow changes anything in it."""
    found = _revision(database)
    if found is None:
        return
    known, head = _known_revisions()
    if found == head or not known:
        return
    if found in known:
        raise StoreError(
            f"{database} is of an older MLflow (schema {found}, this one needs {head}); "
            f"copy it to a safe place, then run `mlflow db upgrade sqlite:///{database}`"
        )
    raise StoreError(
        f"{database} is of a newer MLflow (schema {found} is unknown here); "
        "install that version (`make setup`), or set DLCAMP_HOME to another folder"
    )


def _revision(database: Path) -> str | None:
    """The schema revision written in a database; None for none yet."""
    if not database.exists() or database.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise StoreError(f"{database}: {explain(error)}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{database} is not a database ({error}); move it away or set DLCAMP_HOME") from error
    return None if row is None else str(row[0])


def _known_revisions() -> tuple[set[str], str]:
    """The schema revisions of the installed MLflow, and its newest; read from the text of its migrations."""
    spec = find_spec("mlflow")
    root = Path(spec.origin).parent if spec and spec.origin else Path()
    known, replaced = set(), set()
    for path in (root / "store/db_migrations/versions").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        known |= set(re.findall(r'^revision\s*=\s*"(\w+)"', text, re.M))
        replaced |= set(re.findall(r'^down_revision\s*=\s*"(\w+)"', text, re.M))
    heads = known - replaced
    return (known, heads.pop()) if len(heads) == 1 else (set(), "")
