"""How often a test split was looked at: every configuration that is scored on it is one more chance to be lucky.

A test score is an honest estimate for a configuration that was chosen without it. After many have been scored, the best
of them is partly the luckiest, so how many there were is said beside the scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dlcamp.tracking.protocol import RunRow

_REPEATED = "seed"


@dataclass(frozen=True)
class Scorings:
    """Finished runs with test scores, and the configurations among them: runs that differ in their seed are one."""

    runs: int
    configurations: int

    def line(self, data: str) -> str:
        """`test of flickr8k was scored for 3 configurations so far (7 runs in this store)`."""
        several = "s" if self.configurations != 1 else ""
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        return (
            f"test of {data} was scored for {self.configurations} configuration{several} so far ({runs} in this store)"
        )


def scorings(rows: Iterable[RunRow], digest: str) -> Scorings:
    """Count the rows that scored the test split of the data set with this digest; smoke presets are no scores."""
    scored = [
        row
        for row in rows
        if row.status == "FINISHED"
        and row.tags.get("dlcamp.data_digest") == digest
        and row.tags.get("dlcamp.preset") != "smoke"
        and any(name.startswith("test/") for name in row.metrics)
    ]
    kinds = {(row.experiment, frozenset((k, v) for k, v in row.params.items() if k != _REPEATED)) for row in scored}
    return Scorings(len(scored), len(kinds))
