"""What the benchmark of the decoders claims, when it may not, and what it refuses."""

from __future__ import annotations

import csv

import pytest

from dlcamp.analysis.alternating import FULL_SIZE
from dlcamp.analysis.result_rows import COLUMNS
from dlcamp.cli.commands import Given
from dlcamp.cli.exp import request
from dlcamp.errors import ConfigError
from dlcamp.paths import REPOSITORY
from dlcamp.runner import execute, prepare
from dlcamp.tracking import MemoryTracker

MEASURED = {
    "cost/share_of_floor_low": 0.51,
    "cost/share_of_floor_high": 0.6,
    "latency/slowest_ms": 60.0,
    "memory/peak_gb": 2.2,
    "cost/merge_bucketing_ratio_low": 1.2,
    "cost/merge_bucketing_ratio_high": 1.4,
    "cost/attention_bucketing_ratio_low": 1.1,
    "cost/attention_bucketing_ratio_high": 1.3,
    FULL_SIZE: 1.0,
}


def verdicts(**changed: float) -> list[str]:
    claims = request(Given({"NAME": "bench_decoders"}), REPOSITORY).experiment.claims
    return [claim.verdict({**MEASURED, **changed}) for claim in claims]


def test_the_claims_are_about_the_floor_the_photo_the_memory_and_the_buckets() -> None:
    assert verdicts() == ["supported"] * 4
    changed = {"cost/share_of_floor_high": 0.49, "cost/share_of_floor_low": 0.4, "memory/peak_gb": 4.0}
    changed |= {"latency/slowest_ms": 100.0, "cost/attention_bucketing_ratio_low": 0.8}
    changed |= {"cost/attention_bucketing_ratio_high": 0.99}
    assert verdicts(**changed) == ["refuted"] * 4


def test_an_interval_around_the_limit_decides_nothing() -> None:
    assert verdicts(**{"cost/share_of_floor_low": 0.45})[0] == "undecided"
    assert verdicts(**{"cost/attention_bucketing_ratio_low": 0.74})[3] == "undecided"


def test_where_anything_was_made_smaller_nothing_is_judged() -> None:
    assert verdicts(**{FULL_SIZE: 0.0}) == ["undecided"] * 4


@pytest.mark.parametrize("setting", ["rounds=0", "photos=0", "decoders=camp", "precisions=float16"])
def test_what_cannot_be_measured_is_refused_when_it_is_asked_for(setting: str) -> None:
    with pytest.raises(ConfigError):
        request(Given({"NAME": "bench_decoders", "SET": setting}), REPOSITORY)


@pytest.mark.parametrize("setting", ["decoders=", "decoders=merge,merge", "precisions=float32,float32"])
def test_nothing_or_one_thing_twice_is_refused_before_a_run_begins(setting: str) -> None:
    asked = request(Given({"NAME": "bench_decoders", "SET": setting}), REPOSITORY)
    with pytest.raises(ConfigError, match="name one or more, each once"):
        prepare(asked, REPOSITORY)


@pytest.mark.slow  # two decoders are compiled twice, and a process of its own imports TensorFlow
def test_every_decoder_is_measured_in_each_precision_and_every_measure_has_its_row() -> None:
    settings = (
        "rounds=1 decoders=merge,attention parameters=480000 vocabulary_size=1 captions=16 batch=8 floor_steps=1 "
        "eager_steps=1 photos=1 memory_images=8"
    )
    store = MemoryTracker()
    asked = request(Given({"NAME": "bench_decoders", "SET": settings}), REPOSITORY)
    row = execute(prepare(asked, REPOSITORY), store, lambda line: None).row
    names = ("merge_float32", "merge_bfloat16", "attention_float32", "attention_bfloat16")
    assert all(row.metrics[f"cost/{name}_floor_captions_per_second"] > 0 for name in names)
    assert row.metrics["memory/peak_gb"] > row.metrics["memory/mapped_gb"] > 0
    written = csv.DictReader(store.reader.fetch(row.id, "bench_decoders.csv").read_text("utf-8").splitlines())
    assert tuple(written.fieldnames or ()) == COLUMNS
    measures = [entry["measure"] for entry in written]
    assert len(measures) == len(set(measures))
    assert all(f"{name.replace('_', ' ')}, share of the floor" in measures for name in names)
