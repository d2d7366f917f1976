"""Scores of captions as statistics of their rows, for intervals over seeds and images: what comparisons name.

    Comparison(..., items={"test/bleu_4": "dlcamp.captioning.item_scores:BLEU_4"})

The rows are those that captioning runs keep (`results.Results.rows`).
"""

from __future__ import annotations

from dlcamp.analysis.items import ItemStatistic, share
from dlcamp.captioning.bleu import COLUMNS, ORDERS, bleu_of_sums
from dlcamp.captioning.ranking import RANKED
from dlcamp.data.scenes.foils import FoilAspect


def bleu(order: int) -> ItemStatistic:
    """Corpus BLEU with n-grams up to `order`, from 1 to 4: ten sums over the images."""
    if order not in ORDERS:
        raise ValueError(f"BLEU-{order}: the orders are 1 to 4")
    return ItemStatistic(
        lambda row: [float(row[name]) for name in COLUMNS], lambda means: bleu_of_sums(means)[..., order - 1]
    )


def share_right(judgement: str) -> ItemStatistic:
    """The share of right ones among the images of which `judgement` is known: a column of True, False and None."""
    return share(lambda row: row[judgement] is True, lambda row: row[judgement] is not None)


def share_ranked(aspect: FoilAspect) -> ItemStatistic:
    """The share of the images with a foil of this aspect whose true caption a decoder holds for the likelier one."""
    name = RANKED[aspect]
    return share(lambda row: row[name] or 0.0, lambda row: row[name] is not None)


BLEU_4 = bleu(4)
TOLD_RELATION = share_right("told_relation")
TOLD_BINDING = share_right("told_binding")
RANKED_RELATION = share_ranked("relation")
RANKED_BINDING = share_ranked("binding")
