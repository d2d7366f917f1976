"""`gc` and the sizes of `runs`, as a person at a shell meets them."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest

from dlcamp.cli.main import main
from dlcamp.cli.runs import _MUCH
from dlcamp.paths import runs_folder
from dlcamp.tracking import open_store
from tests.mlflow_server import MlflowServer
from tests.tracking.conftest import mlflow_server

__all__ = ["mlflow_server"]


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["OLDER=abc"], "OLDER='abc' is no number of days"),
        (["OLDER=-1"], "OLDER='-1' is no number of days"),
        (["OLDER=nan"], "example: make gc OLDER=30"),
        (["OLDR=3"], "did you mean 'OLDER'"),
        (["FIX=maybe"], "FIX=1"),
    ],
)
def test_a_mistake_exits_2_and_removes_nothing(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], fresh_home: Path
) -> None:
    assert main(["gc", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(fresh_home.iterdir())


def test_without_a_store_it_says_so_and_makes_none(
    capsys: pytest.CaptureFixture[str], fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["gc"]) == 0
    said = capsys.readouterr().out
    assert "no store in" in said
    assert "nothing can go" in said
    assert not list(fresh_home.iterdir())
    monkeypatch.setenv("DLCAMP_HOME", str(fresh_home / "nowhere"))
    assert main(["gc", "FIX=1"]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_it_shows_first_and_removes_with_fix(capsys: pytest.CaptureFixture[str], store_home: Path) -> None:
    store, made = open_store(), {}
    for name, status in (("toy-done", "FINISHED"), ("toy-stopped", "KILLED")):
        run = store.tracker.start("toy", name)
        run.end("FINISHED" if status == "FINISHED" else "KILLED")
        made[name] = runs_folder() / "checkpoints" / run.id
        made[name].mkdir(parents=True)
        (made[name] / "last.npz").write_bytes(b"x" * _MUCH)

    assert main(["runs"]) == 0
    said = capsys.readouterr().out
    assert said.count("100 MB  ") == 2
    assert "these take 200 MB; 100 MB of checkpoints and perhaps more can go: make gc" in said

    assert main(["gc"]) == 0
    said = capsys.readouterr().out
    assert "toy-done, 100 MB: its run is FINISHED" in said
    assert "checkpoints of interrupted runs: 1, 100 MB" in said
    assert "next       make gc FIX=1" in said
    assert all(path.exists() for path in made.values())

    assert main(["gc", "FIX=1"]) == 0
    assert "removed 1 of 1; 100 MB are free again" in capsys.readouterr().out
    assert [name for name, path in made.items() if path.exists()] == ["toy-stopped"]

    assert main(["gc", "OLDER=0"]) == 0
    assert "next       make gc FIX=1 OLDER=0" in capsys.readouterr().out
    assert main(["runs"]) == 0
    assert "make gc" not in capsys.readouterr().out


@pytest.mark.slow
def test_of_a_server_only_what_lies_on_this_disk_is_judged(
    capsys: pytest.CaptureFixture[str], mlflow_server: MlflowServer, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    run = open_store().tracker.start("toy", "toy-done")
    run.end("FINISHED")
    known, unknown = (runs_folder() / "checkpoints" / name for name in (run.id, "1" * 32))
    for path in (known, unknown):
        path.mkdir(parents=True)
        (path / "last.npz").write_bytes(b"x" * 100_000)
        os.utime(path / "last.npz", (0, 0))
        os.utime(path, (0, 0))
    assert main(["gc", "FIX=1"]) == 0
    said = capsys.readouterr().out
    assert "its runs and models are not judged here" in said
    assert "checkpoints of unknown runs: 1, 10" in said
    assert (known.exists(), unknown.exists()) == (False, True)
    assert main(["runs"]) == 0
    said = capsys.readouterr().out
    assert "these take" not in said
    assert re.search(r" s +-  \d+ \w+ ago", said)
