"""Training a decoder, and killing it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dlcamp.captioning.decoders import CaptionNet, load_net, save_net
from dlcamp.captioning.train import caption, train_captioner, word_loss
from dlcamp.paths import REPOSITORY
from dlcamp.training.fit import FitResult
from tests.captioning import interrupted_training
from tests.captioning import toy_captions as toy
from tests.training.recorder import Recorder

TRAIN, VAL = toy.captioned(160), toy.captioned(32, seed=1)
VOCABULARY = toy.vocabulary(TRAIN)


def train(folder: Path, **values: Any) -> tuple[CaptionNet, FitResult, Recorder]:
    run = Recorder(folder)
    label = "blind" if values.get("blind") else ""
    config = toy.config(**values)
    net, result, _ = train_captioner(config, VOCABULARY, TRAIN, VAL, run, toy.share_of_first_words_right, label=label)
    return net, result, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaptionNet, FitResult, Recorder]:
    return train(tmp_path_factory.mktemp("trained"), epochs=10)


def test_it_learns_to_say_what_the_features_show(trained: Any) -> None:
    net, result, _ = trained
    assert result.best_value > 0.9
    for beam in (1, 3):
        said = caption(net, VAL.features, VOCABULARY, beam=beam, max_length=8)
        assert toy.share_of_first_words_right(said, VAL.references)["cider"] > 0.9
    assert result.history[-1]["train/loss"] < result.history[0]["train/loss"] / 2


def test_the_score_of_the_best_epoch_is_the_score_of_the_net_returned(trained: Any) -> None:
    net, result, run = trained
    said = caption(net, VAL.features, VOCABULARY, beam=1, max_length=8)
    score = toy.share_of_first_words_right(said, VAL.references)["cider"]
    assert score == result.best_value == run.history()["val/cider", result.best_epoch]


def test_the_bar_counts_captions(trained: Any) -> None:
    _, result, run = trained
    assert (run.unit, run.units) == ("captions", result.epochs_run * 320)


def test_a_blind_net_says_one_thing_and_scores_far_lower(trained: Any, tmp_path: Path) -> None:
    net, result, run = train(tmp_path, epochs=6, blind=True)
    assert len(set(caption(net, VAL.features, VOCABULARY, max_length=8))) == 1
    assert result.best_value < trained[1].best_value - 0.2
    assert ("val/blind_cider", 1) in run.history()


def test_a_saved_net_says_the_same(trained: Any, tmp_path: Path) -> None:
    save_net(trained[0], tmp_path)
    said = [caption(net, VAL.features, VOCABULARY, max_length=8) for net in (trained[0], load_net(tmp_path))]
    assert said[0] == said[1]


def test_every_precision_and_option_trains(tmp_path: Path) -> None:
    options = {"precision": "mixed_bfloat16", "label_smoothing": 0.1, "clip_norm": 0.0, "scaling": "l2"}
    _, result, _ = train(tmp_path, epochs=1, **options)
    assert np.isfinite(result.history[0]["train/loss"])


def test_the_loss_is_the_mean_over_the_words_that_count() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    words = np.array([[1, 2, 0], [3, 0, 0]], np.int32)
    mask = (words > 0).astype(np.float32)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    spoken = [log_p[0, 0, 1], log_p[0, 1, 2], log_p[1, 0, 3]]
    loss = word_loss(0.0)(words, tf.constant(logits), tf.constant(mask))
    assert float(loss) == pytest.approx(-np.mean(spoken), rel=1e-5)
    even = [log_p[0, 0].mean(), log_p[0, 1].mean(), log_p[1, 0].mean()]
    smooth = word_loss(0.2)(words, tf.constant(logits), tf.constant(mask))
    assert float(smooth) == pytest.approx(-(0.8 * np.mean(spoken) + 0.2 * np.mean(even)), rel=1e-5)
    assert float(word_loss(0.0)(words, tf.constant(logits), tf.zeros((2, 3)))) == 0


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", interrupted_training.__name__, str(folder), *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE)


def outcome(folder: Path) -> Any:
    return json.loads((folder / "result.json").read_text())["outcome"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("undisturbed")
    interrupted_training.train(folder)
    return outcome(folder)


def test_interrupted_while_a_checkpoint_is_written_it_ends_as_if_nothing_had_happened(
    undisturbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", interrupted_training.stops_at(2, stop))
    with pytest.raises(KeyboardInterrupt):
        interrupted_training.train(tmp_path)
    monkeypatch.undo()
    interrupted_training.train(tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["said"][0].startswith("continuing after epoch")
    assert outcome(tmp_path) == undisturbed


def stop() -> None:
    raise KeyboardInterrupt


@pytest.mark.slow  # a process imports TensorFlow
def test_killed_while_a_checkpoint_is_written_it_ends_as_if_nothing_had_happened(
    undisturbed: Any, tmp_path: Path
) -> None:
    dying = start(tmp_path, "2")
    dying.communicate()
    assert dying.returncode == -signal.SIGKILL
    assert sorted(p.name for p in (tmp_path / "checkpoint").iterdir()) == ["training.npz", "training.npz.draft"]
    interrupted_training.train(tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["said"][0].startswith("continuing after epoch")
    assert outcome(tmp_path) == undisturbed


@pytest.mark.slow
def test_killed_again_and_again_at_random_moments_it_ends_as_if_nothing_had_happened(
    undisturbed: Any, tmp_path: Path
) -> None:
    moments = random.Random(time.time_ns())
    kills = 0
    while not (tmp_path / "result.json").exists():
        process = start(tmp_path)
        log = tmp_path / "metrics.jsonl"
        size = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (not log.exists() or log.stat().st_size == size) and kills < 6:
            time.sleep(0.01)  # until this process has stored an epoch: every life gets somewhere
        if kills < 6:
            time.sleep(moments.uniform(0, 0.6))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        errors = process.communicate()[1]
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()[-2000:]
    assert kills >= 1
    assert outcome(tmp_path) == undisturbed
