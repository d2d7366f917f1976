"""The two ways a captioner is taught: whole captions at once, or as the course does it, one row a prefix.

    sequences   tokens by count, all time steps of a caption trained at once, stopped by val/cider
    camp        the course's tokenizer, one row a prefix, one image a batch, to the last epoch (CAMP_TASKS 3 and 4)

Both give the same things, so that what follows (search, scores, gallery, predictor) is one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.captioning.config import CaptionConfig
from dlcamp.captioning.decoders import spec_of
from dlcamp.captioning.encoding import Encoded, named_encoder
from dlcamp.captioning.precision import settle
from dlcamp.captioning.train import caption, scoring, train_captioner
from dlcamp.captioning.vocabulary import Vocabulary, Words
from dlcamp.data.captions import CaptionData, CaptionItem

if TYPE_CHECKING:
    import numpy as np

    from dlcamp.captioning.camp.tokenizer import CampTokenizer
    from dlcamp.captioning.decoders import CaptionNet
    from dlcamp.tracking.handle import ActiveRun
    from dlcamp.training.fit import FitResult


@dataclass(frozen=True)
class Taught:
    """A trained decoder, the same one trained without images (None: no floor was asked for), and the words they speak.

    `config` is what they speak with: the course's tokenizer decides how long a caption may be. `captions_per_second` is
    the decoder's training speed (`pace`); None where it was not timed.
    """

    config: CaptionConfig
    vocabulary: Words
    net: CaptionNet
    blind: CaptionNet | None
    result: FitResult
    captions_per_second: float | None = None

    def speak(self, net: CaptionNet, features: np.ndarray) -> list[str]:
        """Captions of features, by the config's search."""
        return caption(
            net,
            features,
            self.vocabulary,
            beam=self.config.beam,
            length_normalisation=self.config.length_normalisation,
            max_length=self.config.max_length,
            batch=self.config.decode_batch,
        )


def check_size(config: CaptionConfig, data: CaptionData) -> None:
    """Refuse a number of parameters that the decoder cannot have, before an image is read.

    It depends on the words, which the captions tell without their images. Where another encoder may take the place of
    the one that is named, the width of its features is not known yet, and the decoder itself refuses.

    Raises:
        DataError: no width gives `parameters`.
    """
    if config.parameters is None or config.substitute:
        return
    items = data.items("train", config.train_images)
    words: Words = _tokenizer(config, items) if config.recipe == "camp" else _vocabulary(config, items)
    spec_of(config, len(words), named_encoder(config).shape)


def teach(
    config: CaptionConfig,
    encoded: Encoded,
    run: ActiveRun,
    in_order: Sequence[CaptionItem] | None = None,
    label: str = "",
) -> Taught:
    """Train the decoder that the config asks for, and its floor: the same decoder, its image exchanged for zeros.

    The floor is trained to its last epoch: every image gets its one sentence, so that validation scores would only
    choose between accidents.

    Args:
        in_order: the training items as the source has them, for the course's tokenizer, which numbers words of equal
            count by first appearance; the order of the split when None.
        label: tells several captioners of one run apart.
    """
    if config.recipe == "camp":
        return _camp(config, encoded, run, in_order or encoded.train.items)
    return _sequences(config, encoded, run, label)


def _vocabulary(config: CaptionConfig, items: Sequence[CaptionItem]) -> Vocabulary:
    return Vocabulary.of((said for item in items for said in item.references), config.min_count)


def _tokenizer(config: CaptionConfig, items: Sequence[CaptionItem]) -> CampTokenizer:
    """The course's words: those of its file, or of the items in their order."""
    from dlcamp.captioning.camp.pickles import read_tokenizer
    from dlcamp.captioning.camp.tokenizer import CampTokenizer, wrap

    if config.tokenizer_file:
        return read_tokenizer(Path(config.tokenizer_file).expanduser())
    return CampTokenizer.fit(wrap(text) for item in items for text in item.references)


def _blind(config: CaptionConfig) -> CaptionConfig:
    return config.model_copy(update={"blind": True, "epochs": config.blind_epochs, "save_epochs": False})


def _sequences(config: CaptionConfig, encoded: Encoded, run: ActiveRun, label: str) -> Taught:
    vocabulary = _vocabulary(config, encoded.train.items)
    config = settle(config, vocabulary, encoded.train, run)
    score = scoring(encoded.val)
    net, result, pace = train_captioner(
        config, vocabulary, encoded.train, encoded.val, run, score, mirrored=encoded.mirrored, label=label
    )
    blind = None
    if config.blind_epochs:
        blind = train_captioner(
            _blind(config), vocabulary, encoded.train, encoded.val, run, score,
            monitor=None, label="blind",
        ).net  # fmt: skip
    return Taught(config, vocabulary, net, blind, result, pace)


def _camp(config: CaptionConfig, encoded: Encoded, run: ActiveRun, in_order: Sequence[CaptionItem]) -> Taught:
    from dlcamp.captioning.camp.train import train_camp

    tokenizer = _tokenizer(config, in_order)
    speaking = config.model_copy(update={"max_length": tokenizer.max_length})
    net, result = train_camp(speaking, tokenizer, encoded.train, run)
    blind = None
    if config.blind_epochs:
        blind, _ = train_camp(_blind(speaking), tokenizer, encoded.train, run, label="blind")
    return Taught(speaking, tokenizer, net, blind, result)
