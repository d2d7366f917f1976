"""Caption sets that bound what a model can score on `scenes`, by Monte Carlo from an explicit generator.

These ceilings know the scene: a `sampled_oracle` says what a further annotator would say, a `consensus_oracle` what
the annotators agree on most. Scores are computed from these sets as from a model's output. Floors, which know no
image, are the same for every data set: `dlcamp.captioning.floors`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from dlcamp.data.captions import Split
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.data.scenes.describe import Speaker


def sampled_oracle(data: Scenes, split: Split, rng: random.Random, limit: int | None = None) -> dict[str, str]:
    """One fresh description of every scene: item id -> caption."""
    return {item.id: Speaker(data.scene(item.id)).caption(rng) for item in data.items(split, limit)}


def consensus_oracle(
    data: Scenes, split: Split, rng: random.Random, samples: int = 60, limit: int | None = None
) -> dict[str, str]:
    """For every scene the description, of `samples` fresh ones, that agrees best with the others.

    Agreement is the mean Dice overlap of the sets of 1- to 4-grams (minimum Bayes risk decoding with the true
    distribution). The references are not looked at.
    """
    chosen = {}
    for item in data.items(split, limit):
        speaker = Speaker(data.scene(item.id))
        chosen[item.id] = most_agreeing([speaker.caption(rng) for _ in range(samples)])
    return chosen


def most_agreeing(captions: Sequence[str]) -> str:
    """The caption whose n-grams overlap best with those of all captions (the first of equals)."""
    votes = Counter(captions)
    grams = {caption: frozenset(_ngrams(caption)) for caption in votes}

    def agreement(caption: str) -> float:
        mine = grams[caption]
        return sum(n * 2 * len(mine & grams[c]) / (len(mine) + len(grams[c])) for c, n in votes.items())

    return max(votes, key=agreement)


def _ngrams(caption: str) -> set[tuple[str, ...]]:
    words = caption.split()
    return {tuple(words[i : i + n]) for n in range(1, 5) for i in range(len(words) - n + 1)}
