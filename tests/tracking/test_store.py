"""Opening the store: made once, where it belongs, and clear words where it cannot be used."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dlcamp.errors import StoreError
from dlcamp.paths import REPOSITORY
from dlcamp.tracking import mlflow_store, open_existing_store, open_store
from dlcamp.tracking.mlflow_client import explain


def revise(home: Path, revision: str) -> None:
    with closing(sqlite3.connect(home / "mlruns/mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()


def python(code: str, **given: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
        **given,  # type: ignore[call-overload]
    )


def test_the_store_lies_under_the_home_whatever_the_working_directory(
    store_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    store = open_store()
    run = store.tracker.start("tiny", "tiny-s0")
    (tmp_path / "a.txt").write_text("a")
    run.artifact(tmp_path / "a.txt")
    run.end("FINISHED")
    assert store.uri == f"sqlite:///{store_home}/mlruns/mlflow.db"
    assert store.artifacts_folder == store_home / "mlruns/artifacts"
    kept = store.local_artifact(run.id, "a.txt")
    assert kept == store_home / "mlruns/artifacts/tiny" / run.id / "artifacts/a.txt"
    assert kept.read_text() == "a"
    assert not list(elsewhere.iterdir())


def test_the_store_keeps_a_write_ahead_log(store_home: Path) -> None:
    open_store()
    with closing(sqlite3.connect(store_home / "mlruns/mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("name", ["with space", "größe-試験", "quote's"])
def test_odd_names_of_folders_work(tmp_path: Path, store_template: Path, name: str) -> None:
    home = tmp_path / name
    (home / "mlruns").mkdir(parents=True)
    shutil.copy(store_template, home / "mlruns/mlflow.db")
    store = open_store(home)
    run = store.tracker.start("odd name: ü/?", "s0")
    (tmp_path / "a.txt").write_text("a")
    run.artifact(tmp_path / "a.txt")
    run.end("FINISHED")
    assert store.reader.fetch(run.id, "a.txt").read_text() == "a"
    assert store.reader.fetch(run.id, "a.txt").is_relative_to(home)


def test_a_folder_name_that_mlflow_cannot_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="DLCAMP_HOME"):
        open_store(tmp_path / "what?")


def test_no_store_yet_is_no_error_and_makes_none(fresh_home: Path) -> None:
    assert open_existing_store() is None
    assert not (fresh_home / "mlruns").exists()


def test_a_store_of_a_newer_mlflow_is_refused_and_left_alone(store_home: Path) -> None:
    revise(store_home, "ffffffffffff")
    before = (store_home / "mlruns/mlflow.db").read_bytes()
    with pytest.raises(StoreError, match=r"newer MLflow.*ffffffffffff"):
        open_store()
    assert (store_home / "mlruns/mlflow.db").read_bytes() == before


def test_a_store_of_an_older_mlflow_names_the_command(store_home: Path) -> None:
    known, head = mlflow_store._known_revisions()
    revise(store_home, sorted(known - {head})[0])
    with pytest.raises(StoreError, match=r"older MLflow.*mlflow db upgrade sqlite:///"):
        open_store()


def test_what_is_no_database_is_refused(fresh_home: Path) -> None:
    (fresh_home / "mlruns").mkdir()
    (fresh_home / "mlruns/mlflow.db").write_text("this is not a database, however long it may be" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_store()


def test_an_experiment_that_was_deleted_names_the_command(store_home: Path) -> None:
    store = open_store()
    store.tracker.start("gone", "gone-s0").end("FINISHED")
    store.client.delete_experiment(store.client.get_experiment_by_name("gone").experiment_id)
    with pytest.raises(StoreError, match="mlflow experiments restore"):
        open_store().tracker.start("gone", "gone-s1")


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    shared = tmp_path / "a share"
    (shared / "home").mkdir(parents=True)
    lines = ["/dev/sda1 / ext4 rw 0 0", f"server:/x {str(shared).replace(' ', chr(92) + '040')} nfs4 rw 0 0"]
    mounts.write_text("\n".join(lines) + "\n")
    assert mlflow_store.file_system(shared / "home", mounts) == "nfs4"
    assert mlflow_store.file_system(tmp_path, mounts) == "ext4"
    assert mlflow_store.file_system(tmp_path, tmp_path / "absent") == ""
    kind = mlflow_store.file_system(tmp_path)
    monkeypatch.setattr(mlflow_store, "NETWORK_FILE_SYSTEMS", {kind})
    with pytest.raises(StoreError, match="MLFLOW_TRACKING_URI"):
        open_store(tmp_path)


def test_the_errors_of_system_and_database_are_put_into_words() -> None:
    assert "make room" in explain(OSError(errno.ENOSPC, "No space left on device"))
    assert "permissions" in explain(OSError(errno.EROFS, "Read-only file system"))
    assert "start the server" in explain(ConnectionError("HTTPConnectionPool: Max retries exceeded with url"))
    with closing(sqlite3.connect(":memory:")) as full:
        full.execute("PRAGMA max_page_count = 2")
        full.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError) as error:
            full.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert "the disk is full" in explain(error.value)


def test_a_server_that_is_not_there_is_named(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    store = open_store()
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9: no answer; start the server"):
        store.tracker.start("tiny", "tiny-s0")
    with pytest.raises(StoreError, match="no answer"):
        store.reader.runs()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("mlflow", "pandas", "tensorflow", "matplotlib", "pyarrow", "sqlalchemy")
    code = f"import dlcamp.tracking, sys; print([name for name in {heavy} if name in sys.modules])"
    assert python(code).stdout == "[]\n"


@pytest.mark.slow
def test_a_fresh_store_is_made_without_a_word_on_the_terminal(fresh_home: Path) -> None:
    code = "from dlcamp.tracking import open_store; open_store().tracker.start('a', 'a').end('FINISHED'); print('ok')"
    done = python(code)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def in_own_mounts(steps: str) -> subprocess.CompletedProcess[str]:
    """Shell steps that may mount, in a namespace of their own."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("this system lets no user mount a small disk")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(["unshare", "-rm", "sh", "-c", steps], capture_output=True, text=True, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("made", [True, False], ids=["made before", "nothing there"])
def test_a_read_only_folder_is_named(tmp_path: Path, store_template: Path, made: bool) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    steps = [f"mount -t tmpfs tmpfs {disk}"]
    steps += [f"mkdir {disk}/mlruns", f"cp {store_template} {disk}/mlruns/mlflow.db"] if made else []
    code = f"from dlcamp.tracking import open_store; from pathlib import Path; open_store(Path('{disk}'))"
    steps += [f"mount -o remount,ro {disk}", f'exec {sys.executable} -c "{code}"']
    done = in_own_mounts(" && ".join(steps))
    assert "StoreError" in done.stderr.splitlines()[-1], done.stderr
    assert "cannot be written to; check" in done.stderr.splitlines()[-1]


FULL_DISK = """
import os, sys
from pathlib import Path
from dlcamp.errors import StoreError
from dlcamp.tracking import open_store
home = Path(sys.argv[1])
store = open_store(home, say=lambda line: None, patience=0.0)
run = store.tracker.start("tiny", "tiny-s0")
filler = os.open(home / "filler", os.O_WRONLY | os.O_CREAT)
try:
    while os.write(filler, b"x" * 65536):
        pass
except OSError:
    pass
run.tags({f"t{index}": "x" * 8000 for index in range(90)})
try:
    run.flush()
except StoreError as error:
    print(error)
os.close(filler)
(home / "filler").unlink()
run.end("FINISHED")
row = store.reader.run(run.id)
print(row.status, sum(key.startswith("t") for key in row.tags))
"""


@pytest.mark.slow
def test_a_full_disk_is_named_and_nothing_is_lost_once_there_is_room(tmp_path: Path, store_template: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = tmp_path / "script.py"
    script.write_text(FULL_DISK)
    steps = [f"mount -t tmpfs -o size=4m tmpfs {small}", f"mkdir {small}/mlruns"]
    steps += [f"cp {store_template} {small}/mlruns/mlflow.db", f"exec {sys.executable} {script} {small}"]
    done = in_own_mounts(" && ".join(steps))
    said, row = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    assert "the disk is full; make room" in said, done.stdout + done.stderr
    assert row == "FINISHED 90"
