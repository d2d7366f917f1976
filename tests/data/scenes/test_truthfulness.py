from __future__ import annotations

import random

import pytest

from dlcamp.data.scenes import Scenes, rates, report, sampled_oracle
from dlcamp.data.scenes.describe import relatable
from dlcamp.data.scenes.truth import judge
from dlcamp.errors import DataError


@pytest.fixture(scope="module")
def data() -> Scenes:
    return Scenes(train=5, val=5, test=80)


def test_there_is_one_flat_row_an_image_in_the_order_of_the_split(data):
    captions = sampled_oracle(data, "test", random.Random(0))
    rows = report(dict(reversed(captions.items())), data, "test")
    assert [row["item"] for row in rows] == list(captions)
    assert list(rows[0]) == [
        "item", "output", "grammatical", "truthful", "count", "colour", "shape", "size", "relation",
        "binding", "told_relation", "told_binding", "held_out", "objects", "reason",
    ]  # fmt: skip
    assert rows[0]["output"] == captions["test-00000"]


def test_the_oracle_is_right_everywhere_and_groups_add_up(data):
    found = rates(report(sampled_oracle(data, "test", random.Random(0)), data, "test"))
    told = {name: found.pop(name) for name in ("told_relation", "told_binding")}
    assert all(rate.value == 1 for rate in found.values())
    assert all(0.5 < rate.value < 1 for rate in told.values())  # a true caption need not tell all there is
    assert found["truthful_seen_pairs"].n + found["truthful_held_out_pairs"].n == 80
    assert sum(found[f"truthful_{n}_objects"].n for n in (1, 2, 3, 4)) == 80
    assert 0 < found["truthful_relation"].n < 80


def test_shuffled_captions_are_grammatical_and_mostly_false(data):
    said = sampled_oracle(data, "test", random.Random(0))
    moved = dict(zip(said, [*list(said.values())[1:], next(iter(said.values()))], strict=True))
    found = rates(report(moved, data, "test"))
    assert found["grammatical"].value == 1
    assert found["truthful"].value < 0.15


def test_who_states_little_is_judged_on_all_images_that_allow_it(data):
    captions = sampled_oracle(data, "test", random.Random(0))
    rows = report(captions, data, "test")
    related = [row["item"] for row in rows if row["told_relation"]]
    silent = {item: said if item in related[:3] else "a picture of a red star" for item, said in captions.items()}
    found, whole = rates(report(silent, data, "test")), rates(rows)
    assert found["truthful_relation"] == (1, 3)
    assert found["told_relation"] == (pytest.approx(3 / whole["told_relation"].n), whole["told_relation"].n)
    assert found["told_binding"].n == sum(row["objects"] > 1 for row in rows)


def test_no_reference_states_a_relation_of_an_image_that_allows_none(data):
    silent = [item for item in data.items("test") if not relatable(data.scene(item.id))]
    assert 0 < len(silent) < 80
    for item in silent:
        assert {judge(said, data.scene(item.id)).relation_holds for said in item.references} == {None}


def test_what_is_never_stated_has_no_rate(data):
    found = rates(report({"test-00000": "no such sentence"}, data, "test"))
    assert found["grammatical"] == (0, 1)
    assert found["truthful"] == (0, 1)
    assert not {"truthful_count", "truthful_relation"} & set(found)


def test_a_caption_of_another_split_or_of_no_image_is_an_error(data):
    with pytest.raises(DataError, match="a split at a time"):
        report({"val-00000": "a red star"}, data, "test")
    with pytest.raises(DataError, match="no image"):
        report({"test-99999": "a red star"}, data, "test")
