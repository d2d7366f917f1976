"""What a decoder knows of drawn scenes: which of two captions it holds for likelier, the true one or its foil.

Captions are scored by log p(words, end mark | image) in nats, over the words that may be said, as a search scores
them but for the length: both captions of a pair have as many words. Chance is 0.5. See `dlcamp.data.scenes.foils`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlcamp.data.captions import CaptionData, CaptionItem
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.data.scenes.foils import FOIL_ASPECTS, FoilAspect, Pair, pairs
from dlcamp.data.scenes.truthfulness import Rate
from dlcamp.errors import DataError

if TYPE_CHECKING:
    from dlcamp.captioning.captioner import Captioner
    from dlcamp.captioning.decoders import CaptionNet
    from dlcamp.captioning.decoding import Features
    from dlcamp.captioning.samples import Captioned
    from dlcamp.captioning.vocabulary import Words

BATCH = 64

RANKED: dict[FoilAspect, str] = {aspect: f"ranked_{aspect}" for aspect in FOIL_ASPECTS}
"""Aspect -> the name of its rate and of its column in predictions."""


@dataclass(frozen=True)
class Ranked:
    """One pair as a decoder ranks it. `margin`: log p(true) - log p(foil), in nats."""

    item: str
    aspect: FoilAspect
    margin: float

    @property
    def right(self) -> float:
        """1 where the true caption is the likelier one, 0 where the foil is; a tie is half."""
        return (1 + float(np.sign(self.margin))) / 2


def forced_choices(
    captioner: Captioner, items: Sequence[CaptionItem], features: Features, data: CaptionData
) -> list[Ranked]:
    """Every pair of the items as the captioner ranks it.

    Empty for photographs, of which no foils are known; where several decoders speak, whose step gives no probability
    of a whole caption at once; and for `camp`: see `log_probabilities`.
    """
    from dlcamp.captioning.predictor import CaptionPredictor
    from dlcamp.captioning.samples import Captioned

    if not isinstance(data, Scenes) or not isinstance(captioner, CaptionPredictor) or isinstance(features, tuple):
        return []
    asked = pairs(data, [item.id for item in items])
    return rank(captioner.net, captioner.vocabulary, Captioned(features, items), asked) or []


def rank(net: CaptionNet, vocabulary: Words, images: Captioned, asked: Sequence[Pair]) -> list[Ranked] | None:
    """Each pair by the decoder's log-probabilities; None for a decoder that gives none.

    Pairs with a word that the decoder does not know, or longer than it can say, are left out: small training sets lack
    words.

    Args:
        images: features beside their items; every pair's item is among them.
    """
    row = {item.id: number for number, item in enumerate(images.items)}
    asked = [pair for pair in asked if all(_sayable(net, vocabulary, said) for said in (pair.true, pair.foil))]
    captions = [said for pair in asked for said in (pair.true, pair.foil)]
    rows = [row[pair.item] for pair in asked for _ in range(2)]
    found = log_probabilities(net, vocabulary, images.features, rows, captions)
    if found is None:
        return None
    margins = found[0::2] - found[1::2]
    return [Ranked(pair.item, pair.aspect, float(margin)) for pair, margin in zip(asked, margins, strict=True)]


def log_probabilities(
    net: CaptionNet, vocabulary: Words, features: np.ndarray, rows: Sequence[int], captions: Sequence[str]
) -> np.ndarray | None:
    """log p(caption, end mark | image) in nats, (captions,) float64, dropout off.

    None for `camp`, whose teacher takes one prefix at a time.

    Args:
        features: (images, ...) as the decoder takes them.
        rows: (captions,) the image of each caption.

    Raises:
        DataError: a caption with a word that the decoder does not know, or longer than it can say.
    """
    import tensorflow as tf

    if len(net.teacher.output_shape) != 3:
        return None
    unsaid = next((said for said in captions if not _sayable(net, vocabulary, said)), None)
    if unsaid is not None:
        raise DataError(
            f"{unsaid!r} has no probability: the decoder says up to {net.spec.length} of the {len(vocabulary)} words "
            "it was trained with"
        )
    marks = vocabulary.marks
    encoded = [[marks.start, *vocabulary.encode(said), marks.end] for said in captions]
    tokens = np.full((len(encoded), max(map(len, encoded), default=2)), marks.pad, np.int32)
    for number, ids in enumerate(encoded):
        tokens[number, : len(ids)] = ids
    counts = np.arange(1, tokens.shape[1]) < np.array([len(ids) for ids in encoded], int)[:, None]
    found = np.zeros(len(encoded))
    shapes = tf.TensorSpec((None, *net.spec.feature_shape)), tf.TensorSpec((None, None), tf.int32)
    teacher = tf.function(lambda *both: net.teacher(both, training=False), input_signature=shapes)
    for begin in range(0, len(encoded), BATCH):
        part = slice(begin, begin + BATCH)
        seen = np.asarray(features[np.asarray(rows[part], int)], np.float32)
        logits = np.array(teacher(seen, tokens[part, :-1]), np.float64)
        logits[..., list(marks.forbidden)] = -np.inf
        found[part] = np.where(counts[part], _chosen(logits, tokens[part, 1:]), 0).sum(axis=1)
    return found


def ranked_rates(ranked: Sequence[Ranked]) -> dict[str, Rate]:
    """By name, the share of pairs ranked rightly and how many there are; an aspect without pairs is left out."""
    found = {name: [one.right for one in ranked if one.aspect == aspect] for aspect, name in RANKED.items()}
    return {name: Rate(float(np.mean(right)), len(right)) for name, right in found.items() if right}


def ranked_columns(ranked: Iterable[Ranked]) -> dict[str, dict[str, float]]:
    """Item -> column -> 1, 0 or (a tie) 0.5, for the pairs it has."""
    found: dict[str, dict[str, float]] = {}
    for one in ranked:
        found.setdefault(one.item, {})[RANKED[one.aspect]] = one.right
    return found


def _sayable(net: CaptionNet, vocabulary: Words, caption: str) -> bool:
    ids = vocabulary.encode(caption)
    return len(ids) <= net.spec.length and not set(ids) & set(vocabulary.marks.forbidden)


def _chosen(logits: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(captions, time) log-probability of each word."""
    top = logits.max(axis=-1, keepdims=True)
    total = top[..., 0] + np.log(np.exp(logits - top).sum(axis=-1))
    return np.asarray(np.take_along_axis(logits, words[..., None], axis=-1)[..., 0] - total)
