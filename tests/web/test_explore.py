"""The explore page: groups, filters, what is averaged, what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import QueryParams

from dlcamp.tracking import MemoryTracker
from dlcamp.web.explore import Explored, explore
from dlcamp.web.explore_query import Query
from tests.web.conftest import words


def cell(
    tracker: MemoryTracker,
    variant: str = "none",
    seed: int = 0,
    value: float | None = 0.9,
    *,
    axes: Mapping[str, str] | None = None,
    status: str = "FINISHED",
    experiment: str = "regularizers",
    data: str = "noisy_digits",
    digest: str = "sha256:1",
    preset: str = "",
) -> str:
    """One cell, as the ablation writes it."""
    tags = {"dlcamp.kind": "cell", "dlcamp.variant": variant, "dlcamp.axes": json.dumps(dict(axes or {}))}
    tags |= {"dlcamp.data": data, "dlcamp.data_digest": digest, "dlcamp.preset": preset}
    run = tracker.start(experiment, f"{experiment}-{variant}-s{seed}", tags)
    run.params({"seed": seed})
    run.metrics({"val/accuracy": 0.5} if value is None else {"test/accuracy": value, "val/accuracy": 0.5})
    run.end(status)  # type: ignore[arg-type]
    return run.id


def ask(tracker: MemoryTracker, address: str = "name=regularizers") -> Explored:
    return explore(tracker, Query.parse(QueryParams(address)), ["test/accuracy"])


def test_runs_are_grouped_by_everything_in_which_they_differ(tracker: MemoryTracker) -> None:
    for size in ("500", "100"):
        for seed in range(3):
            cell(tracker, "none", seed, 0.5 + seed / 100, axes={"train_images": size})
            cell(tracker, "dropout", seed, 0.6, axes={"train_images": size})
    found = ask(tracker)
    assert found.factors == ("variant", "train_images")
    expected = [f"{variant} · train_images={size}" for variant in ("none", "dropout") for size in ("100", "500")]
    assert [group.label for group in found.groups] == expected
    first = found.groups[0]
    assert (first.mean.n, round(first.mean.mean or 0, 4), [seed.value for seed in first.seeds]) == (
        3, 0.51, [0.5, 0.51, 0.52],
    )  # fmt: skip
    assert first.mean.low is not None


def test_what_is_no_group_is_averaged_within_a_seed_and_said(tracker: MemoryTracker) -> None:
    for seed in range(2):
        cell(tracker, "none", seed, 0.4, axes={"depth": "2"})
        cell(tracker, "none", seed, 0.6, axes={"depth": "4"})
        cell(tracker, "dropout", seed, 0.7, axes={"depth": "2"})
    cell(tracker, "dropout", 0, 0.9, axes={"depth": "4"})
    found = ask(tracker, "name=regularizers&group=&group=variant")
    assert [(group.label, group.mean.n) for group in found.groups] == [("none", 2), ("dropout", 2)]
    assert [seed.value for seed in found.groups[0].seeds] == [0.5, 0.5]
    assert found.averaged == ("depth",)
    assert any("dropout" in note and "1 to 2 runs" in note for note in found.notes)


def test_a_repeated_run_counts_once_and_the_newest_does(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0, 0.1)
    cell(tracker, "none", 0, 0.9)
    (group,) = ask(tracker).groups
    assert [seed.value for seed in group.seeds] == [0.9]


def test_failed_runs_are_in_no_mean(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0, 0.8)
    cell(tracker, "none", 1, 0.1, status="FAILED")
    (group,) = ask(tracker, "name=regularizers&status=any").groups
    assert (group.mean.mean, group.failed) == (0.8, 1)
    assert [seed.counts for seed in group.seeds] == [True, False]
    assert ask(tracker).runs == 1


def test_smoke_runs_count_only_when_they_are_asked_for(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    cell(tracker, "none", 1, preset="smoke")
    cell(tracker, "none", 2, preset="size")
    runs = {preset: ask(tracker, f"name=regularizers&preset={preset}").runs for preset in ("", "any", "none", "smoke")}
    assert runs == {"": 2, "any": 3, "none": 1, "smoke": 1}


def test_runs_on_other_data_are_refused_unless_data_make_the_groups(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    cell(tracker, "none", 0, data="mnist", digest="sha256:2")
    assert "cannot be compared" in ask(tracker, "name=regularizers&group=&group=variant").refusal
    by_data = ask(tracker, "name=regularizers&group=&group=data")
    assert (by_data.refusal, [group.label for group in by_data.groups]) == ("", ["noisy_digits", "mnist"])
    assert ask(tracker, "name=regularizers&data=mnist").refusal == ""


def test_one_data_set_that_changed_is_refused_in_any_case(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    cell(tracker, "none", 1, digest="sha256:2")
    assert "changed" in ask(tracker, "name=regularizers&group=&group=data").refusal


def test_a_metric_that_no_run_has_is_said_and_another_is_drawn(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    found = ask(tracker, "name=regularizers&metric=test/bleu")
    assert found.metric == "test/accuracy"
    assert "None of these runs has test/bleu" in found.notes[0]


def test_runs_without_the_metric_are_counted(tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    cell(tracker, "none", 1, None)
    (group,) = ask(tracker).groups
    assert (group.mean.n, group.lacking) == (1, 1)


@pytest.mark.parametrize(
    "address",
    [
        "name=a&name=b&metric=test%2Faccuracy&group=variant&group=depth&preset=size&data=mnist",
        "name=a&status=any&preset=any",
        "name=a&group=",
        "name=a",
    ],
)
def test_an_address_holds_the_whole_question(address: str) -> None:
    from dlcamp.web.site import query

    asked = Query.parse(QueryParams(address))
    assert query(asked.values()) == address


def test_an_odd_address_is_no_error(client: TestClient, tracker: MemoryTracker) -> None:
    cell(tracker, "none", 0)
    for odd in (
        "status=%00",
        "group=<script>",
        "name=" + "x" * 5000,
        "metric=%F0%9F%98%80",
        "&".join(["name=a"] * 300),
    ):
        answer = client.get(f"/explore?name=regularizers&{odd}")
        assert answer.status_code == 200, odd
        assert "<script>" not in answer.text


def test_the_page_draws_dots_and_an_axis_and_names_the_command_that_tests(
    client: TestClient, tracker: MemoryTracker
) -> None:
    for variant in ("none", "dropout"):
        for size in ("100", "200"):
            for seed in range(3):
                cell(tracker, variant, seed, 0.5 + seed / 100, axes={"train_images": size}, preset="size")
    page = client.get("/explore?name=regularizers&preset=size").text
    assert 'data-figure="figure-dots"' in page
    assert 'data-figure="figure-axis"' in page
    assert "make compare NAMES=regularizers METRIC=test/accuracy PRESET=size" in words(page)
    assert "none 100 3 51.0" in words(page)


def test_nothing_picked_and_nothing_left_are_said(client: TestClient, tracker: MemoryTracker) -> None:
    assert "No experiment has runs yet" in words(client.get("/explore").text)
    cell(tracker, "none", 0, preset="smoke")
    assert "Pick one or more experiments" in words(client.get("/explore").text)
    assert "without them there are 1 run" in words(client.get("/explore?name=regularizers").text)
    assert "called nothing" in words(client.get("/explore?name=nothing").text)


def test_two_experiments_stand_beside_each_other(tracker: MemoryTracker) -> None:
    cell(tracker, "", 0, 0.9)
    cell(tracker, "", 0, 0.8, experiment="other")
    found = ask(tracker, "name=regularizers&name=other")
    assert found.factors == ("experiment",)
    assert sorted(group.label for group in found.groups) == ["other", "regularizers"]
