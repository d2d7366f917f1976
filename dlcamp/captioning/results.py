"""What captions of a split are worth: scores for any data set, and truth where the images were drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dlcamp.analysis.bootstrap import Interval, wilson_interval
from dlcamp.captioning.ranking import RANKED, Ranked, ranked_columns, ranked_rates
from dlcamp.captioning.scores import CaptionScores, score_captions
from dlcamp.data.captions import CaptionData, CaptionItem, Split
from dlcamp.data.scenes.dataset import Scenes
from dlcamp.data.scenes.truthfulness import Rate, rates, report

BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class Results:
    """Scores, rates of truth by aspect (empty for photographs), and 95 % intervals over images of both."""

    scores: CaptionScores
    intervals: Mapping[str, Interval]
    truth: Sequence[Mapping[str, Any]] = ()
    rates: Mapping[str, Rate] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """A score or rate by name; nan where it is not known."""
        if name in self.rates:
            return self.rates[name].value
        return self.scores.scores.get(name, float("nan"))

    def totals(self, split: Split) -> dict[str, float]:
        """Scores, rates and what captions are like (length, words used), named as metrics: `val/cider`."""
        found = {**self.scores.totals, **{name: rate.value for name, rate in self.rates.items()}}
        return {f"{split}/{name}": value for name, value in found.items()}

    def shown(self, name: str) -> str:
        """`0.46 [0.44, 0.48]`."""
        interval = self.intervals[name]
        return f"{self.value(name):.3f} [{interval.low:.3f}, {interval.high:.3f}]"

    @property
    def reasons(self) -> dict[str, str]:
        """Item -> why its caption is false, for those that are."""
        return {str(row["item"]): str(row["reason"]) for row in self.truth if not row["truthful"]}

    def rows(self) -> list[dict[str, Any]]:
        """One row an image: item, output, statistics, and the judgement where there is one."""
        judged = {row["item"]: row for row in self.truth}
        return [{**row, **judged.get(row["item"], {})} for row in self.scores.rows()]

    def with_ranked(self, ranked: Sequence[Ranked]) -> Results:
        """These results, and what whoever spoke knows when it must choose; a column is None where an image has no foil.

        Without ranked pairs they are left as they are.
        """
        if not ranked:
            return self
        by_item, found = ranked_columns(ranked), ranked_rates(ranked)
        nothing = dict.fromkeys(RANKED.values())
        truth = [{**row, **nothing, **by_item.get(str(row["item"]), {})} for row in self.truth]
        intervals = {**self.intervals, **_wilson(found)}
        return replace(self, truth=truth, rates={**self.rates, **found}, intervals=intervals)


def measure(
    captions: Sequence[str],
    items: Sequence[CaptionItem],
    data: CaptionData,
    split: Split,
    train_captions: Iterable[str] | None = None,
) -> Results:
    """Score one caption an item; judge its truth too when `data` is drawn."""
    references, ids = [item.references for item in items], [item.id for item in items]
    scores = score_captions(captions, references, train_captions=train_captions, ids=ids)
    intervals = dict(scores.intervals(seed=BOOTSTRAP_SEED))
    if not isinstance(data, Scenes):
        return Results(scores, intervals)
    truth = report(dict(zip(ids, captions, strict=True)), data, split)
    found = rates(truth)
    return Results(scores, {**intervals, **_wilson(found)}, truth, found)


def _wilson(found: Mapping[str, Rate]) -> dict[str, Interval]:
    return {name: wilson_interval(round(rate.value * rate.n), rate.n) for name, rate in found.items()}
