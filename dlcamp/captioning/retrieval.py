"""Captions borrowed from other images: what the nearest training image's caption is worth, and a random one's.

The simplest captioner there is, and a strong one on photographs (Devlin et al. 2015, "Exploring Nearest Neighbor
Approaches for Image Captioning", who borrow the consensus of many neighbours; this is their 1-NN).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dlcamp.analysis.bootstrap import Estimate
from dlcamp.captioning.results import BOOTSTRAP_SEED, Results, measure
from dlcamp.data.captions import CaptionData, CaptionItem, Split
from dlcamp.vision.neighbours import Lookup

LABELS = {"truthful": "truthful", "bleu_4": "BLEU-4", "rouge_l": "ROUGE-L", "cider": "CIDEr"}


@dataclass(frozen=True)
class Borrowed:
    """Scores of both ways of borrowing on the same images, and the paired difference: nearest minus random."""

    split: Split
    nearest: Results
    random: Results
    gain: Mapping[str, Estimate]

    def metrics(self) -> dict[str, float]:
        """`val/neighbour_cider`, `val/random_cider`, `val/gain_cider` with `_low` and `_high`, and so on."""
        found: dict[str, float] = {}
        for name, results in (("neighbour", self.nearest), ("random", self.random)):
            scores = dict(results.scores.scores)
            if "truthful" in results.rates:
                scores["truthful"] = results.rates["truthful"].value
            found |= {f"{self.split}/{name}_{score}": value for score, value in scores.items()}
        for score in ("bleu_4", "cider"):
            value, low, high = self.gain[score]
            name = f"{self.split}/gain_{score}"
            found |= {name: value, f"{name}_low": low, f"{name}_high": high}
        return found

    def lines(self) -> list[str]:
        """The table to read."""
        head = f"{f'{self.split}, {self.nearest.scores.n} images, the caption of':<34}"
        lines = [f"{head}{'the nearest':<24}{'a random one':<24}difference, 95 % over images"]
        for name, label in LABELS.items():
            if name in self.nearest.intervals:
                both = f"  {label:<32}{self.nearest.shown(name):<24}{self.random.shown(name):<24}"
                # adding zero takes the sign from a rounded -0
                gain = [round(value, 3) + 0.0 for value in self.gain.get(name, ())]
                paired = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*gain) if gain else ""
                lines.append((both + paired).rstrip())
        return [*lines, "the first caption of the training image of the highest cosine: a captioner must beat it"]


def borrowed(found: Lookup, items: Mapping[str, CaptionItem], data: CaptionData, split: Split, seed: int) -> Borrowed:
    """Give every query the first caption of its nearest image, and of one drawn from the collection; score both.

    Args:
        found: queries of `split` looked up among training images.
        items: of all of them, by id.
        seed: of the drawing.
    """
    asked = [items[item] for item in found.queries]
    drawn = np.random.default_rng(seed).integers(len(found.collection), size=len(asked))
    nearest, random = (
        measure([items[found.collection[place]].references[0] for place in places], asked, data, split)
        for places in (found.near.positions[:, 0].tolist(), drawn.tolist())
    )
    return Borrowed(split, nearest, random, nearest.scores.difference(random.scores, seed=BOOTSTRAP_SEED))
