"""What captions score without looking: the rows that stand beside every score, on the same images.

A score means nothing alone. The floors are the best constant sentence and the run's own captions shuffled over the
images; the human row scores one person's caption against the others', beside the run against the same others, because
with one reference fewer everybody scores lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlcamp.captioning.bleu import BleuReferences, bleu_of_sums
from dlcamp.captioning.cider import CiderScorer
from dlcamp.captioning.scores import SCORE_NAMES, CaptionScores, score_captions
from dlcamp.captioning.tokens import tokenize
from dlcamp.errors import DataError

Objective = Literal["bleu_4", "cider"]

OBJECTIVES: dict[Objective, str] = {"bleu_4": "BLEU-4", "cider": "CIDEr"}


@dataclass(frozen=True)
class ReferenceRow:
    """One row of the table beside a run's scores."""

    name: str
    scores: CaptionScores
    note: str = ""


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


def reference_rows(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    train_captions: Iterable[str],
    seed: int,
    ids: Sequence[str] | None = None,
) -> list[ReferenceRow]:
    """Floors, and the human row where every image has two references or more.

    Args:
        captions: what the run wrote, one an image.
        references: of the same images.
        train_captions: candidates for the constant.
        seed: of the shuffling and of which reference is left out.
        ids: of the images.
    """
    train = list(train_captions)
    rows = []
    for objective, shown in OBJECTIVES.items():
        sentence = best_constant(train, references, objective)
        scores = score_captions([sentence] * len(references), references, ids=ids)
        rows.append(ReferenceRow(f"best constant ({shown})", scores, sentence))
    if len(captions) > 1:
        dealt = score_captions(shuffled(captions, seed), references, ids=ids)
        rows.append(ReferenceRow("shuffled", dealt, "this run's captions on other images"))
    if min(len(image) for image in references) > 1:
        human, others = leave_one_out(references, seed)
        note = "one reference against the others"
        rows.append(ReferenceRow("human", score_captions(human, others, ids=ids), note))
        note = "against the same references as the human row"
        rows.append(ReferenceRow("this run, same", score_captions(captions, others, ids=ids), note))
    return rows


def reference_table(rows: Sequence[ReferenceRow]) -> str:
    """The rows as text, one a line, n first: `name  n  B1 B2 B3 B4  ROUGE-L  CIDEr  note`."""
    width = max((len(row.name) for row in rows), default=4)
    heads = ("B1", "B2", "B3", "B4", "ROUGE-L", "CIDEr")
    lines = [f"{'':{width}}  {'n':>5}  " + "  ".join(f"{head:>7}" for head in heads)]
    for row in rows:
        scores = row.scores.scores
        values = "  ".join(f"{scores[name]:7.3f}" for name in SCORE_NAMES)
        lines.append(f"{row.name:{width}}  {row.scores.n:5}  {values}  {row.note}".rstrip())
    return "\n".join(lines)
