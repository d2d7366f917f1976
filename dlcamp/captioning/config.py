"""The parameters that every captioning experiment shares, whatever its decoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dlcamp.config import ExperimentConfig, tune
from dlcamp.errors import ConfigError
from dlcamp.spaces import Choice, Float, Int

ATTENDING = ("attention", "transformer")
"""Decoders that look at the positions of a map of features."""


class CaptionConfig(ExperimentConfig):
    """What a decoder is, how it is trained, how it speaks."""

    decoder: Literal["merge", "gru", "init_inject", "par_inject", "attention", "transformer"] = tune(
        "merge", help="where the image meets the words; attention and transformer need features=map"
    )
    blind: bool = tune(False, help="exchange every image for zeros: the language-model floor")
    recipe: Literal["sequences", "camp"] = tune(
        "sequences", help="camp: tokenizer, prefix rows, one image a batch, greedy search and metric as the course has"
    )
    encoder: Literal["lite0", "lite1", "lite2", "vgg16", "vgg19"] = tune(
        "lite0", help="what turns an image into features"
    )
    encoder_weights: str = tune("", help="path of the encoder's weights; empty: the published ones")
    encoder_precision: Literal["auto", "float32", "mixed_bfloat16"] = tune(
        "auto", help="what the encoder computes in; auto: the faster one on this machine, timed once"
    )
    preprocessing: Literal["own", "course"] = tune("own", help="course: VGG's input as the course prepares it")
    substitute: bool = tune(False, help="go on with lite0 where the encoder's weights cannot be had; the run says so")
    features: Literal["pooled", "map"] = tune("pooled", help="one vector an image, or the map (7x7, VGG 14x14)")
    features_file: str = tune("", help="the course's features.pkl, in the place of extraction")
    tokenizer_file: str = tune("", help="the course's tokenizer.pkl, for the recipe camp")
    scaling: Literal["standardise", "l2", "none"] = tune(
        "standardise", space=Choice("standardise", "l2"), help="what is done to the features first"
    )
    units: int = tune(256, valid=Int(2, 4096), space=Int(128, 512, log=True, step=8), help="recurrent and hidden width")
    embedding: int = tune(256, valid=Int(2, 4096), space=Int(128, 512, log=True), help="width of a word's vector")
    parameters: int | None = tune(
        None, valid=Int(1000, 1_000_000_000), help="trained parameters wanted: units and embedding are chosen by it"
    )
    heads: int = tune(4, valid=Int(1, 64), help="of attention over the map's positions")
    layers: int = tune(2, valid=Int(1, 24), help="of the transformer")
    dropout: float = tune(0.5, valid=Float(0, 0.95), space=Float(0.1, 0.6), help="share dropped, image and words")
    output_dropout: float = tune(
        0.0,
        valid=Float(0, 0.95),
        space=Float(0, 0.6),
        help="share dropped of what the words' LSTM says, or of each part of a transformer's layer",
    )

    learning_rate: float = tune(1e-3, valid=Float(1e-7, 1), space=Float(2e-4, 4e-3, log=True), help="Adam's step")
    schedule: Literal["constant", "cosine"] = tune(
        "constant", space=Choice("constant", "cosine"), help="cosine: the step falls to 0 over all epochs"
    )
    batch: int = tune(128, valid=Int(1, 4096), space=Int(32, 256, log=True), help="captions a training step")
    epochs: int = tune(15, valid=Int(1, 1000), help="at most so many passes over the captions")
    patience: int = tune(3, valid=Int(1, 1000), help="epochs without a better val/cider before stopping")
    blind_epochs: int = tune(6, valid=Int(0, 1000), help="passes of the floor, the decoder without images; 0: none")
    clip_norm: float = tune(5.0, valid=Float(0, 1e6), help="largest norm of a step's gradient; 0: any")
    label_smoothing: float = tune(0.0, valid=Float(0, 0.5), space=Float(0, 0.2), help="share spread over all words")
    averaging: float = tune(
        0.0,
        valid=Float(0, 0.99999),
        help="decay of an exponential average of the weights, which is what speaks; 0: none",
    )
    flips: bool = tune(False, help="train on mirrored images too, without their captions that say left or right")
    precision: Literal["float32", "mixed_bfloat16", "auto"] = tune(
        "float32", help="what the decoder is trained in; auto: the faster one on this machine, timed once"
    )
    save_epochs: bool = tune(False, help="keep the weights of each epoch as an artifact, as the course does")

    min_count: int = tune(5, valid=Int(1, 10_000), help="a word seen less often in training is unknown")
    max_length: int = tune(30, valid=Int(1, 200), help="words a caption, longer ones are cut")
    beam: int = tune(3, valid=Int(1, 50), help="hypotheses kept when captioning; 1: greedy")
    length_normalisation: float = tune(
        0.7, valid=Float(0, 2), space=Float(0, 1.2), help="log-probability is divided by length to this power"
    )
    decode_batch: int = tune(64, valid=Int(1, 4096), help="images captioned at once")

    score_test: bool = tune(True, trial=False, help="no: test is left alone, as trials do, which are chosen on val")
    train_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many training images; all")
    val_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many validation images; all")
    test_images: int | None = tune(None, valid=Int(1, 10_000_000), help="the first so many test images; all")

    def inputs(self) -> Mapping[str, str]:
        """Digests of the files the config names, and of the weights of a VGG encoder.

        Raises:
            ConfigError: a file does not exist, or values that exclude each other.
            DataError: encoder_weights names no weights.
        """
        self._check()
        found = {}
        for name in ("features_file", "tokenizer_file"):
            if getattr(self, name):
                found[name] = _digest(name, getattr(self, name))
        if not self.embedded and not self.features_file:
            from dlcamp.vision.vgg_weights import identity, published, resolve

            named = self.encoder_weights
            found["encoder_weights"] = (
                identity(self.encoder, resolve(self.encoder, named)) if named else published(self.encoder)
            )
        return found

    @property
    def embedded(self) -> bool:
        """Whether the encoder's weights come with a Python package."""
        return self.encoder.startswith("lite")

    def _check(self) -> None:
        if self.embedded and (self.encoder_weights or self.features_file or self.preprocessing != "own"):
            raise ConfigError(
                f"encoder_weights, features_file and preprocessing=course belong to VGG, encoder is {self.encoder}\n"
                'say which: SET="encoder=vgg16 ..."'
            )
        if self.decoder in ATTENDING and self.features != "map":
            raise ConfigError(
                f"decoder={self.decoder} looks at the positions of a map, features is {self.features}\n"
                'ask for the map: SET="features=map"'
            )
        if self.decoder in ATTENDING and self.parameters is None:  # else units are chosen to fit
            step = self.heads if self.decoder == "attention" else math.lcm(2, self.heads)
            if self.units % step:
                raise ConfigError(
                    f"units={self.units} of decoder={self.decoder} with heads={self.heads} must be a multiple of "
                    f'{step}\nfor instance: SET="units={max(1, round(self.units / step)) * step}"'
                )
        if self.recipe == "camp" and (self.decoder != "merge" or self.flips or self.averaging):
            raise ConfigError(
                "the recipe camp is the course's: decoder=merge, without flips and averaging\n"
                "leave them out, or take recipe=sequences"
            )
        if self.features_file and self.flips:
            raise ConfigError(
                f"features_file={self.features_file} holds features of images as they are; flips needs those of "
                "mirrored ones, which cannot be made of them\nleave out flips, or features_file"
            )
        if self.features_file and self.features != "pooled":
            raise ConfigError("features_file holds pooled vectors (fc2); leave out features=map")
        if self.recipe == "camp" and self.precision == "auto":
            raise ConfigError("the recipe camp trains in one precision: SET=precision=float32 (or mixed_bfloat16)")
        if self.tokenizer_file and self.recipe != "camp":
            raise ConfigError("tokenizer_file belongs to the course's recipe: SET=recipe=camp, or PRESET=camp")


def _digest(name: str, text: str) -> str:
    from dlcamp.data.fetched import sha256_of

    path = Path(text).expanduser()
    if not path.is_file():
        raise ConfigError(f"{name}={text}: there is no such file")
    return sha256_of(path)
