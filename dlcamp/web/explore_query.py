"""What the explore page was asked for, read from its address, which holds everything, so that a page can be shared.

/explore?name=regularizers&metric=test/accuracy&group=variant&group=train_images&status=FINISHED&preset=size
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.datastructures import QueryParams

STATUSES = ("FINISHED", "FAILED", "KILLED", "RUNNING", "any")
ANY, NONE = "any", "none"
NAMES, LONGEST = 12, 200


@dataclass(frozen=True)
class Query:
    """What to draw.

    Args:
        names: experiments.
        metric: "" is the first one's own.
        group: factors whose values make the groups ("experiment", "variant", "data", "preset" or an axis); None:
            every factor in which the runs differ.
        status: one of STATUSES.
        preset: "" is every one but smoke, "any" every one, "none" runs without one.
        data: "" is every data set.
    """

    names: tuple[str, ...] = ()
    metric: str = ""
    group: tuple[str, ...] | None = None
    status: str = "FINISHED"
    preset: str = ""
    data: str = ""

    @classmethod
    def parse(cls, params: QueryParams) -> Query:
        """From an address; what cannot be meant is as if it were not there."""
        status = str(params.get("status", ""))
        groups = params.getlist("group")
        return cls(
            names=_words(params.getlist("name"))[:NAMES],
            metric=str(params.get("metric", ""))[:LONGEST],
            group=_words(groups) if groups else None,
            status=status if status in STATUSES else "FINISHED",
            preset=str(params.get("preset", ""))[:LONGEST],
            data=str(params.get("data", ""))[:LONGEST],
        )

    def values(self) -> Mapping[str, Sequence[str] | str]:
        """The address's parameters; those that say nothing are left out."""
        found: dict[str, Sequence[str] | str] = {"name": self.names}
        if self.metric:
            found["metric"] = self.metric
        if self.group is not None:
            found["group"] = self.group or ("",)
        if self.status != "FINISHED":
            found["status"] = self.status
        found |= {key: value for key, value in (("preset", self.preset), ("data", self.data)) if value}
        return found

    def grouped(self, *factors: str) -> Query:
        """The same with other groups."""
        return replace(self, group=tuple(dict.fromkeys(factors)))


def _words(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:LONGEST] for value in values if value))
