"""What every tracked run does before anything is stored: checks, immutable params, no doubled steps."""

from __future__ import annotations

import json
import math
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from dlcamp.errors import ConfigError
from dlcamp.tracking import limits
from dlcamp.tracking.protocol import Point
from dlcamp.tracking.record import Record

LONG_PARAMS = "long_params.json"
DATA_DIGEST_TAG = "dlcamp.data_digest"
PARENT_TAG = "dlcamp.parent"
_CUT = " ... (whole in long_params.json)"


class CheckedRun(ABC):
    """The part of a tracked run that is the same for every store; a store adds `_write`, `flush`, `_close`.

    Args:
        run_id: the store's id of the run.
        name: the run's name.
        params: what is stored already, for a resumed run.
        points: the histories that are stored already, for a resumed run; their steps are not logged again.
    """

    def __init__(
        self,
        run_id: str,
        name: str,
        params: Mapping[str, str] | None = None,
        points: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        self._id = run_id
        self._name = name
        self._params = dict(params or {})
        self._long: dict[str, str] = {}
        stored = points or {}
        self._stored = frozenset((key, point.step) for key, history in stored.items() for point in history)
        self._last = {key: _record(key, history) for key, history in stored.items() if history}
        self._ended = False

    @property
    def id(self) -> str:
        return self._id

    @property
    def name(self) -> str:
        return self._name

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; the same value again is ignored, another value is a ConfigError.

        A value over 6,000 characters is cut, and the artifact `long_params.json` holds it whole.
        """
        self._check_open()
        whole = limits.param_texts(values)
        texts = {key: _short(text) for key, text in whole.items()}
        for key, text in texts.items():
            if self._params.get(key, text) != text:
                raise ConfigError(
                    f"param {key!r} of run {self.name} is {self._params[key]!r} and cannot become {text!r}: "
                    "params never change; start a new run"
                )
        new = {key: text for key, text in texts.items() if key not in self._params}
        self._params.update(new)
        self._write([Record("param", key, text) for key, text in new.items()])
        self._keep_long({key: whole[key] for key in new if texts[key] != whole[key]})

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; a later value replaces an earlier."""
        self._check_open()
        self._write([Record("tag", key, text) for key, text in limits.tag_texts(values).items()])

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics at a step (None: 0); on a resumed run what is stored already is dropped."""
        self._check_open()
        whole = limits.metric_step(step)
        new = {k: v for k, v in limits.metric_values(values).items() if (k, whole) not in self._stored}
        self._write([self._point(key, value, whole) for key, value in new.items()])

    def final(self, values: Mapping[str, float], data: str = "", digest: str = "", model_id: str = "") -> None:
        """Log what the run ends with, as the last value of each metric, about a data set and a model.

        A metric with a curve gets its final value one step after the curve, unless the curve ends with it.
        """
        self._check_open()
        about = (data, digest[: limits.DIGEST_LENGTH], model_id)
        records = []
        for key, value in limits.metric_values(values).items():
            last = self._last.get(key)
            if last is None or not _same(last.value, value):
                last = self._point(key, value, 0 if last is None else last.step + 1)
            records.append(replace(last, about=about))
        self._write(records)

    def dataset(self, name: str, digest: str, context: str = "") -> None:
        """Record a data set as an input of the run."""
        self._check_open()
        self._write([Record("dataset", name, [digest, context]), Record("tag", DATA_DIGEST_TAG, digest)])

    def models(self, model_ids: Sequence[str]) -> None:
        """Record stored models as inputs of the run; a model that is one already stays one."""
        self._check_open()
        if model_ids:
            self._write([Record("models", "", list(dict.fromkeys(model_ids)))])

    def artifact(self, source: Path, folder: str = "") -> None:
        """Store a file, or a folder with what it holds, under `folder`."""
        self._check_open()
        path = Path(source)
        if not path.exists():
            raise ConfigError(f"artifact {path} does not exist")
        self._keep(path.absolute(), limits.artifact_path(folder, "artifact folder") if folder else "")

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Flush and close; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        self._close(Record("end", status, None, time.time_ns() // 1_000_000))

    @abstractmethod
    def flush(self) -> None:
        """Return when everything given so far is stored."""

    @abstractmethod
    def _write(self, records: Sequence[Record]) -> None:
        """Store records, now or soon, in order."""

    @abstractmethod
    def _keep(self, path: Path, folder: str) -> None:
        """Store a file or folder; its content may change once this has returned."""

    @abstractmethod
    def _close(self, end: Record) -> None:
        """Store what is left, then the end."""

    def _check_open(self) -> None:
        if self._ended:
            raise RuntimeError(f"run {self.name} ({self.id}) has ended: nothing more can be logged")

    def _point(self, key: str, value: float, step: int) -> Record:
        """A metric now, or later where needed: the store orders values of one step by their time."""
        now = time.time_ns() // 1_000_000
        last = self._last.get(key)
        if last is not None and last.step == step:
            now = max(now, last.time + 1)
        record = Record("metric", key, value, now, step)
        if last is None or step >= last.step:
            self._last[key] = record
        return record

    def _keep_long(self, values: Mapping[str, str]) -> None:
        if not values:
            return
        self._long.update(values)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, LONG_PARAMS)
            path.write_text(json.dumps(self._long, ensure_ascii=False, indent=1), encoding="utf-8")
            self._keep(path, "")


def _short(text: str) -> str:
    return text if len(text) <= limits.PARAM_LENGTH else text[: limits.PARAM_LENGTH - len(_CUT)] + _CUT


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _record(key: str, history: Sequence[Point]) -> Record:
    last = max(history, key=lambda point: (point.step, point.time))
    return Record("metric", key, last.value, round(last.time * 1000), last.step)
