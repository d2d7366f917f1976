"""What a run keeps of a captioner: the same totals that re-scoring gives, and what must be said beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dlcamp.captioning.captioner import Decoding, Eye
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import DecoderSpec, build
from dlcamp.captioning.gains import Rival
from dlcamp.captioning.judging import Subject, Viewed, judge
from dlcamp.captioning.novelty import Novelty
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.study import rescore
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import Split
from dlcamp.data.scenes import Scenes
from dlcamp.vision.encoder import lite0
from tests.captioning.test_encoding import Notes

SCENES = Scenes(train=40, val=8, test=8)


class Kept(Notes):
    """A run that also remembers its rows."""

    name = "a-run"

    def predictions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = [dict(row) for row in rows]


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A decoder that was not trained; its model is not kept."""
    encoder = lite0(precision="float32")
    train, val, test = (SCENES.items(split) for split in ("train", "val", "test"))
    vocabulary = Vocabulary.of(said for item in train for said in item.references)
    images = [SCENES.image(item.id) for item in (*val, *test)]
    eye = Eye(encoder)
    features = eye.features([encoder.pixels(image, "an image") for image in images])
    net = build(DecoderSpec("merge", len(vocabulary), encoder.shape, units=8, embedding=8, length=22), seed=3)
    net.fit_features(features)
    novelty = Novelty.fit(features[:12], features[12:])
    captioner = CaptionPredictor(encoder, net, vocabulary, Decoding(beam=1, max_length=8), "scenes", novelty)
    captioner.eyes = (eye,)  # compiled already
    views = Viewed(val, features[: len(val)]), Viewed(test, features[len(val) :])
    rival = Rival("start", lambda split: [item.references[0] for item in SCENES.items(split)])
    return Subject(captioner, train, *views, substituted="lite0 for vgg16", loadable=False, rival=rival)


@pytest.mark.parametrize(("score_test", "split"), [(False, "val"), pytest.param(True, "test", marks=pytest.mark.slow)])
def test_rescoring_gives_the_totals_and_rows_of_the_run(
    subject: Subject, score_test: bool, split: Split, tmp_path: Path
) -> None:
    config, run = CaptionConfig(score_test=score_test), Kept(tmp_path)
    metrics = judge(config, SCENES, run, subject)
    rows, totals = rescore(subject.captioner, SCENES, config, split)
    assert {name: metrics[name] for name in totals} == pytest.approx(totals)
    assert {f"{split}/ranked_colour", f"{split}/ranked_shape"} <= totals.keys()
    assert {f"{split}/cider", f"{split}/truthful", f"{split}/length_ratio", f"{split}/copied_share"} <= totals.keys()
    assert any(name.startswith("test/") for name in metrics) == score_test
    if score_test:
        assert [row["output"] for row in run.rows] == [row["output"] for row in rows]
        assert run.rows[0].keys() == rows[0].keys()
        assert (
            metrics["test/shuffled_cider_low"] <= metrics["test/shuffled_cider"] <= metrics["test/shuffled_cider_high"]
        )
    told = run.texts["summary.txt"].splitlines()
    assert "SUBSTITUTED: lite0 for vgg16; this run never becomes a champion" in told
    for gained in ("val", "test") if score_test else ("val",):
        assert sum(line.startswith(f"{gained}, ") and "over its start" in line for line in told) == 2
