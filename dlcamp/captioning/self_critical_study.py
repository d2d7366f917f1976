"""Self-critical training as a study: a start, the same decoder after it, and both on the same images.

    start given   -> its encoder, decoder and words
    start empty   -> a decoder trained here by cross-entropy (metrics `train/start_loss`, `val/start_cider`)
                  -> drawn captions, rewarded with CIDEr (`train/reward`, `val/cider`)
                  -> what every captioner is measured by (`study.measured`), and the gain over the start, paired

Both speak by the search that the config asks for, so that what is compared is what was learned.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from dlcamp.analysis.bootstrap import Estimate
from dlcamp.captioning.captioner import Decoding
from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet
from dlcamp.captioning.decoding import Search
from dlcamp.captioning.encoding import Encoded, encode
from dlcamp.captioning.precision import settle
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.samples import Captioned
from dlcamp.captioning.scores import CaptionScorer, CaptionScores
from dlcamp.captioning.self_critical import train_self_critical
from dlcamp.captioning.self_critical_config import SelfCriticalConfig
from dlcamp.captioning.study import measured
from dlcamp.captioning.teaching import Taught
from dlcamp.captioning.train import Score, spoken, train_captioner
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import CaptionData, Split
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ConfigError

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun

COMPARED = ("cider", "bleu_4")


class _Start(NamedTuple):
    """What training goes on from. `config` describes it, whatever was asked for."""

    config: SelfCriticalConfig
    net: CaptionNet
    vocabulary: Vocabulary
    encoded: Encoded


def self_critical_study(config: SelfCriticalConfig, data: CaptionData, run: ActiveRun) -> dict[str, float]:
    """Train a captioner on the rewards of its own captions, and measure it beside its start.

    Returns:
        What `study.measured` returns, and for val and test the start's scores (`test/start_cider`) and the gain over
        it with the interval of a paired bootstrap over images (`test/gain_cider`, `_low`, `_high`).

    Raises:
        ConfigError: a start that is no captioner trained on whole captions, or sees with another encoder.
    """
    if isinstance(data, Photographs):
        run.params(data.report())
    start = _given(config, data, run) if config.start else _trained(config, data, run)
    encoded, vocabulary = start.encoded, start.vocabulary
    net, result = train_self_critical(
        start.config, start.net, vocabulary, encoded.train, encoded.val, run, _score(encoded.val)
    )
    taught = Taught(start.config, vocabulary, net, None, result)
    metrics = measured(start.config, data, run, encoded, taught)
    images: dict[Split, Captioned] = (
        {"val": encoded.val, "test": encoded.test} if config.score_test else {"val": encoded.val}
    )
    before, after = (_said(taught, each, images) for each in (start.net, net))
    for split in images:
        metrics |= _gains(split, images[split], before[split], after[split], run)
    return metrics


def _said(taught: Taught, net: CaptionNet, images: Mapping[Split, Captioned]) -> dict[Split, list[str]]:
    """What a decoder says of each split, by one search as the config has it."""
    decoding = Decoding.of(taught.config)
    most = max(len(split.items) for split in images.values())
    search = Search(net, **{**asdict(decoding), "batch": min(decoding.batch, most)}, marks=taught.vocabulary.marks)
    return {split: spoken(search(each.features).tokens, taught.vocabulary) for split, each in images.items()}


def _trained(config: SelfCriticalConfig, data: CaptionData, run: ActiveRun) -> _Start:
    """A decoder trained by cross-entropy in this run."""
    encoded = encode(config, data, run)
    vocabulary = Vocabulary.of(encoded.train.captions, config.min_count)
    settled = config.model_copy(update={"precision": settle(config, vocabulary, encoded.train, run).precision})
    net, _ = train_captioner(
        settled, vocabulary, encoded.train, encoded.val, run, _score(encoded.val),
        label="start", mirrored=encoded.mirrored,
    )  # fmt: skip
    return _Start(settled, net, vocabulary, encoded)


def _given(config: SelfCriticalConfig, data: CaptionData, run: ActiveRun) -> _Start:
    """The start that the config names, and the data set as its encoder sees it."""
    predictor = run.predictor(config.start)
    settled = described_by(predictor, config)
    assert isinstance(predictor, CaptionPredictor)
    assert isinstance(predictor.vocabulary, Vocabulary)
    encoded = encode(settled, data, run)
    seen, given = predictor.encoder.describe(), encoded.encoder.describe()
    if given != seen:
        differing = ", ".join(name for name, value in given.items() if seen.get(name) != value)
        raise ConfigError(
            f"start={config.start} sees with {seen['name']}, but with another {differing} than the config's "
            "encoder_weights and preprocessing give\ngive those that the start was trained with"
        )
    return _Start(settled, predictor.net, predictor.vocabulary, encoded)


def described_by(predictor: object, config: SelfCriticalConfig) -> SelfCriticalConfig:
    """The config with what a start decides: encoder, decoder and its widths, the longest caption.

    Raises:
        ConfigError: it is no single decoder that was trained on whole captions.
    """
    words = getattr(predictor, "vocabulary", None)
    if not isinstance(predictor, CaptionPredictor) or not isinstance(words, Vocabulary):
        what = f"{type(predictor).__name__}" + (f" with words of kind {words.kind!r}" if words else "")
        raise ConfigError(
            f"start={config.start} is a {what}; self-critical training goes on from one decoder that was trained on "
            "whole captions\nname a run of caption_lstm or its like, with recipe=sequences"
        )
    encoder, spec = predictor.encoder.describe(), asdict(predictor.net.spec)
    decided = {name: value for name, value in spec.items() if name in CaptionConfig.model_fields}
    decided |= {"parameters": None, "max_length": predictor.decoding.max_length, "flips": False}
    decided |= {"encoder": encoder.get("scale", encoder["name"]), "features": encoder["output"]}
    return config.model_copy(update={**decided, "encoder_precision": encoder["precision"]})


def _score(val: Captioned) -> Score:
    scorer = CaptionScorer(val.references)

    def score(said: list[str], _references: Sequence[Sequence[str]]) -> Mapping[str, float]:
        return scorer.score(said).scores

    return score


def _gains(split: Split, images: Captioned, start: list[str], said: list[str], run: ActiveRun) -> dict[str, float]:
    """What the start scores, and what was gained over it; both captions of every image are kept as a table."""
    scorer = CaptionScorer(images.references, ids=[item.id for item in images.items])
    before, after = scorer.score(start), scorer.score(said)
    run.text(_side_by_side(before, after), f"start/{split}.csv")
    gained = after.difference(before)
    for name in COMPARED:
        run.say(f"{split} {name}: {_shown(before.scores[name], after.scores[name], gained[name])}")
    metrics = {f"{split}/start_{name}": before.scores[name] for name in COMPARED}
    for name in COMPARED:
        found = gained[name]
        metrics |= {f"{split}/gain_{name}": found.value}
        metrics |= {f"{split}/gain_{name}_low": found.low, f"{split}/gain_{name}_high": found.high}
    return metrics


def _shown(before: float, after: float, gain: Estimate) -> str:
    return f"{before:.3f} -> {after:.3f}, {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] over its start"


def _side_by_side(before: CaptionScores, after: CaptionScores) -> str:
    """item, start, start_cider, caption, cider."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["item", "start", "start_cider", "caption", "cider"])
    columns = zip(before.ids, before.captions, before.cider, after.captions, after.cider, strict=True)
    for item, was, was_cider, now, now_cider in columns:
        writer.writerow([item, was, f"{was_cider:.4f}", now, f"{now_cider:.4f}"])
    return table.getvalue()
