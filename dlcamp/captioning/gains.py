"""What a captioner gains over a rival on the same images: what it began with, or the best of those it is made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcamp.captioning.scores import CaptionScorer, CaptionScores
from dlcamp.data.captions import CaptionItem, Split

if TYPE_CHECKING:
    from dlcamp.analysis.bootstrap import Estimate
    from dlcamp.tracking.handle import ActiveRun

COMPARED = {"cider": "CIDEr", "bleu_4": "BLEU-4"}


@dataclass(frozen=True)
class Rival:
    """Who is to be beaten.

    Attributes:
        name: in metrics and of the folder of tables ("start": `test/start_cider`, start/test.csv).
        says: gives its caption of every image of a split; asked for the splits that are scored only.
    """

    name: str
    says: Callable[[Split], list[str]]


@dataclass(frozen=True)
class Gains:
    """What was gained on one split.

    Attributes:
        metrics: `<split>/<rival>_cider`, `<split>/gain_cider` with `_low` and `_high` (a paired bootstrap over images),
            and the same of BLEU-4.
        lines: the same for a person.
    """

    metrics: Mapping[str, float]
    lines: Sequence[str]


NO_GAINS = Gains({}, ())
"""Where there is no rival."""


def gains(split: Split, items: Sequence[CaptionItem], after: CaptionScores, rival: Rival, run: ActiveRun) -> Gains:
    """What the rival scores, and what is gained over it; both captions of every image are kept as a table."""
    scorer = CaptionScorer([item.references for item in items], ids=[item.id for item in items])
    before = scorer.score(rival.says(split))
    run.text(_side_by_side(before, after, rival.name), f"{rival.name}/{split}.csv")
    gained = after.difference(before)
    metrics: dict[str, float] = {}
    lines = []
    for name, label in COMPARED.items():
        was, now, gain = before.scores[name], after.scores[name], gained[name]
        lines.append(
            f"{split + ', ' + label:<13}{was:.3f} -> {now:.3f}, {_shown(gain)} over its {rival.name.replace('_', ' ')}"
        )
        metrics |= {f"{split}/{rival.name}_{name}": was, f"{split}/gain_{name}": gain.value}
        metrics |= {f"{split}/gain_{name}_low": gain.low, f"{split}/gain_{name}_high": gain.high}
    return Gains(metrics, lines)


def _shown(gain: Estimate) -> str:
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _side_by_side(before: CaptionScores, after: CaptionScores, rival: str) -> str:
    """item, the rival's caption and its CIDEr, caption, cider."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["item", rival, f"{rival}_cider", "caption", "cider"])
    columns = zip(before.ids, before.captions, before.cider, after.captions, after.cider, strict=True)
    for item, was, was_cider, now, now_cider in columns:
        writer.writerow([item, was, f"{was_cider:.4f}", now, f"{now_cider:.4f}"])
    return table.getvalue()
