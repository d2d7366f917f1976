"""Values of a preset as yaml: text that `settings` reads and the field's type turns back into the same value."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any


def text_of(value: Any) -> Any:
    """What `read_yaml` finds where a value was written: text, or lists and mappings of it."""
    value = _plain(value)
    if isinstance(value, Mapping):
        return {str(key): text_of(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [text_of(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    return str(int(value)) if isinstance(value, numbers.Integral) else repr(float(value))


def _plain(value: Any) -> Any:
    """Enumerations and numpy's values as Python's own."""
    if isinstance(value, Enum):
        return value.value
    return value.tolist() if hasattr(value, "tolist") else value


def written(value: Any) -> str:
    """A value on one line: `0.001`, `[1, 2]`, `{trials: 0}`."""
    value = _plain(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(key))}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(one) for one in value) + "]"
    return quoted(value) if isinstance(value, str) else str(text_of(value))


def quoted(text: str) -> str:
    """Text as a yaml scalar, on one line, quoted where anybody could read it as something else."""
    import yaml

    if re.search(r"[^\x20-\x7e]", text):
        return yaml.safe_dump(text, default_style='"', width=math.inf, allow_unicode=True).rstrip("\n")
    return yaml.safe_dump([text], default_flow_style=True, width=math.inf)[1:-2]
