"""Scores of the variants between floors and ceilings, and how they speak: length, words, repetition, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from dlcamp.analysis.bootstrap import Estimate
from dlcamp.analysis.items import ItemStatistic, Predictions, column, item_mean
from dlcamp.analysis.scale import seconds
from dlcamp.analysis.sections import Section, by_place
from dlcamp.captioning.cider import SCALE as CIDER_SCALE
from dlcamp.captioning.item_scores import bleu, share_right
from dlcamp.captioning.sections.bounds import BoundRow, bound_rows
from dlcamp.captioning.sections.rendering import rendered, style

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.comparison import Comparison
    from dlcamp.tracking.protocol import Reader

SCORES: Mapping[str, tuple[str, ItemStatistic]] = {
    "bleu_1": ("BLEU-1", bleu(1)),
    "bleu_4": ("BLEU-4", bleu(4)),
    "rouge_l": ("ROUGE-L", column("rouge_l")),
    "cider": ("CIDEr", column("cider")),
    "truthful": ("true", share_right("truthful")),
}
"""Measure -> its name, and how it is computed from the rows of a run."""

_SPEECH = {
    "test/length_ratio": ("length ratio", "{:.2f}"),
    "test/vocabulary": ("words used", "{:.0f}"),
    "test/distinct_share": ("distinct", "{:.0%}"),
    "test/copied_share": ("copied", "{:.0%}"),
    "test/greedy_cider": ("CIDEr, greedy", "{:.3f}"),
}
_COST = {
    "cost/parameters": ("parameters", "{:,.0f}"),
    "cost/best_epoch": ("best epoch", "{:.0f}"),
    "cost/captions_per_second": ("captions/s", "{:,.0f}"),
}


@dataclass(frozen=True)
class VariantScores:
    """One variant: measure -> mean over seeds, with its interval over seeds and images."""

    label: str
    seeds: int
    images: int
    scores: Mapping[str, Estimate]


def variant_scores(read: Predictions, cells: Sequence[Cell]) -> list[VariantScores]:
    """One row a variant that kept its captions, the highest CIDEr first."""
    made = []
    for label, own in by_place(cells).items():
        found = {name: item_mean(read, own, statistic) for name, (_, statistic) in SCORES.items()}
        known = {name: one for name, one in found.items() if one is not None}
        if known:
            _, seeds, images = next(iter(known.values()))
            scores = {name: _possible(name, one[0]) for name, one in known.items()}
            made.append(VariantScores(label, seeds, images, scores))
    return sorted(made, key=lambda one: -one.scores["cider"].value if "cider" in one.scores else 0.0)


def _possible(name: str, found: Estimate) -> Estimate:
    """An interval by t may reach beyond what a score can be: all but CIDEr are shares."""
    most = CIDER_SCALE if name == "cider" else 1.0
    return Estimate(found.value, max(found.low, 0.0), min(found.high, most))


def manner_rows(cells: Sequence[Cell], labels: Sequence[str]) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    """Headings, and label -> how its runs speak and what they cost: means over seeds, and their range ("" for none)."""
    places = by_place(cells)
    shown = {**_SPEECH, **_COST}
    names = [name for name in shown if any(name in cell.metrics for cell in cells)]
    rows = {}
    for label in labels:
        own = places[label]
        texts = [_text(shown[name][1], [c.metrics[name] for c in own if name in c.metrics]) for name in names]
        took = [cell.seconds for cell in own if cell.seconds > 0]
        rows[label] = [*texts, (seconds(fmean(took)) if took else "–", "")]
    return [*(shown[name][0] for name in names), "a run"], rows


def section(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section | None:
    """The scores section of a report; None where no run kept its captions."""
    variants = variant_scores(Predictions(reader), cells)
    if not variants:
        return None
    measures = [name for name in SCORES if any(name in one.scores for one in variants)]
    bounds = bound_rows(reader, cells)
    heads, manner = manner_rows(cells, [one.label for one in variants])
    html = rendered(
        "scores.html.j2",
        variants=variants,
        measures={name: SCORES[name][0] for name in measures},
        above=_worth(bounds, ("ceiling", "human"), measures),
        below=_worth(bounds, ("floor",), measures),
        baseline=comparison.baseline,
        heads=heads,
        manner=manner,
    )
    images = ", ".join(f"{count:,}" for count in sorted({one.images for one in variants}))
    about = f"{images} test images, means over seeds"
    return Section("scores", "Between floors and ceilings", html, about, style("scores.css"))


def _worth(bounds: Sequence[BoundRow], kinds: Sequence[str], measures: Sequence[str]) -> list[BoundRow]:
    return [row for row in bounds if row.kind in kinds and any(row.of(name) for name in measures)]


def _text(form: str, values: Sequence[float]) -> tuple[str, str]:
    if not values:
        return "–", ""
    ends = form.format(min(values)), form.format(max(values))
    return form.format(fmean(values)), "" if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"
