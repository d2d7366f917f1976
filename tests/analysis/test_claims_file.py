"""What is remembered of claims."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dlcamp.analysis.claims_file import remember, remembered

CLAIMS = [("dropout beats none", "supported"), ("L1 is sparser", "refuted"), ("noise helps", "undecided")]


def test_verdicts_come_back_with_the_run_they_rest_on(fresh_home: Path) -> None:
    remember("regularizers", "noisy_digits", "", "abc", CLAIMS)
    (found,) = remembered("regularizers")
    assert (found.data, found.preset, found.run) == ("noisy_digits", "", "abc")
    assert found.claims == tuple(CLAIMS)
    assert found.counts() == {"supported": 1, "refuted": 1, "undecided": 1}
    assert (fresh_home / "mlruns/claims/regularizers.json").exists()


def test_a_later_run_replaces_its_own_place_only_and_the_newest_comes_first(fresh_home: Path) -> None:
    remember("regularizers", "noisy_digits", "", "first", CLAIMS)
    remember("regularizers", "mnist", "paper", "second", CLAIMS[:1])
    remember("regularizers", "noisy_digits", "", "third", CLAIMS[:2])
    assert [(one.run, len(one.claims)) for one in remembered("regularizers")] == [("third", 2), ("second", 1)]


def test_no_claims_at_all_are_forgotten(fresh_home: Path) -> None:
    remember("regularizers", "digits", "", "first", CLAIMS)
    remember("regularizers", "digits", "", "second", [])
    assert remembered("regularizers") == []


def test_nothing_is_remembered_of_an_experiment_that_never_ran_and_nothing_is_written(fresh_home: Path) -> None:
    assert remembered("regularizers") == []
    assert not list(fresh_home.iterdir())


def test_a_file_that_is_broken_or_of_another_shape_counts_as_none_and_is_replaced(fresh_home: Path) -> None:
    path = fresh_home / "mlruns/claims/regularizers.json"
    path.parent.mkdir(parents=True)
    for text in ("{", "[1]", '{"digits": 3}', '{"digits": {"": {"claims": 5}}}', '{"digits": {"": null}}'):
        path.write_text(text, "utf-8")
        assert remembered("regularizers") == []
    remember("regularizers", "digits", "", "run", CLAIMS)
    assert [one.run for one in remembered("regularizers")] == ["run"]


def test_writers_at_the_same_time_lose_nothing(fresh_home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: remember("regularizers", f"data_{number}", "", "run", CLAIMS), range(16)))
    assert len(remembered("regularizers")) == 16
    assert json.loads((fresh_home / "mlruns/claims/regularizers.json").read_text("utf-8"))
    assert not list((fresh_home / "mlruns/claims").glob("*.draft"))


def test_reading_loads_nothing_heavy(fresh_home: Path) -> None:
    probe = "import sys; from dlcamp.analysis.claims_file import remembered; remembered('x'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy", "pandas", "mlflow"} & set(loaded)
