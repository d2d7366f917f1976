"""The rows beside a run's scores, on the same images: floors that see nothing, ceilings that know everything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dlcamp.captioning.floors import best_constant, leave_one_out, shuffled
from dlcamp.captioning.results import Results, measure
from dlcamp.captioning.scores import score_captions
from dlcamp.data.captions import CaptionData, CaptionItem
from dlcamp.data.scenes.bounds import consensus_oracle, sampled_oracle
from dlcamp.data.scenes.dataset import Scenes

Kind = Literal["floor", "ceiling", "human"]


@dataclass(frozen=True)
class Bound:
    """One row: what it is called, whether it bounds from below or above, and its results."""

    name: str
    kind: Kind
    results: Results
    note: str


def bounds(
    found: Results,
    train: Sequence[CaptionItem],
    test: Sequence[CaptionItem],
    data: CaptionData,
    blind: Sequence[str] | None,
    seed: int,
) -> list[Bound]:
    """Floors for every data set; ceilings where the images were drawn, a human row where they were not.

    Args:
        found: the run's own results on test.
        blind: captions of test by the same decoder trained without images; None where none was trained.
        seed: of the shuffling, the oracles' sampling, and the reference left out.
    """
    sentences = [caption for item in train for caption in item.references]
    constant = best_constant(sentences, [item.references for item in test], "cider")
    rows = [Bound("constant", "floor", measure([constant] * len(test), test, data, "test"), constant)]
    if blind is not None:
        results = measure(blind, test, data, "test")
        rows.insert(0, Bound("blind", "floor", results, "the same decoder trained without images"))
    if len(test) > 1:
        dealt = shuffled(found.scores.captions, seed)
        rows.append(Bound("shuffled", "floor", measure(dealt, test, data, "test"), "this run's captions, other images"))
    return rows + (_oracles(test, data, seed) if isinstance(data, Scenes) else _human(test, seed))


def _oracles(test: Sequence[CaptionItem], data: Scenes, seed: int) -> list[Bound]:
    rows = []
    for name, said, note in (
        ("sampled", sampled_oracle(data, "test", random.Random(seed), len(test)), "one more true description"),
        ("consensus", consensus_oracle(data, "test", random.Random(seed), limit=len(test)), "the most usual true one"),
    ):
        rows.append(Bound(name, "ceiling", measure([said[item.id] for item in test], test, data, "test"), note))
    return rows


def _human(test: Sequence[CaptionItem], seed: int) -> list[Bound]:
    references = [item.references for item in test]
    if min(len(image) for image in references) < 2:
        return []
    said, others = leave_one_out(references, seed)
    scores = score_captions(said, others, ids=[item.id for item in test])
    results = Results(scores, dict(scores.intervals()))
    return [Bound("human", "human", results, "one reference against the others: one reference fewer than the run has")]
