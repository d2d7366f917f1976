"""Self-critical training as a study: a start, the same decoder after it, and both on the same images.

    start given   -> its encoder, decoder and words
    start empty   -> a decoder trained here by cross-entropy (metrics `train/start_loss`, `val/start_cider`)
                  -> drawn captions, rewarded with CIDEr (`train/reward`, `val/cider`)
                  -> what every captioner is measured by (`study.measured`), and the gain over the start, paired

Both speak by the search that the config asks for, so that what is compared is what was learned.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import CaptionNet
from dlcamp.captioning.encoding import Encoded, encode, named_encoder
from dlcamp.captioning.gains import Rival
from dlcamp.captioning.precision import settle
from dlcamp.captioning.predictor import CaptionPredictor
from dlcamp.captioning.self_critical import train_self_critical
from dlcamp.captioning.self_critical_config import SelfCriticalConfig
from dlcamp.captioning.study import measured
from dlcamp.captioning.teaching import Taught, check_size
from dlcamp.captioning.train import scoring, train_captioner
from dlcamp.captioning.vocabulary import Vocabulary
from dlcamp.data.captions import CaptionData, Split
from dlcamp.data.photographs import Photographs
from dlcamp.errors import ConfigError
from dlcamp.vision.encoder import Encoder

if TYPE_CHECKING:
    from dlcamp.tracking.handle import ActiveRun


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
        it with the interval of a paired bootstrap over images (`test/gain_cider`, `_low`, `_high`): see `gains.gains`.

    Raises:
        ConfigError: a start that is no captioner trained on whole captions, or sees with another encoder.
    """
    if isinstance(data, Photographs):
        run.params(data.report())
    start = _given(config, data, run) if config.start else _trained(config, data, run)
    encoded, vocabulary = start.encoded, start.vocabulary
    net, result = train_self_critical(
        start.config, start.net, vocabulary, encoded.train, encoded.val, run, scoring(encoded.val)
    )
    taught = Taught(start.config, vocabulary, net, None, result)

    def said_before(split: Split) -> list[str]:
        return taught.speak(start.net, getattr(encoded, split).features)

    return measured(start.config, data, run, encoded, taught, Rival("start", said_before))


def _trained(config: SelfCriticalConfig, data: CaptionData, run: ActiveRun) -> _Start:
    """A decoder trained by cross-entropy in this run."""
    check_size(config, data)
    encoded = encode(config, data, run)
    vocabulary = Vocabulary.of(encoded.train.captions, config.min_count)
    settled = config.model_copy(update={"precision": settle(config, vocabulary, encoded.train, run).precision})
    start = train_captioner(
        settled, vocabulary, encoded.train, encoded.val, run, scoring(encoded.val),
        label="start", mirrored=encoded.mirrored,
    )  # fmt: skip
    return _Start(settled, start.net, vocabulary, encoded)


def _given(config: SelfCriticalConfig, data: CaptionData, run: ActiveRun) -> _Start:
    """The start that the config names, and the data set as its encoder sees it."""
    predictor = run.predictor(config.start)
    settled = described_by(predictor, config)
    assert isinstance(predictor, CaptionPredictor)
    assert isinstance(predictor.vocabulary, Vocabulary)
    refuse_another_encoder(predictor.encoder, named_encoder(settled), settled)  # before images are read with it
    encoded = encode(settled, data, run)
    refuse_another_encoder(predictor.encoder, encoded.encoder, settled)
    return _Start(settled, predictor.net, predictor.vocabulary, encoded)


def refuse_another_encoder(seen: Encoder, given: Encoder, config: SelfCriticalConfig) -> None:
    """ConfigError unless the start was trained on what the encoder gives."""
    was, now = seen.describe(), given.describe()
    if was != now:
        differing = ", ".join(name for name, value in now.items() if was.get(name) != value)
        raise ConfigError(
            f"start={config.start} sees with {was['name']}, but with another {differing} than the config's "
            "encoder_weights and preprocessing give\ngive those that the start was trained with"
        )


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
