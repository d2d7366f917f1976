"""What cannot be reproduced is refused before anything is made, saying why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dlcamp.errors import UnknownName, UserError
from dlcamp.reproduce.process import environment_of
from dlcamp.reproduce.recorded import OF_TAG, recorded, reproductions
from dlcamp.tracking import MemoryTracker

TAGS = {
    "dlcamp.kind": "run",
    "dlcamp.config": '{"seed": 3}',
    "dlcamp.fingerprint": "f" * 64,
    "dlcamp.fingerprint_parts": '{"environment": {"numpy": "1.0", "XLA_FLAGS": "--a"}}',
    "dlcamp.git_commit": "c" * 40,
    "dlcamp.git_dirty": "false",
}
PROVENANCE = '{"packages": {}, "threads": {"OMP_NUM_THREADS": "1"}, "usable_cores": 2}'


def run(
    store: MemoryTracker, folder: Path, name: str, tags: Mapping[str, str], without: str = "", status: str = "FINISHED"
) -> str:
    """An ended run with provenance; its id."""
    kept = {key: value for key, value in {**TAGS, **tags}.items() if key != without}
    made = store.start("steady", name, kept)
    (folder / "provenance.json").write_text(PROVENANCE)
    made.artifact(folder / "provenance.json")
    made.end(status)  # type: ignore[arg-type]
    return made.id


def test_a_run_gives_what_it_takes_to_make_it_again(tmp_path: Path) -> None:
    store = MemoryTracker()
    identity = run(store, tmp_path, "steady-1", {"dlcamp.models": '{"best:a": "m-1"}'})
    found = recorded(store.reader, "steady-1")
    assert (found.row.id, found.commit, found.patch, found.config) == (identity, "c" * 40, None, {"seed": 3})
    assert found.pinned == {"best:a": "m-1"}
    assert found.code == "commit cccccccccccc"


@pytest.mark.parametrize(
    ("tags", "without", "status", "said"),
    [
        ({}, "", "FAILED", "is FAILED"),
        ({}, "", "KILLED", "is KILLED"),
        ({}, "dlcamp.git_commit", "FINISHED", "no commit"),
        ({}, "dlcamp.config", "FINISHED", "not run by dlcamp"),
        ({"dlcamp.git_dirty": "true"}, "", "FINISHED", "uncommitted.patch is gone"),
        ({"dlcamp.fingerprint": "mixed:1+2"}, "", "FINISHED", "resumed with other code"),
        ({"dlcamp.kind": "reproduction", OF_TAG: "abc"}, "", "FINISHED", "RUN=abc"),
    ],
)
def test_a_run_that_recorded_too_little_is_refused(
    tmp_path: Path, tags: Mapping[str, str], without: str, status: str, said: str
) -> None:
    store = MemoryTracker()
    run(store, tmp_path, "steady-1", tags, without, status)
    with pytest.raises(UserError, match=said):
        recorded(store.reader, "steady-1")


def test_without_its_provenance_a_run_is_refused() -> None:
    store = MemoryTracker()
    store.start("steady", "steady-1", TAGS).end("FINISHED")
    with pytest.raises(UserError, match=r"provenance\.json"):
        recorded(store.reader, "steady-1")


def test_of_an_ablation_its_cells_are_named(tmp_path: Path) -> None:
    store = MemoryTracker()
    parent = run(store, tmp_path, "steady-grid", {"dlcamp.kind": "ablation"})
    run(store, tmp_path, "steady-dropout-s1", {"dlcamp.kind": "cell", "dlcamp.parent": parent})
    with pytest.raises(UserError, match="one of its cells:\n  make reproduce RUN=steady-dropout-s1"):
        recorded(store.reader, "steady-grid")
    assert recorded(store.reader, "steady-dropout-s1").row.tags["dlcamp.kind"] == "cell"


def test_an_unknown_run_names_the_nearest(tmp_path: Path) -> None:
    store = MemoryTracker()
    run(store, tmp_path, "steady-s0-1234", {})
    with pytest.raises(UnknownName, match="did you mean 'steady-s0-1234'"):
        recorded(store.reader, "steady-s0-1235")


def test_the_process_gets_the_threads_and_switches_of_the_run_and_none_of_now(
    tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MKL_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    store = MemoryTracker()
    run(store, tmp_path, "steady-1", {})
    given = environment_of(recorded(store.reader, "steady-1"), tmp_path / "tree")
    assert (given["OMP_NUM_THREADS"], given["XLA_FLAGS"]) == ("1", "--a")
    assert not {"MKL_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS"} & given.keys()
    assert given["PYTHONPATH"].split(":") == [str(tmp_path / "tree"), "/mine"]
    assert given["DLCAMP_HOME"] == str(fresh_home)


def test_reproductions_are_found_from_their_run(tmp_path: Path) -> None:
    store = MemoryTracker()
    identity = run(store, tmp_path, "steady-1", {})
    again = run(store, tmp_path, "steady-1-reproduced", {"dlcamp.kind": "reproduction", OF_TAG: identity})
    assert [row.id for row in reproductions(store.reader, store.reader.run(identity))] == [again]
