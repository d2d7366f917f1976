"""Every experiment runs its smoke preset, from the validated config to a finished run whose model reloads."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.discovery import find, listing
from dlcamp.held_models import folder_of
from dlcamp.paths import REPOSITORY
from dlcamp.references import follow
from dlcamp.runner import execute, prepare
from dlcamp.settings import settings
from dlcamp.tracking.proof import agree

EXPERIMENTS = sorted(listing(REPOSITORY))
SLOW = {
    "bench_search_throughput",  # starts six processes, each of which imports what it needs
    "bench_decoders",  # compiles a dozen nets
    "caption_decoders",  # its ablation is in test_smoke_ablations.py
    "caption_gru",  # these differ from caption_lstm in their net alone, which tests of decoders build
    "caption_init_inject",
    "caption_par_inject",
    "caption_attention",  # the ablation of caption_decoders trains it, caption_ensemble two of it, and both prove them
}
HELD = {
    "caption_scst",  # their model is a CaptionPredictor as that of caption_lstm, which is proven here
    "caption_transformer",
    "gradient_vanishing",  # their ablation, in test_smoke_ablations.py, logs and proves a model
    "regularizers",
}
"""Their model is loaded again in this process, and not in a new one, which imports TensorFlow first."""

MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXPERIMENTS]


def of_held(run_id: str) -> tuple[list[object], list[object]]:
    """What the held model of a run answers once it is loaded again, and what it answered in the run."""
    kept = json.loads((folder_of(run_id) / "held.json").read_text("utf-8"))
    model = follow(kept["predictor"]).load(folder_of(run_id) / "predictor")
    inputs = [base64.b64decode(value) if model.kind == "image" else value for value in kept["inputs"]]
    return model.predict(inputs), kept["outputs"]


@pytest.mark.parametrize("name", MARKED)
def test_the_smoke_preset_finishes_with_what_was_promised(name: str, store_home: object) -> None:
    from dlcamp.tracking import open_store

    store = open_store()
    asked = request(Given({"NAME": name, "PRESET": "smoke"}), REPOSITORY)
    plan = prepare(replace(asked, model="hold" if name in HELD else "log"), REPOSITORY)
    outcome = execute(plan, store, lambda line: None)
    row, experiment = outcome.row, plan.request.experiment
    assert row.status == "FINISHED"
    assert math.isfinite(row.metrics[experiment.objective.metric])
    assert row.tags["dlcamp.preset"] == "smoke"
    assert json.loads(row.tags["dlcamp.fingerprint_parts"]) == plan.fingerprint.parts()
    files = set(store.reader.artifacts(row.id))
    assert {"provenance.json", "output.log", "summary.txt", "config_origins.json"} <= files
    if name in HELD:
        answers, expected = of_held(row.id)
        assert len(answers) == len(expected) > 0
        assert all(map(agree, expected, answers))
    elif experiment.predictor:
        assert outcome.proof is not None
        assert outcome.proof.holds
        assert outcome.proof.n > 0
    again = execute(plan, store, lambda line: None)
    assert again.cached == experiment.cache
    assert again.row.id == row.id or not experiment.cache


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_smoke_preset_a_question_and_a_claim_with_what_would_refute_it(name: str) -> None:
    from dlcamp.discovery import load

    one = find(REPOSITORY, name)
    experiment = load(one)
    assert "smoke" in settings(REPOSITORY, one).presets
    assert one.question.endswith("?")
    assert experiment.claims
    assert all(claim.refuted_by for claim in experiment.claims)
