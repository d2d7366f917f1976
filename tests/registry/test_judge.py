"""What counts as smaller or faster, and what kept rows follow from."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcamp.registry import judged_rows
from dlcamp.registry.gate import Files
from dlcamp.registry.judge import Candidate, Rival, lighter
from dlcamp.registry.rescore import Rescored
from dlcamp.tracking.models import MODEL_TAG, client_of
from tests.registry.judged import run
from tests.registry.registering import World

NOTHING = Rescored([], {})


@pytest.mark.parametrize(
    ("own", "theirs", "sizes", "says"),
    [
        ({"cost/latency_ms": 10.0}, {"cost/latency_ms": 10.0001}, (100, 100), ""),
        ({"cost/latency_ms": 9.4}, {"cost/latency_ms": 10.0}, (100, 100), "faster (cost/latency_ms"),
        ({"cost/latency_ms": 9.4}, {}, (100, 100), ""),
        ({"cost/parameters": 96.0}, {"cost/parameters": 100.0}, (100, 100), ""),
        ({"cost/parameters": 95.0}, {"cost/parameters": 100.0}, (100, 100), "smaller (cost/parameters 95"),
        (
            {"cost/parameters": 101.0, "cost/latency_ms": 1.0},
            {"cost/parameters": 100.0, "cost/latency_ms": 9.0},
            (1, 9),
            "",
        ),
        ({"cost/parameters": 100.0}, {"cost/parameters": 100.0}, (10, 100), ""),
        ({}, {}, (99, 100), ""),
        ({}, {}, (90, 100), "smaller (files of 90 bytes instead of 100 bytes)"),
        ({"cost/parameters": 0.0}, {"cost/parameters": 0.0}, (1, 100), ""),
    ],
)
def test_lighter_takes_a_twentieth_and_no_more_parameters(
    own: dict[str, float], theirs: dict[str, float], sizes: tuple[int, int], says: str
) -> None:
    files = Files("m-1", "d", "row", Path(), sizes[0], None, ())
    found = lighter(Candidate(run(metrics=own), files, NOTHING), Rival("1", run(metrics=theirs), sizes[1], NOTHING))
    assert found.startswith(says)
    assert bool(found) == bool(says)


def test_kept_rows_follow_from_the_config_and_from_the_packages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.run(0.5)

    def key() -> str:
        return judged_rows.key(world.store, world.experiment, "purchases", "d", row.tags[MODEL_TAG], "f")

    first = key()
    assert key() == first
    client_of(world.store).set_tag(row.id, "dlcamp.config", '{"skill": 0.6}')
    second = key()
    real = judged_rows.metadata.version
    monkeypatch.setattr(judged_rows.metadata, "version", lambda one: "9" if one == "tensorflow" else real(one))
    assert len({first, second, key()}) == 3
