"""What the gate said of one candidate: every check, whom it was compared with, and what became of it.

A verdict is kept twice: as a tag of the model's version, which the dashboard and the next judgement read without
fetching anything, and as `verdict-<time>.json` among the model's artifacts, for a reader without dlcamp.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

VERDICT_TAG = "dlcamp.verdict."
"""Begins the tags of a version that hold verdicts; a number that grows with time follows."""

Outcome = Literal["champion", "challenger", "refused"]
"""champion: promoted. challenger: sound, but not shown to be better. refused: some other check failed."""


@dataclass(frozen=True)
class Check:
    """One question of the gate and its answer."""

    question: str
    passed: bool
    answer: str

    def __str__(self) -> str:
        return f"{self.question}: {self.answer}"


@dataclass(frozen=True)
class Against:
    """The paired comparison with the champion of the time, or with the floor when there was none.

    Args:
        who: "champion" or "floor".
        version: of the champion; "" for the floor.
        run: name of the champion's run; "" for the floor.
        value: what it scores by the objective on the same items.
        difference, low, high: candidate minus rival, turned so that above zero is better, with its interval; None
            where there is nothing to pair.
        items: how many were compared.
        margin: of equivalence (IF_NOT_WORSE); None: must be better.
    """

    who: Literal["champion", "floor"]
    value: float
    version: str = ""
    run: str = ""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0
    margin: float | None = None


@dataclass(frozen=True)
class Verdict:
    """One judgement.

    Args:
        name, version: of the registered model.
        run, run_name: id and name of the run that trained the candidate.
        digest: of the model's files, as `tracking.models.model_digest` gives it.
        objective: "maximize val/cider".
        value, low, high: the objective as re-scored, and its interval over items where there is one.
        judged_before: how many candidates had been judged on these validation items when this one was.
        forced: why the gate was overruled; "" when it was not. `by`: who asked.
        when: seconds since 1970. `seconds`: what the judgement took.
        commit: of dlcamp at the time; "+" behind it where files were changed.
    """

    name: str
    version: str
    run: str
    run_name: str
    experiment: str
    data: str
    data_digest: str
    digest: str
    outcome: Outcome
    objective: str
    value: float | None
    low: float | None
    high: float | None
    checks: tuple[Check, ...]
    against: Against | None
    judged_before: int
    by: str
    when: float
    seconds: float
    commit: str = ""
    forced: str = ""

    @property
    def metric(self) -> str:
        """What the objective measures: "val/cider"."""
        return self.objective.rpartition(" ")[2]

    def to_json(self) -> str:
        """JSON that `from_json` reads, with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """What `to_json` wrote.

        Raises:
            ValueError: text that is no verdict.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            checks = tuple(Check(**check) for check in fields.pop("checks"))
            against = fields.pop("against")
            return cls(**fields, checks=checks, against=Against(**against) if against else None)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no verdict: {error}") from None

    def of_version(self, version: str) -> Verdict:
        """The same, of a version that exists by now."""
        return replace(self, version=version)


def verdicts_of(tags: dict[str, str]) -> list[Verdict]:
    """The verdicts that a version's tags hold, oldest first; tags that hold none are passed over."""
    found = (_verdict(tags[name]) for name in sorted(tags) if name.startswith(VERDICT_TAG))
    return newest_last(one for one in found if one is not None)


def verdict_tag(verdict: Verdict) -> str:
    """Name of the tag that holds a verdict."""
    return f"{VERDICT_TAG}{int(verdict.when * 1000)}"


def newest_last(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """By time."""
    return sorted(verdicts, key=lambda one: one.when)


def _verdict(text: str) -> Verdict | None:
    try:
        return Verdict.from_json(text)
    except ValueError:
        return None
