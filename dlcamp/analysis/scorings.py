"""How often a test split was looked at: every configuration that is scored on it is one more chance to be lucky.

A test score is an honest estimate for a configuration that was chosen without it. After many have been scored, the best
of them is partly the luckiest, so how many there were is said beside the scores: at the end of a run, an ablation and a
search, and on their pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dlcamp.analysis.cells import KIND_TAG
from dlcamp.tracking.protocol import Reader, RunRow

SCORINGS_TAG = "dlcamp.test_scorings"
"""The line as it was when a parent run ended."""
COUNTED = 2_000
"""Runs that are looked through at most when the scorings of a test split are counted: five seconds of reading."""
_PARENTS = ("ablation", "search", "replication")  # their metrics are means over runs that are counted themselves
_REPEATED = "seed"


@dataclass(frozen=True)
class Scorings:
    """Finished runs with test scores, and the configurations among them: runs that differ in their seed are one.

    `own` are those of one experiment.
    """

    runs: int
    configurations: int
    own: int = 0

    def line(self, data: str, experiment: str) -> str:
        """`test of mine was scored for 3 configurations, 2 of them of caption_lstm so far (7 runs in this store)`."""
        several = "s" if self.configurations != 1 else ""
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        own = "none of them" if not self.own else f"{self.own} of them"
        whose = f", {own} of {experiment}" if self.own != self.configurations else f" of {experiment}"
        return (
            f"test of {data} was scored for {self.configurations} configuration{several}"
            f"{whose} so far ({runs} in this store)"
        )


def scorings(rows: Iterable[RunRow], digest: str, experiment: str) -> Scorings:
    """Count the rows that scored the test split of the data set with this digest; smoke presets are no scores."""
    scored = [
        row
        for row in rows
        if row.status == "FINISHED"
        and row.tags.get("dlcamp.data_digest") == digest
        and row.tags.get("dlcamp.preset") != "smoke"
        and row.tags.get(KIND_TAG) not in _PARENTS
        and scores_test(row.metrics)
    ]
    kinds = {(row.experiment, frozenset((k, v) for k, v in row.params.items() if k != _REPEATED)) for row in scored}
    return Scorings(len(scored), len(kinds), sum(name == experiment for name, _ in kinds))


def scores_test(metrics: Iterable[str]) -> bool:
    """Whether test scores are among the metrics."""
    return any(name.startswith("test/") for name in metrics)


def scorings_line(reader: Reader, row: RunRow) -> str:
    """How often the test split of a run's data set was scored, by whomever; "" where never, and for smoke presets."""
    digest = row.tags.get("dlcamp.data_digest")
    if not digest or row.tags.get("dlcamp.preset") == "smoke":
        return ""
    rows = reader.runs(status="FINISHED", tags={"dlcamp.data_digest": digest}, limit=COUNTED)
    found = scorings(rows, digest, row.experiment)
    return found.line(row.tags.get("dlcamp.data", "the data set"), row.experiment) if found.runs else ""
