"""Every experiment runs its smoke preset, from the validated config to a finished run whose model reloads."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Literal

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.discovery import find, listing
from dlcamp.paths import REPOSITORY
from dlcamp.runner import Plan, execute, prepare
from dlcamp.settings import settings
from tests.experiments.held import differing

EXPERIMENTS = sorted(listing(REPOSITORY))
SLOW = {
    "bench_search_throughput",  # starts six processes, each of which imports what it needs
    "bench_decoders",  # compiles a dozen nets
    "bench_caption_training",  # compiles five; test_side_by_side.py trains and speaks with what these two are made of
    "bench_decoding",
    "caption_decoders",  # test_caption_decoders.py has a run of it, with attention over the map
    "caption_attention",  # these differ from caption_lstm in their net alone, which tests of decoders build
    "caption_gru",
    "caption_init_inject",
    "caption_par_inject",
    "caption_transformer",
}
HELD = {
    "caption_ensemble",  # their models are made of what that of caption_lstm is made of, which is proven here
    "caption_scst",
    "gradient_vanishing",  # their ablation, in test_smoke_ablations.py, logs and proves a model
    "regularizers",
}
"""Their model is loaded again in this process; a new one, which the slow tests begin, first imports what it needs."""

MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXPERIMENTS]


def planned(name: str, model: Literal["log", "hold"]) -> Plan:
    asked = request(Given({"NAME": name, "PRESET": "smoke"}), REPOSITORY)
    return prepare(replace(asked, model=model), REPOSITORY)


@pytest.mark.parametrize("name", MARKED)
def test_the_smoke_preset_finishes_with_what_was_promised(name: str, store_home: object) -> None:
    from dlcamp.tracking import open_store

    store = open_store()
    plan = planned(name, "hold" if name in HELD else "log")
    outcome = execute(plan, store, lambda line: None)
    row, experiment = outcome.row, plan.request.experiment
    assert row.status == "FINISHED"
    assert math.isfinite(row.metrics[experiment.objective.metric])
    assert row.tags["dlcamp.preset"] == "smoke"
    assert json.loads(row.tags["dlcamp.fingerprint_parts"]) == plan.fingerprint.parts()
    files = set(store.reader.artifacts(row.id))
    assert {"provenance.json", "output.log", "summary.txt", "config_origins.json"} <= files
    if name in HELD:
        assert differing(row.id) == []
    elif experiment.predictor:
        assert outcome.proof is not None
        assert outcome.proof.holds
        assert outcome.proof.n > 0
    again = execute(plan, store, lambda line: None)
    assert again.cached == experiment.cache
    assert again.row.id == row.id or not experiment.cache


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HELD))
def test_its_model_reloads_in_a_new_process(name: str, store_home: object) -> None:
    from dlcamp.tracking import open_store

    proof = execute(planned(name, "log"), open_store(), lambda line: None).proof
    assert proof is not None
    assert proof.holds


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_smoke_preset_a_question_and_a_claim_with_what_would_refute_it(name: str) -> None:
    from dlcamp.discovery import load

    one = find(REPOSITORY, name)
    experiment = load(one)
    assert "smoke" in settings(REPOSITORY, one).presets
    assert one.question.endswith("?")
    assert experiment.claims
    assert all(claim.refuted_by for claim in experiment.claims)
