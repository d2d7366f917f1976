"""Captioners that differ in one thing differ in nothing else: the blocks that their yamls repeat say the same."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dlcamp.config import Layer, flatten, resolve
from dlcamp.discovery import find, load
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.settings import settings

DECODERS = ("caption_attention", "caption_gru", "caption_init_inject", "caption_par_inject", "caption_transformer")
NET = {"decoder", "features"}


@functools.cache
def load_once(name: str) -> Experiment:
    return load(find(REPOSITORY, name))


@functools.cache
def config(name: str, data: str) -> dict[str, Any]:
    """What a run of the experiment on the data set has."""
    written, experiment = settings(REPOSITORY, find(REPOSITORY, name)), load_once(name)
    layers = [Layer("base", written.base), Layer("data", written.data.get(data, {}))]
    return flatten(resolve(experiment.config_type, layers).config.model_dump(mode="python"))


def differing(first: str, second: str, data: str) -> set[str]:
    """Fields that both have, with other values."""
    one, other = config(first, data), config(second, data)
    return {field for field in one.keys() & other.keys() if one[field] != other[field]}


@pytest.mark.parametrize("data", ["scenes", "flickr8k", "mine"])
def test_the_decoders_are_taught_alike(data: str) -> None:
    for name in DECODERS[1:]:
        assert differing(DECODERS[0], name, data) <= NET, name
    assert differing("caption_attention", "caption_ensemble", data) <= {"blind_epochs"}
    assert differing("caption_lstm", "caption_scst", data) <= {"blind_epochs"}, "its start"


def test_photographs_are_taught_alike_whatever_the_question() -> None:
    for name in ("caption_lstm", *DECODERS, "caption_ensemble", "caption_scst", "caption_decoders"):
        assert config(name, "mine") == config(name, "flickr8k"), name
    allowed = NET | {"parameters", "patience", "blind_epochs"}  # patience: as many as there are epochs, or more
    assert differing("caption_attention", "caption_decoders", "flickr8k") <= allowed


def test_trials_of_every_captioner_leave_test_alone() -> None:
    for name in ("caption_lstm", *DECODERS, "caption_ensemble", "caption_scst", "caption_decoders"):
        assert load_once(name).config_type.trial_values() == {"score_test": False}, name
