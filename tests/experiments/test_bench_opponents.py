"""What the benchmarks against the course claim, and when they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.analysis.alternating import FULL_SIZE
from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.errors import ConfigError, DataError
from dlcamp.paths import REPOSITORY
from dlcamp.runner import execute, prepare
from dlcamp.tracking import MemoryTracker


def verdicts(name: str, metrics: dict[str, float]) -> list[str]:
    claims = request(Given({"NAME": name}), REPOSITORY).experiment.claims
    return [claim.verdict(metrics) for claim in claims]


def spread(**ratios: float) -> dict[str, float]:
    return {f"cost/{name}_ratio_{end}": value for name, value in ratios.items() for end in ("low", "high")}


AT_HOME = {
    **spread(vgg16=3.1, lite0=4.9),
    "agreement/vgg16_cosine_min": 0.9999,
    "agreement/lite0_cosine_min": 0.99,
    "agreement/vgg16_weights_real": 1.0,
    "cost/cpu_has_bfloat16": 1.0,
    FULL_SIZE: 1.0,
}


def test_vgg_is_judged_only_on_a_processor_with_bfloat16() -> None:
    assert verdicts("bench_features", AT_HOME) == ["supported", "refuted", "supported", "refuted"]
    without = {**AT_HOME, "cost/cpu_has_bfloat16": 0.0}
    assert verdicts("bench_features", without) == ["undecided", "refuted", "supported", "refuted"]


def test_features_of_random_weights_say_nothing_about_how_well_those_of_vgg_agree() -> None:
    random = {**AT_HOME, "agreement/vgg16_weights_real": 0.0}
    assert verdicts("bench_features", random) == ["supported", "refuted", "undecided", "refuted"]


def test_training_is_judged_in_float32_in_the_better_precision_and_by_the_first_loss() -> None:
    metrics = {**spread(float32=5.1, best=14.0), "agreement/first_loss_difference": 2e-4, FULL_SIZE: 1.0}
    assert verdicts("bench_caption_training", metrics) == ["supported", "refuted", "refuted"]


def test_one_other_caption_refutes_that_decoding_is_the_same() -> None:
    metrics = {**spread(greedy=501.0, beam=199.0), "agreement/captions_identical": 7 / 8, FULL_SIZE: 1.0}
    assert verdicts("bench_decoding", metrics) == ["supported", "refuted", "refuted"]


@pytest.mark.parametrize("name", ["bench_features", "bench_caption_training", "bench_decoding"])
@pytest.mark.parametrize("setting", ["rounds=0", "batch=0", "seed=-1"])
def test_no_round_and_no_size_are_refused_before_a_run_begins(name: str, setting: str) -> None:
    with pytest.raises(ConfigError):
        request(Given({"NAME": name, "SET": setting}), REPOSITORY)


def test_weights_that_are_named_but_not_there_are_an_error_and_not_replaced_by_random_ones(
    fresh_home: Path, tmp_path: Path
) -> None:
    settings = f"encoder_weights={tmp_path / 'vgg16.h5'} images=1 loop_images=1 rounds=1"
    asked = request(Given({"NAME": "bench_features", "SET": settings}), REPOSITORY)
    with pytest.raises(DataError, match="no weights of VGG16"):
        execute(prepare(asked, REPOSITORY), MemoryTracker(), lambda line: None)
