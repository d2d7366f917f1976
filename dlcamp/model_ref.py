"""ModelRef: a config field that names a stored model, as the user writes it. Frozen text; the store is asked later.

start: ModelRef | None = tune(None, help="model to go on from")
members: tuple[ModelRef, ...] = tune((), help="models to combine")

SET="start=caption_lstm-s0-3f9c"           a run: id, unique beginning of an id, or name
SET="start=caption_lstm@champion"          an alias of the registry
SET="start=models:/m-8d3f..."              a model of the store, or a version of the registry
SET="start=best:caption_lstm"              the best finished run of an experiment on the run's own data set
SET="members=best:a:seed=1,size=8,best:b"  of the runs with these params; a list is separated by commas
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

FORMS = "a run's id or name, NAME@champion, models:/m-..., best:EXPERIMENT or best:EXPERIMENT:seed=1,field=value"

MODELS_TAG = "dlcamp.models"
"""Tag of a run: what each reference of its config meant when it began, text -> model id, as JSON."""

_BEST, _ADDRESS = "best:", "models:/"
_FILTER = re.compile(r"[A-Za-z_][\w.]*=[^,]*")


@dataclass(frozen=True)
class Best:
    """`best:EXPERIMENT:field=value,...`: the experiment, and what the params of its run must be."""

    experiment: str
    params: dict[str, str]


@dataclass(frozen=True)
class ModelRef:
    """The name of a stored model; empty text names none.

    Raises:
        ValueError: text of no known form.
    """

    text: str = ""

    def __post_init__(self) -> None:
        if self.text != self.text.strip():
            raise ValueError(f"must have no spaces around it, got {self.text!r}")
        if self.text.startswith(_BEST):
            self._check_best()
        elif self.text.startswith(_ADDRESS):
            if self.text == _ADDRESS:
                raise ValueError("must say which model after models:/")
        elif "=" in self.text:
            raise ValueError("must name a model; params can be given to best:EXPERIMENT:seed=1 only")
        elif "@" in self.text and not all(self.text.rpartition("@")):
            raise ValueError("must be name@alias, like caption_lstm@champion")

    def _check_best(self) -> None:
        experiment, colon, params = self.text.removeprefix(_BEST).partition(":")
        if not experiment.isidentifier():
            raise ValueError("must name an experiment after best:, like best:caption_lstm")
        if colon and not all(_FILTER.fullmatch(part) for part in params.split(",")):
            raise ValueError("must have field=value after the experiment, like best:caption_lstm:seed=1,beam=3")

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def best(self) -> Best | None:
        """What is asked for where the text begins with `best:`, else None."""
        if not self.text.startswith(_BEST):
            return None
        experiment, _, params = self.text.removeprefix(_BEST).partition(":")
        pairs = [part.partition("=") for part in params.split(",") if part]
        return Best(experiment, {name: value for name, _, value in pairs})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        # dumps as its text, so that a dumped config is read again like any other layer
        as_text = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_plain_validator_function(cls._read, serialization=as_text)

    @classmethod
    def _read(cls, value: Any) -> ModelRef:
        if isinstance(value, ModelRef):
            return value
        if not isinstance(value, str):
            raise ValueError(f"must be text that names a model, got {value!r}")
        return cls(value.strip())


def split_refs(text: str) -> list[str]:
    """The references of a list separated by commas; `field=value` belongs to the `best:` before it."""
    found: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if found and _FILTER.fullmatch(part):
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found
