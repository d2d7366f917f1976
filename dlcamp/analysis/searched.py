"""What a search found, as plain data: the record that tables, charts and pages read, kept as the artifact search.json.

It knows neither Optuna nor Keras Tuner; `dlcamp.search` fills it from the study's journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dlcamp.experiment import Objective
from dlcamp.spaces import Choice, Float, Int, Space

FILE = "search.json"

Status = Literal["WAITING", "RUNNING", "FINISHED", "PRUNED", "FAILED"]


@dataclass(frozen=True)
class SearchTrial:
    """One trial.

    Args:
        values: searched field -> value that the run had.
        objectives: one value an objective, in their order; empty unless FINISHED.
        curve: (step, value) of the first objective while it ran; the pruned ones keep theirs.
        started, ended: seconds since the epoch; None where it never began or has not ended.
        error: first line of what it failed with.
        attempts: how often it was begun; more than 1 where a worker died.
        defaults: whether it is the config without any searched value.
        sampler: who proposed the values.
        changed: whether it ran with CONTINUE=1 after code, data or environment had changed.
    """

    number: int
    status: Status
    values: Mapping[str, Any]
    seed: int
    objectives: tuple[float, ...] = ()
    run: str = ""
    curve: tuple[tuple[int, float], ...] = ()
    started: float | None = None
    ended: float | None = None
    error: str = ""
    attempts: int = 0
    defaults: bool = False
    sampler: str = ""
    changed: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("FINISHED", "PRUNED", "FAILED")


@dataclass(frozen=True)
class Replicated:
    """One config of the replicated ranking, best first; differences are paired by seed, to the defaults.

    Args:
        label: "defaults" or "trial 12".
        trial: its number; None for the defaults.
        metric: what `mean` and the differences are of.
        p: of the paired t test, Holm-adjusted over the replicated configs; None with one seed.
    """

    label: str
    trial: int | None
    values: Mapping[str, Any]
    metric: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Replication:
    """The top configs run again on new seeds: `rows` by the objective, `also` by the experiment's test metric."""

    run: str
    name: str
    seeds: tuple[int, ...]
    rows: tuple[Replicated, ...]
    also: tuple[Replicated, ...] = ()
    best: str = ""
    preset: str = ""


@dataclass(frozen=True)
class Searched:
    """A whole search.

    Args:
        importances: objective's metric -> field -> share (PED-ANOVA; they add up to 1).
        scorings: how often the data set's test split was scored, when the search ended; "" where never.
    """

    experiment: str
    question: str
    data: str
    digest: str
    run: str
    command: str
    engine: Literal["optuna", "keras_tuner"]
    sampler: str
    pruner: str
    objectives: tuple[Objective, ...]
    spaces: Mapping[str, Space]
    defaults: Mapping[str, Any]
    fixed: Mapping[str, Any]
    trials: tuple[SearchTrial, ...]
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    replication: Replication | None = None
    workers: int = 1
    journal: str = ""
    scorings: str = ""

    def finished(self) -> list[SearchTrial]:
        """The trials that have values, by number."""
        return [trial for trial in self.trials if trial.status == "FINISHED"]

    def ranked(self) -> list[SearchTrial]:
        """Finished trials, the best by the first objective first; of equal ones the earlier."""
        sign = -1 if self.objectives[0].direction == "maximize" else 1
        return sorted(self.finished(), key=lambda trial: (sign * trial.objectives[0], trial.number))

    def front(self) -> list[SearchTrial]:
        """The Pareto front: trials that no other beats in one objective without losing in another."""
        signs = [-1 if one.direction == "maximize" else 1 for one in self.objectives]
        costs = {t.number: tuple(s * v for s, v in zip(signs, t.objectives, strict=True)) for t in self.finished()}

        def beaten(own: tuple[float, ...]) -> bool:
            return any(
                other != own and all(b <= a for a, b in zip(own, other, strict=True)) for other in costs.values()
            )

        return [trial for trial in self.finished() if not beaten(costs[trial.number])]

    def count(self, status: Status) -> int:
        """Trials of that status."""
        return sum(trial.status == status for trial in self.trials)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `search.json`."""
        found = asdict(self)
        found["spaces"] = {name: space_record(space) for name, space in self.spaces.items()}
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Searched:
        """What `to_json` gave."""
        given = dict(found)
        given["objectives"] = tuple(Objective(**one) for one in given["objectives"])
        given["spaces"] = {name: space_of(one) for name, one in given["spaces"].items()}
        given["trials"] = tuple(_trial(one) for one in given["trials"])
        replication = given.get("replication")
        if replication:
            rows = {name: tuple(Replicated(**row) for row in replication[name]) for name in ("rows", "also")}
            given["replication"] = Replication(**{**replication, **rows, "seeds": tuple(replication["seeds"])})
        return cls(**given)


def _trial(found: Mapping[str, Any]) -> SearchTrial:
    curve = tuple((int(step), float(value)) for step, value in found["curve"])
    return SearchTrial(**{**found, "objectives": tuple(found["objectives"]), "curve": curve})


def space_record(space: Space) -> dict[str, Any]:
    """A space as plain values: what digests and files hold."""
    if isinstance(space, Choice):
        return {"kind": "choice", "options": list(space.options)}
    return {"kind": "int" if isinstance(space, Int) else "float", **asdict(space)}


def space_of(record: Mapping[str, Any]) -> Space:
    """What `space_record` gave."""
    given = {key: value for key, value in record.items() if key not in ("kind", "options")}
    if record["kind"] == "choice":
        return Choice(*record["options"])
    return Int(**given) if record["kind"] == "int" else Float(**given)
