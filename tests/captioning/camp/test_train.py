"""Training and captioning as the course does, beside the course's own functions; interrupted and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlcamp.captioning.camp import as_taught
from dlcamp.captioning.camp.rows import rows
from dlcamp.captioning.camp.train import train_camp, transcripts
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet, DecoderSpec, build, load_net
from dlcamp.captioning.decoding import Search
from dlcamp.captioning.samples import Captioned
from dlcamp.paths import REPOSITORY
from dlcamp.training.checkpoints import weights_hash
from dlcamp.training.fit import FitResult
from tests.captioning import toy_captions as toy
from tests.captioning.camp import interrupted_course
from tests.captioning.camp import small_course as course
from tests.captioning.camp.interrupted_course import KeepingRecorder

TRAIN, TEST = interrupted_course.DATA, toy.captioned(12, seed=1)
TOKENIZER = interrupted_course.TOKENIZER

Trained = tuple[CaptionNet, FitResult, KeepingRecorder, dict[str, Any]]


def as_the_course_builds_it(net: CaptionNet, dropout: bool) -> keras.Model:
    """`caption_model` with the weights of `net`; its dropout switched off if asked."""
    model = as_taught.caption_model(net.spec.vocabulary_size, TOKENIZER.max_length, net.spec.feature_shape[0])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and not dropout:
            layer.rate = 0.0
    ours = {layer.name: layer for layer in net.teacher.layers}
    kinds = {"image": 0, "hidden": 1, "logits": 2}
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for name, place in kinds.items():
        dense[place].set_weights(ours[name].get_weights())
    for name, kind in (("embedding", keras.layers.Embedding), ("lstm", keras.layers.LSTM)):
        next(layer for layer in model.layers if isinstance(layer, kind)).set_weights(ours[name].get_weights())
    return model


def wide_net(**values: Any) -> CaptionNet:
    """The course's widths, on the toy words."""
    spec = DecoderSpec("camp", len(TOKENIZER), (toy.CHANNELS,), scaling="none", dropout=0.5)
    return build(replace(spec, **values), seed=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return interrupted_course.train(tmp_path_factory.mktemp("trained"))


def test_it_learns_to_say_what_the_features_show(trained: Trained) -> None:
    net, result, run, _ = trained
    said = [
        text.removeprefix("startseq ").removesuffix(" endseq") for text in transcripts(net, TEST.features, TOKENIZER)
    ]
    assert toy.share_of_first_words_right(said, TEST.references)["cider"] > 0.8
    assert (result.epochs_run, result.best_epoch, result.stopped_early) == (4, 4, False)
    assert sorted({name for name, _ in run.history()}) == ["train/loss"]
    assert (run.unit, run.units) == ("images", 4 * 32)


def test_the_net_of_each_epoch_is_kept_as_an_artifact(trained: Trained) -> None:
    net, _, run, _ = trained
    assert sorted(run.kept) == [f"epochs/{n:02d}/decoder.npz" for n in range(1, 5)]
    kept = [load_net(run.artifacts / "epochs" / f"{n:02d}") for n in (3, 4)]
    assert weights_hash(kept[0].teacher) != weights_hash(kept[1].teacher) == weights_hash(net.teacher)
    assert not list((run.folder / "epochs").iterdir()), "the run's folder holds no second copy"


def test_the_loss_and_the_first_step_are_those_of_the_course_as_taught(tmp_path: Path) -> None:
    config = course.config(units=256, embedding=256, dropout=0.0, epochs=1, seed=4, learning_rate=1e-3)
    one = Captioned(TRAIN.features[:1], TRAIN.items[:1])
    run = KeepingRecorder(tmp_path)
    net, result = train_camp(config, TOKENIZER, one, run, label="second")
    model = as_the_course_builds_it(wide_net(), dropout=False)
    tokenizer = course.keras_tokenizer(TOKENIZER)
    captions = course.wrapped({one.items[0].id: one.items[0].references})
    batch, words = next(
        as_taught.data_generator(captions, {one.items[0].id: one.features}, tokenizer, TOKENIZER.max_length)
    )
    loss = model.train_on_batch(batch, words)
    assert result.history[0]["train/loss"] == pytest.approx(float(loss), rel=1e-5)
    after = as_the_course_builds_it(net, dropout=False)
    for ours, theirs in zip(after.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert [name for name, _ in run.history()] == ["train/second_loss"]
    assert run.kept == [], "epochs are kept only where the config asks"


def test_the_network_and_the_search_say_what_the_course_as_taught_says_and_stop_at_0() -> None:
    net = build(wide_net().spec, seed=5)
    for variable in net.teacher.trainable_variables:
        variable.assign(variable * 3)  # sharper, so that captions differ
    model = as_the_course_builds_it(net, dropout=True)
    (features, prefixes), _ = rows(TRAIN, TOKENIZER).batch(0)
    probabilities = keras.ops.softmax(net.teacher([features, prefixes], training=False))
    np.testing.assert_allclose(model([features, prefixes], training=False), probabilities, atol=1e-5)
    tokenizer = course.keras_tokenizer(TOKENIZER)
    photos = TEST.features[:3]
    taught = [as_taught.generate_caption(model, tokenizer, photo[None], TOKENIZER.max_length) for photo in photos]
    assert transcripts(net, photos, TOKENIZER) == taught
    assert len({word for text in taught for word in text.split()}) > 2, "else this would mean little"

    only_0 = np.where(np.arange(len(TOKENIZER)) == 0, 100, 0).astype(np.float32)
    for layer in (net.teacher.get_layer("logits"), model.layers[-1]):
        layer.bias.assign(only_0)
    assert as_taught.generate_caption(model, tokenizer, photos[:1], TOKENIZER.max_length) == "startseq"
    assert transcripts(net, photos, TOKENIZER) == ["startseq"] * 3
    assert not Search(net, beam=3, max_length=5, marks=TOKENIZER.marks)(photos).tokens.any()


def test_the_courses_values_are_a_valid_config() -> None:
    config = CaptionConfig.model_validate(course.AS_TAUGHT)
    assert (config.units, config.epochs, config.clip_norm) == (256, 20, 0)


def test_interrupted_it_ends_as_if_nothing_had_happened(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_course.train(tmp_path, stop=stop_in_epoch(3))
    _, _, run, outcome = interrupted_course.train(tmp_path)
    assert outcome == trained[3]
    assert run.lines[0].startswith("continuing after epoch")


def stop_in_epoch(number: int) -> Any:
    epochs: Iterator[int] = iter(range(1, 99))

    def stop() -> None:
        if next(epochs) == number:
            raise KeyboardInterrupt

    return stop


@pytest.mark.slow
def test_killed_while_an_epoch_is_kept_it_ends_as_if_nothing_had_happened(trained: Trained, tmp_path: Path) -> None:
    command = [sys.executable, "-m", interrupted_course.__name__, str(tmp_path), "3"]
    dying = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=False)
    assert dying.returncode == -signal.SIGKILL
    assert list((tmp_path / "epochs").iterdir()), "it died with an epoch's files in its folder"
    *_, outcome = interrupted_course.train(tmp_path)
    assert outcome == trained[3]
