"""Which run is judged: the best that may become a champion and kept its model, or the one named."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from dlcamp.data import catalog
from dlcamp.discovery import find, load
from dlcamp.errors import Refusal, UserError
from dlcamp.experiment import Experiment
from dlcamp.find_models import unfit
from dlcamp.paths import REPOSITORY
from dlcamp.registry.selection import choose
from dlcamp.tracking import MemoryTracker

DIGEST = catalog.entry("purchases").open().digest


@pytest.fixture(scope="module")
def purchase_odds() -> Experiment:
    return load(find(REPOSITORY, "purchase_odds"))


def run(
    store: MemoryTracker,
    loss: float,
    status: Literal["FINISHED", "FAILED", ""] = "FINISHED",
    params: dict[str, Any] | None = None,
    **tags: str,
) -> str:
    """The name of a new run of purchase_odds with a model."""
    known = {"kind": "run", "data": "purchases", "data_digest": DIGEST, "model_id": f"m-{loss}", **tags}
    name = f"purchase_odds-{loss}"
    made = store.start("purchase_odds", name, {f"dlcamp.{key}": text for key, text in known.items() if text})
    made.params(params or {})
    made.final({"val/log_loss": loss})
    if status:
        made.end(status)
    return name


def test_runs_cells_and_trials_that_kept_their_model_compete(purchase_odds: Experiment) -> None:
    store = MemoryTracker()
    run(store, 0.3)
    run(store, 0.2, kind="cell")
    best = run(store, 0.1, kind="trial")
    run(store, 0.05, kind="cell", model_id="")
    run(store, 0.01, kind="search")
    chosen = choose(store, purchase_odds, "purchases", None)
    assert (chosen.row.name, chosen.how) == (best, "the best by val/log_loss of 4 runs")


@pytest.mark.parametrize(
    ("params", "tags"),
    [
        ({}, {"preset": "smoke"}),
        ({}, {"preset": "camp"}),
        ({"recipe": "camp"}, {}),
        ({"val_images": 64}, {}),
        ({}, {"substituted": "Lite0 in the place of VGG16"}),
        ({}, {"never_champion": "runs made of one of the smoke runs"}),
        ({}, {"data_digest": "of another day"}),
    ],
)
def test_the_best_of_those_that_never_qualify_is_passed_over(
    purchase_odds: Experiment, params: dict[str, Any], tags: dict[str, str]
) -> None:
    store = MemoryTracker()
    good = run(store, 0.3, params={"recipe": "sequences", "val_images": None})
    run(store, 0.1, params=params, **tags)
    assert choose(store, purchase_odds, "purchases", None).row.name == good


def test_without_a_run_that_qualifies_it_says_what_there_is_and_how_to_make_one(purchase_odds: Experiment) -> None:
    store = MemoryTracker()
    with pytest.raises(Refusal, match="none was made yet\nmake one: make exp NAME=purchase_odds"):
        choose(store, purchase_odds, "purchases", None)
    run(store, 0.1, "FAILED")
    run(store, 0.2, preset="smoke")
    run(store, 0.3, model_id="")
    with pytest.raises(Refusal, match=r"1 FAILED, 1 never registered \(smoke runs\), 1 without a model"):
        choose(store, purchase_odds, "purchases", None)


def test_a_search_that_is_named_stands_for_its_best_trial(purchase_odds: Experiment) -> None:
    store = MemoryTracker()
    best = store.run(run(store, 0.1, kind="trial"))
    parent = run(store, 0.01, kind="search", model_id="", best_run=best.id)
    chosen = choose(store, purchase_odds, "purchases", parent)
    assert (chosen.row.id, chosen.how) == (best.id, f"the best of {parent}")
    assert unfit(chosen.row) == ""


def test_a_run_of_another_experiment_is_the_users_mistake(purchase_odds: Experiment) -> None:
    store = MemoryTracker()
    store.start("another", "another-1").end("FINISHED")
    with pytest.raises(UserError, match="of another, not of purchase_odds"):
        choose(store, purchase_odds, "purchases", "another-1")
