"""The top configs and the defaults again, on seeds of their own, and the preset that comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.analysis.groups import observations
from dlcamp.cli.commands import Given
from dlcamp.cli.exp import is_ablation, layers, request
from dlcamp.config import flatten
from dlcamp.errors import UserError
from dlcamp.launch.inline import Inline
from dlcamp.search.best_preset import preset_of, provenance
from dlcamp.search.engine import SearchOutcome, replicated, run_search
from dlcamp.search.preset import write_preset
from dlcamp.search.replicate import contest, replicate
from dlcamp.tracking import MemoryTracker
from tests.search.toy import asked, toy_repository


@pytest.fixture
def root(tmp_path: Path, fresh_home: Path) -> Path:
    return toy_repository(tmp_path / "repository")


def searched(root: Path, store: MemoryTracker, **variables: str) -> SearchOutcome:
    return run_search(asked(root, **variables), store, Inline(store), lambda line: None, lambda progress: None)


def test_the_top_differ_from_the_defaults_and_each_other_and_have_new_seeds(root: Path) -> None:
    store, variables = MemoryTracker(), {"TRIALS": "8"}
    found = searched(root, store, **variables).found
    one = contest(asked(root, **variables), found, 3, asked(root).fresh_seeds(4))
    assert [trial.number for trial in one.top] == [trial.number for trial in found.ranked() if not trial.defaults][:3]
    assert not set(one.seeds) & {trial.seed for trial in found.trials}
    assert len(set(one.seeds)) == 4


def test_a_replication_ranks_by_the_mean_and_compares_with_the_defaults(root: Path) -> None:
    store, search = MemoryTracker(), asked(root, TRIALS="8")
    outcome = searched(root, store, TRIALS="8")
    one = contest(search, outcome.found, 2, search.fresh_seeds(3))
    found = replicate(one, store, Inline(store), lambda line: None, lambda state, expected: None)
    assert [row.mean for row in found.rows] == sorted([row.mean for row in found.rows], reverse=True)
    assert {row.label for row in found.rows} == {"defaults", *(f"trial {trial.number}" for trial in one.top)}
    best = found.rows[0]
    assert best.label == found.best != "defaults"
    assert best.n == 3
    assert best.difference > 0
    assert best.difference_low < best.difference < best.difference_high
    assert best.verdict == "better"
    assert best.p < 0.05
    row = store.run(found.run)
    assert (row.tags["dlcamp.kind"], row.status) == ("replication", "FINISHED")
    kept = replicated(search, store, outcome, found)
    assert kept.found.replication == found
    assert searched(root, store, TRIALS="9").found.replication == found
    # neither trials nor replicates count as runs of the experiment that somebody compares
    assert not observations(store, "toy")


def test_again_it_runs_only_what_is_missing(root: Path) -> None:
    store, search = MemoryTracker(), asked(root)
    outcome = searched(root, store)
    one = contest(search, outcome.found, 1, search.fresh_seeds(2))
    replicate(one, store, Inline(store), lambda line: None, lambda state, expected: None)
    before = len(store.runs("toy"))
    wider = contest(search, outcome.found, 1, search.fresh_seeds(3))
    replicate(wider, store, Inline(store), lambda line: None, lambda state, expected: None)
    assert len(store.runs("toy")) == before + 2


def test_without_a_trial_that_differs_from_the_defaults_there_is_nothing_to_replicate(root: Path) -> None:
    store = MemoryTracker()
    found = searched(root, store, TRIALS="1").found
    with pytest.raises(UserError, match="nothing to replicate"):
        contest(asked(root, TRIALS="1"), found, 3, (1, 2))


def test_the_preset_best_makes_the_config_that_was_found_with_its_provenance(root: Path) -> None:
    store, search = MemoryTracker(), asked(root, SET="epochs=4")
    outcome = searched(root, store, SET="epochs=4")
    one = contest(search, outcome.found, 1, search.fresh_seeds(3))
    found = replicate(one, store, Inline(store), lambda line: None, lambda state, expected: None)
    _, _, before, _ = layers(Given({"NAME": "toy"}), root)
    path = root / "configs" / "basics" / "toy.yaml"
    lines = provenance(search, found)
    write_preset(path, "best", preset_of(search, found.rows[0], before, False, False), lines)
    assert "trial" in path.read_text()
    assert "make search" in path.read_text()
    assert str(found.seeds[0]) in path.read_text()
    given = Given({"NAME": "toy", "PRESET": "best"})
    assert not is_ablation(given, root)
    config = flatten(request(given, root).resolved.config.model_dump())
    wanted = {**flatten(search.space.base.config.model_dump()), **found.rows[0].values}
    assert config == wanted
    assert config["epochs"] == 4


def test_of_an_ablation_the_preset_is_one_run_of_the_config(root: Path) -> None:
    path = root / "configs" / "basics" / "toy.yaml"
    path.write_text(path.read_text() + "variants: {a: {mode: fine}, b: {mode: rough}}\nseeds: 3\n")
    store, search = MemoryTracker(), asked(root)
    outcome = searched(root, store)
    one = contest(search, outcome.found, 1, (7, 8))
    found = replicate(one, store, Inline(store), lambda line: None, lambda state, expected: None)
    _, _, before, _ = layers(Given({"NAME": "toy"}), root)
    write_preset(path, "best", preset_of(search, found.rows[0], before, True, False), provenance(search, found))
    assert not is_ablation(Given({"NAME": "toy", "PRESET": "best"}), root)
    assert is_ablation(Given({"NAME": "toy"}), root)
