"""What an experiment compares, declared before the runs: plain values, judged by `dlcamp.analysis`.

    Comparison("test/accuracy", baseline="none", smallest_interesting=0.005, margin=0.005)
    Claim("L1 gives sparser weights", "...", contrasts=[Contrast("l1", "none", metric="test/sparsity")])

The contrasts of a comparison (each variant against the baseline) and of the claims are the declared family: the only
tests that are made, and those over which Holm corrects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Expect = Literal["higher", "lower", "same", "law"]


@dataclass(frozen=True)
class Contrast:
    """The mean difference first - second of one metric, paired on the seeds that both have.

    Args:
        first: a variant.
        second: the variant it is compared with, or a number it is compared with (a law, a chance level).
        metric: final metric of the runs; "" is the comparison's.
        at: axis values at which both are taken ({"train_images": 100}); an axis not named is averaged within a seed.
        second_at: axis values of `second`, where they are others ({"depth": 2} against {"depth": 30}).
        minus: another contrast, subtracted seed by seed (does the gain grow with the training set?).
    """

    first: str
    second: str | float
    metric: str = ""
    at: Mapping[str, Any] = field(default_factory=dict)
    second_at: Mapping[str, Any] | None = None
    minus: Contrast | None = None

    def label(self) -> str:
        """`dropout - none at train_images=100`."""
        first, second = _at(self.first, self.at), _at(str(self.second), self.second_at or {})
        if self.second_at is None and self.at:
            first, second = self.first, _at(str(self.second), self.at)
        text = f"{first} - {second}"
        return f"({text}) - ({self.minus.label()})" if self.minus else text

    def variants(self) -> set[str]:
        """The variants that it needs."""
        own = {self.first} | ({self.second} if isinstance(self.second, str) else set())
        return own | (self.minus.variants() if self.minus else set())


def _at(name: str, axes: Mapping[str, Any]) -> str:
    return f"{name} at {', '.join(f'{key}={value}' for key, value in axes.items())}" if axes else name


@dataclass(frozen=True)
class Comparison:
    """How the variants of an experiment are compared.

    Args:
        metric: the final metric compared; test data are fine here, nothing is chosen by it.
        baseline: the variant that each other one is compared with; "" leaves the claims' contrasts alone.
        higher_is_better: which way is better.
        smallest_interesting: the smallest difference worth having, in the metric's units; "not separated" says how
            many seeds it takes to see that much.
        margin: differences within +- margin count as none ("equivalent"); None: equivalence is never said.
        sd: what a paired difference between seeds varies by, from experience, for the forecast before the first runs.
        seconds: what one run takes, from experience, for the same forecast.
        shown: other final metrics that the table shows.
        presets: preset -> values that replace these under it ({"paper": {"smallest_interesting": 0.001}}).
        items: final metric -> what it is computed from in predictions.parquet, for intervals over items too: a column
            that holds one score an item ("correct"), or "module:NAME" of an `ItemStatistic` (`dlcamp.analysis.items`)
            where the metric is no mean of a column ("dlcamp.captioning.item_scores:BLEU_4").
        sections: parts that the experiment adds to the report, each "module:function": (reader, cells, comparison)
            -> `Section` or None (`dlcamp.analysis.sections`).
    """

    metric: str
    baseline: str = ""
    higher_is_better: bool = True
    smallest_interesting: float | None = None
    margin: float | None = None
    sd: float | None = None
    seconds: float | None = None
    shown: Sequence[str] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[str] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def under(self, preset: str | None) -> Comparison:
        """The comparison as it is under a preset; what the runs of other protocols vary by is not known there."""
        changed = dict(self.presets.get(preset or "", {}))
        usual = {} if not preset else {"sd": None, "seconds": None}
        return replace(self, **{**usual, **changed})

    @property
    def expect(self) -> Literal["higher", "lower"]:
        """The direction that is better."""
        return "higher" if self.higher_is_better else "lower"
