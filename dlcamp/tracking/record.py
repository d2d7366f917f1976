"""One thing given to a run, as a value that can wait in a queue or on disk and be sent later, unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlcamp.tracking import limits

Kind = Literal["metric", "param", "tag", "artifact", "dataset", "models", "end"]
_ROOM = {"metric": limits.METRICS_A_BATCH, "param": limits.PARAMS_A_BATCH, "tag": limits.TAGS_A_BATCH}


@dataclass(frozen=True)
class Record:
    """What was given.

    | kind | key | value | time (ms) | step |
    | --- | --- | --- | --- | --- |
    | metric | name | float | when | step |
    | param, tag | name | text | | |
    | artifact | local path | folder in the run | | |
    | dataset | name | (digest, context) | | |
    | models | "" | ids | | |
    | end | status | None | when | |

    `about` of a final metric: the data set's name and digest, and the model's id, each empty where there is none.
    """

    kind: Kind
    key: str
    value: Any = None
    time: int = 0
    step: int = 0
    about: tuple[str, str, str] | None = None

    def line(self) -> str:
        """One line of JSON (NaN and infinities as Python writes them)."""
        return json.dumps([self.kind, self.key, self.value, self.time, self.step, self.about])

    @classmethod
    def parse(cls, line: str) -> Record:
        """The record of a line; ValueError for a line cut short by a kill."""
        kind, key, value, time, step, about = json.loads(line)
        return cls(kind, key, value, time, step, None if about is None else tuple(about))


def batches(records: Iterable[Record]) -> Iterator[Sequence[Record]]:
    """Neighbouring metrics, params and tags together within a request's limits; every other record alone."""
    batch: list[Record] = []
    counts = dict.fromkeys(_ROOM, 0)
    size = 0
    for record in records:
        batched = record.kind in _ROOM
        weight = len(record.line()) + 80
        full = batched and (
            counts[record.kind] >= _ROOM[record.kind]
            or len(batch) >= limits.ENTRIES_A_BATCH
            or size + weight > limits.BYTES_A_BATCH
        )
        if batch and (full or not batched):
            yield batch
            batch, counts, size = [], dict.fromkeys(_ROOM, 0), 0
        if not batched:
            yield [record]
            continue
        batch.append(record)
        counts[record.kind] += 1
        size += weight
    if batch:
        yield batch
