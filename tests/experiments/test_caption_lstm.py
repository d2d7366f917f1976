"""The course's preset: its own settings to the letter, its metric beside the honest one, its substitute said."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from dlcamp.cli.commands import Given
from dlcamp.cli.ending import ending
from dlcamp.cli.exp import request
from dlcamp.errors import Refusal
from dlcamp.paths import REPOSITORY
from dlcamp.runner import cached_run, execute, prepare
from tests.experiments.held import differing

TINY = "train_images=12 val_images=4 test_images=4 units=8 embedding=8 epochs=2 blind_epochs=0"


def test_the_preset_camp_trains_as_the_course_does() -> None:
    from tests.captioning.camp.small_course import AS_TAUGHT

    asked = request(Given({"NAME": "caption_lstm", "PRESET": "camp", "DATA": "flickr8k"}), REPOSITORY)
    config = asked.resolved.config
    assert {name: getattr(config, name) for name in AS_TAUGHT} == AS_TAUGHT
    assert (config.recipe, config.encoder, config.preprocessing) == ("camp", "vgg16", "course")
    assert config.save_epochs
    assert config.output_dropout == 0
    assert asked.data == "flickr8k"


def test_photographs_are_trained_with_their_own_settings() -> None:
    on_scenes = request(Given({"NAME": "caption_lstm"}), REPOSITORY).resolved
    on_photographs = request(Given({"NAME": "caption_lstm", "DATA": "flickr8k"}), REPOSITORY).resolved
    assert on_scenes.origins["epochs"] == "base of caption_lstm.yaml"
    assert on_photographs.origins["epochs"] == "data flickr8k of caption_lstm.yaml"
    assert on_photographs.config.output_dropout > on_scenes.config.output_dropout == 0


def test_without_vgg_the_preset_runs_says_so_everywhere_and_never_becomes_a_champion(
    store_home: Path, no_weights: None
) -> None:
    from dlcamp.registry.register import register
    from dlcamp.tracking import open_store

    store, said = open_store(), []
    asked = request(Given({"NAME": "caption_lstm", "PRESET": "camp", "SET": TINY}), REPOSITORY)
    plan = prepare(replace(asked, model="hold"), REPOSITORY)
    outcome = execute(plan, store, said.append)
    row, files = outcome.row, set(store.reader.artifacts(outcome.row.id))
    assert row.status == "FINISHED"
    assert differing(row.id) == []
    assert all(math.isfinite(row.metrics[f"test/camp_bleu_{order}"]) for order in range(1, 5))
    assert {"epochs/01/decoder.npz", "epochs/02/decoder.npz", "substituted.txt"} <= files
    told = "EfficientNet-Lite0 in the place of vgg16"
    assert told in row.tags["dlcamp.substituted"]
    for name in ("summary.txt", "gallery.html"):
        assert told in store.reader.fetch(row.id, name).read_text("utf-8")
    shown = ending(outcome, plan.request.experiment, store)
    assert told in shown.splitlines()[1]
    assert "a student's on Flickr8k: 0.564 / 0.297 / 0.125 / 0.070" in shown
    assert "make register" not in shown
    assert any("SET=encoder_weights=" in line for line in said)
    with pytest.raises(Refusal, match="runs with a substituted encoder never become a champion"):
        register(store, plan.request.experiment, "scenes", run=row.id)
    assert cached_run(plan, store.reader) is None, "with the weights another time it would be another run"
