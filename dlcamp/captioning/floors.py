"""Captions that are made without looking, and those of one person: what the rows beside a run's scores say.

A score means nothing alone. The floors are the best constant sentence and the run's own captions shuffled over the
images; `leave_one_out` lets one person's caption be scored against the others'. `bounds.py` makes the rows of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from dlcamp.captioning.bleu import BleuReferences, bleu_of_sums
from dlcamp.captioning.cider import CiderScorer
from dlcamp.captioning.tokens import tokenize
from dlcamp.errors import DataError

Objective = Literal["bleu_4", "cider"]


def best_constant(
    candidates: Iterable[str], references: Sequence[Sequence[str]], objective: Objective = "bleu_4"
) -> str:
    """The one sentence that scores best as the caption of every image.

    Chosen on the very references it is scored on, it is as high as this floor can be. Candidates are training
    captions; the first of equally good ones wins.

    Raises:
        DataError: no candidate has a word, or there are no references.
    """
    distinct = {tuple(tokenize(caption)): caption for caption in reversed(list(candidates))}
    distinct.pop((), None)
    if not distinct or not references:
        raise DataError(f"{len(distinct)} candidates for {len(references)} images: a constant needs both")
    tokens = list(reversed(distinct))
    tokenised = [[tokenize(reference) for reference in image] for image in references]
    if objective == "cider":
        values = CiderScorer(tokenised).corpus_of_constants(tokens)
    else:
        values = bleu_of_sums(BleuReferences(tokenised).sums_of_constants(tokens))[:, 3]
    return distinct[tokens[int(np.argmax(values))]]


def shuffled(captions: Sequence[str], seed: int) -> list[str]:
    """The captions dealt to other images: nobody keeps the own one (one random cycle; Sattolo 1986).

    Raises:
        DataError: fewer than two captions.
    """
    if len(captions) < 2:
        raise DataError(f"{len(captions)} captions cannot be shuffled; it takes two images")
    rng = np.random.default_rng(seed)
    order = list(range(len(captions)))
    for last in range(len(order) - 1, 0, -1):
        other = int(rng.integers(last))
        order[last], order[other] = order[other], order[last]
    return [captions[index] for index in order]


def leave_one_out(references: Sequence[Sequence[str]], seed: int) -> tuple[list[str], list[list[str]]]:
    """One reference of each image as its caption, and the others as its references.

    The one is drawn, because sources sort their references (Flickr8k by alphabet), so that the first is no sample.

    Raises:
        DataError: an image with fewer than two references.
    """
    rng = np.random.default_rng(seed)
    captions, others = [], []
    for index, image in enumerate(references):
        if len(image) < 2:
            raise DataError(f"image {index} has {len(image)} reference; a human row takes two")
        drawn = int(rng.integers(len(image)))
        captions.append(image[drawn])
        others.append([*image[:drawn], *image[drawn + 1 :]])
    return captions, others
