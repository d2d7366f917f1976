"""The rows beside a run's scores, and the lines and the CSV a person gets of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import pytest

from dlcamp.captioning.bounds import Bound, bounds
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.summary import summary, table_csv
from dlcamp.data.captions import CaptionItem, Split
from dlcamp.data.scenes import Scenes


@dataclass(frozen=True)
class Photographs:
    """A data set whose truth nobody knows."""

    name: str = "photographs"
    digest: str = "1"

    def items(self, split: Split, limit: int | None = None) -> list[CaptionItem]:
        said = [("a dog runs", "the dog is running"), ("a cat sleeps", "one cat asleep"), ("two birds", "birds fly")]
        return [CaptionItem(f"{split}-{index}", pair) for index, pair in enumerate(said)][:limit]

    def image(self, item_id: str) -> bytes:
        return b""


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return Scenes(train=20, val=5, test=12)


@pytest.fixture(scope="module")
def drawn(scenes: Scenes) -> tuple[Results, list[Bound]]:
    """The first reference of each image as what the run said: all of it true."""
    test = scenes.items("test")
    found = measure([item.references[0] for item in test], test, scenes, "test", train_captions=["a circle"])
    return found, bounds(found, scenes.items("train"), test, scenes, ["there is there"] * len(test), seed=0)


def test_drawn_images_have_floors_that_are_mostly_false_and_ceilings_that_are_true(
    drawn: tuple[Results, list[Bound]],
) -> None:
    found, rows = drawn
    assert [(row.name, row.kind) for row in rows] == [
        ("blind", "floor"),
        ("constant", "floor"),
        ("shuffled", "floor"),
        ("sampled", "ceiling"),
        ("consensus", "ceiling"),
    ]
    truthful = {row.name: row.results.value("truthful") for row in rows}
    assert found.value("truthful") == truthful["sampled"] == truthful["consensus"] == 1
    assert max(truthful[name] for name in ("blind", "constant", "shuffled")) < 0.5
    assert {row.results.scores.n for row in rows} == {12}


def test_photographs_have_a_human_row_and_no_truth() -> None:
    data = Photographs()
    test = data.items("test")
    found = measure(["a dog runs", "a dog runs", "two birds"], test, data, "test")
    rows = bounds(found, data.items("train"), test, data, ["a"] * 3, seed=0)
    assert [row.name for row in rows] == ["blind", "constant", "shuffled", "human"]
    assert not found.rates
    text = summary(found, rows, beam=3)
    assert "truthful" not in text
    assert "best   " in text


def test_single_images_are_not_shuffled_and_single_references_have_no_human_row() -> None:
    data, item = Photographs(), CaptionItem("test-0", ("a dog runs",))
    found = measure(["a dog"], [item], data, "test")
    assert [row.name for row in bounds(found, [item], [item], data, ["a"], seed=0)] == ["blind", "constant"]


def test_the_summary_says_n_interval_floors_ceilings_and_why_a_caption_is_wrong(scenes: Scenes) -> None:
    test = scenes.items("test")
    said = ["there is there", *(item.references[0] for item in test[1:])]
    found = measure(said, test, scenes, "test")
    rows = bounds(found, test, test, scenes, said, seed=0)
    lines = summary(found, rows, beam=2).splitlines()
    assert lines[0].split()[:4] == ["test,", "12", "images,", "beam"]
    assert lines[0].split()[-5:] == ["blind", "constant", "shuffled", "sampled", "consensus"]
    truthful = next(line for line in lines if line.strip().startswith("truthful"))
    assert truthful.split()[1] == f"{11 / 12:.3f}"
    places = {line.index("[") for line in lines if "[" in line}
    assert len(places) == 1, "the columns of the table stand under each other"
    assert "  wrong  there is there   (not a sentence of the grammar)" in lines


def test_the_csv_holds_every_measure_with_n_interval_and_bounds(drawn: tuple[Results, list[Bound]]) -> None:
    found, rows = drawn
    table = list(csv.DictReader(io.StringIO(table_csv(found, rows))))
    assert {row["measure"] for row in table} == {*found.rates, *found.scores.scores}
    for row in table:
        assert float(row["low"]) <= float(row["this_run"]) + 1e-6
        assert int(row["n"]) <= 12
        assert "ceiling_consensus" in row


def test_rows_of_predictions_hold_scores_and_the_judgement(drawn: tuple[Results, list[Bound]]) -> None:
    row = drawn[0].rows()[0]
    assert {"item", "output", "cider", "rouge_l", "truthful", "reason", "held_out", "objects"} <= row.keys()
