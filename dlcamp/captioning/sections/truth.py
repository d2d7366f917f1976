"""Where each captioner fails on drawn scenes: truth by aspect, by number of objects, and on pairs train never showed.

Shares of captions that state an aspect have denominators of the decoder's choosing, shown as n; `told_relation` and
`told_binding` are shares of all images that allow it. What a decoder does not tell it may know all the same: the
`ranked_...` are shares of all images with a foil whose true caption it holds for the likelier one (chance is 0.5).
Intervals are over seeds and images (`nested.nested_mean`), and Wilson's over images where every seed and image agrees,
which a bootstrap takes for certainty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from dlcamp.analysis.bootstrap import wilson_interval
from dlcamp.analysis.items import ItemStatistic, Predictions, Row, item_mean, share
from dlcamp.analysis.sections import Section, by_place
from dlcamp.captioning.item_scores import share_ranked, share_right
from dlcamp.captioning.ranking import RANKED
from dlcamp.captioning.sections.bounds import bound_rows
from dlcamp.captioning.sections.rendering import interval, rendered, style
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.analysis.cells import Cell
    from dlcamp.comparison import Comparison
    from dlcamp.tracking.protocol import Reader

SPATIAL = {
    "ranked_relation": "Relation ranked",
    "ranked_binding": "Binding ranked",
    "told_relation": "Relation told",
    "told_binding": "Binding told",
}
"""What a map of features should hold and a pooled vector has lost."""


def _where(counted: Callable[[Row], bool]) -> ItemStatistic:
    return share(lambda row: row["truthful"] is True, counted)


def _objects(number: int) -> ItemStatistic:
    return _where(lambda row: row["objects"] == number)


MEASURES: Mapping[str, Mapping[str, tuple[str, ItemStatistic]]] = {
    "of all captions": {
        "grammatical": ("a sentence of the grammar", share_right("grammatical")),
        "truthful": ("true in everything", share_right("truthful")),
    },
    "of the captions that state it": {
        f"truthful_{aspect}": (aspect, share_right(aspect))
        for aspect in ("count", "colour", "shape", "size", "relation", "binding")
    },
    "of all images that allow it, told and true": {
        "told_relation": ("relation", share_right("told_relation")),
        "told_binding": ("binding", share_right("told_binding")),
    },
    "of all images that allow it, the true caption held for likelier than its foil (chance is 0.50)": {
        name: (f"{aspect} ranked", share_ranked(aspect)) for aspect, name in RANKED.items()
    },
    "true in everything, by what the image shows": {
        "truthful_seen_pairs": ("seen pairs only", _where(lambda row: not row["held_out"])),
        "truthful_held_out_pairs": ("a held-out pair", _where(lambda row: row["held_out"])),
        **{
            f"truthful_{number}_objects": (f"{words} object{'s' if number > 1 else ''}", _objects(number))
            for number, words in enumerate(("one", "two", "three", "four"), start=1)
        },
    },
}
"""Group -> measure as runs name it -> its words, and how it is computed from the rows of a run."""


@dataclass(frozen=True)
class Share:
    """The share of one variant in one measure: mean over seeds with its interval, and of how many images a seed."""

    value: float
    low: float
    high: float
    n: tuple[int, int]
    seeds: int

    @property
    def counted(self) -> str:
        """`n 152`, or the range over seeds."""
        return f"n {self.n[0]}" + (f"–{self.n[1]}" if self.n[1] != self.n[0] else "")


def shares(read: Predictions, cells: Sequence[Cell], statistic: ItemStatistic) -> Share | None:
    """One variant's share; None where its runs do not know it, or no image counts in some of them.

    Args:
        cells: finished runs of one variant, one a seed.
    """
    found = item_mean(read, cells, statistic)
    if found is None:
        return None
    tables = [scored[1] for cell in cells if (scored := read.scored(cell.run, statistic)) is not None]
    counts = [int(table[:, 1].sum()) for table in tables]
    if not min(counts):
        return None
    (value, low, high), seeds, _ = found
    if low == high:
        n = round(fmean(counts))
        low, high = wilson_interval(round(value * n), n)
    return Share(value, max(low, 0.0), min(high, 1.0), (min(counts), max(counts)), seeds)


def truth_shares(read: Predictions, cells: Sequence[Cell]) -> dict[str, dict[str, Share]]:
    """Measure -> variant -> its share; measures that no variant has are left out."""
    places = by_place(cells)
    found = {
        name: {label: one for label, own in places.items() if (one := shares(read, own, statistic)) is not None}
        for group in MEASURES.values()
        for name, (_, statistic) in group.items()
    }
    return {name: by_variant for name, by_variant in found.items() if by_variant}


def separations(found: Mapping[str, Mapping[str, Share]], maps: Mapping[str, bool]) -> list[str]:
    """For each spatial measure, whether the intervals of all decoders over the map lie above those of all pooled ones.

    Args:
        maps: variant -> whether it looks at a map of features; others are pooled.
    """
    lines = []
    for name, words in SPATIAL.items():
        by_variant = found.get(name, {})
        own = {label: one for label, one in by_variant.items() if maps.get(label) is True}
        pooled = {label: one for label, one in by_variant.items() if maps.get(label) is False}
        if own and pooled:
            lines.append(f"{words}: {_separation(own, pooled)}")
    return lines


def _separation(own: Mapping[str, Share], pooled: Mapping[str, Share]) -> str:
    lowest = min(own, key=lambda label: own[label].low)
    highest = max(pooled, key=lambda label: pooled[label].high)
    if own[lowest].low > pooled[highest].high:
        return (
            "the intervals of the decoders over the map lie above those of the pooled ones without overlap; the lowest "
            f"is {lowest} {_written(own[lowest])}, the highest below it {highest} {_written(pooled[highest])}."
        )
    overlapping = [
        f"{label} {_written(one)} and {other} {_written(two)}"
        for label, one in own.items()
        for other, two in pooled.items()
        if one.low <= two.high
    ]
    return f"the intervals overlap of {'; '.join(overlapping)}."


def _written(one: Share) -> str:
    return f"{one.value:.2f} {interval(one.low, one.high)}"


def section(reader: Reader, cells: Sequence[Cell], comparison: Comparison) -> Section | None:
    """The truth section of a report; None where no caption was judged (photographs)."""
    found = truth_shares(Predictions(reader), cells)
    if not found:
        return None
    labels = [label for label in by_place(cells) if any(label in by_variant for by_variant in found.values())]
    bounds = {row.name: row for row in bound_rows(reader, cells)}
    beside = [bounds[name] for name in ("blind", "sampled") if name in bounds]
    html = rendered(
        "truth.html.j2",
        groups={
            words: {name: label for name, (label, _) in group.items() if name in found}
            for words, group in MEASURES.items()
        },
        found=found,
        labels=labels,
        beside=beside,
        heads={"blind": "blind", "sampled": "ceiling"},
        baseline=comparison.baseline,
        separations=separations(found, _maps(reader, cells)),
    )
    about = "shares of right captions, means over seeds"
    return Section("truth", "Where each decoder fails", html, about, style("truth.css"))


def _maps(reader: Reader, cells: Sequence[Cell]) -> dict[str, bool]:
    """Variant -> whether its runs say that they look at a map."""
    found = {}
    for label, own in by_place(cells).items():
        try:
            features = reader.run(own[0].run).params.get("features", "")
        except UserError:
            continue
        if features:
            found[label] = features == "map"
    return found
