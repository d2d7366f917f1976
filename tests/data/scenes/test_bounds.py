from __future__ import annotations

import random

import pytest

from dlcamp.data.scenes import Scenes, consensus_oracle, judge, sampled_oracle
from dlcamp.data.scenes.bounds import most_agreeing


@pytest.fixture(scope="module")
def data() -> Scenes:
    return Scenes(train=60, val=10, test=40)


@pytest.mark.parametrize("oracle", [sampled_oracle, consensus_oracle])
def test_oracles_tell_the_truth_about_every_image_and_follow_their_seed(data, oracle):
    captions = oracle(data, "test", random.Random(0))
    assert list(captions) == [item.id for item in data.items("test")]
    assert all(judge(caption, data.scene(item)).truthful for item, caption in captions.items())
    assert oracle(data, "test", random.Random(0)) == captions
    assert oracle(data, "test", random.Random(1)) != captions
    assert len(oracle(data, "test", random.Random(0), limit=3)) == 3


def test_the_consensus_is_nearer_to_the_references_than_a_sample(data):
    def said(captions):
        return sum(captions[item.id] in item.references for item in data.items("test"))

    assert said(consensus_oracle(data, "test", random.Random(0))) > said(sampled_oracle(data, "test", random.Random(0)))


def test_the_most_agreeing_caption_shares_most_with_the_others():
    captions = ["two red stars", "two red stars and a box", "a box and two red stars", "a green cross"]
    assert most_agreeing(captions) == "two red stars and a box"
    assert most_agreeing(["one", "one", "two"]) == "one"
