"""What a store takes: names, lengths, batch sizes; checked before anything is sent.

The numbers are MLflow's (3.17): 1,000 metrics, 100 params, 100 tags and 1 MB a batch; params of 6,000
characters, tags of 8,000, keys of 250. Every tracker keeps them, so that a run on one store fits another.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from dlcamp.errors import ConfigError

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100
TAGS_A_BATCH = 100
ENTRIES_A_BATCH = 1000
BYTES_A_BATCH = 900_000  # of 1 MB: room for what the request wraps around the values
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
KEY_LENGTH = 250
DIGEST_LENGTH = 36

_KEY = re.compile(r"[/\w.\- :]+")


def check_key(kind: str, key: str) -> str:
    """The key itself, or ConfigError: letters, digits and `_ - . : / space` of any script, at most 250."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ConfigError(f"{kind} name {key!r}: use letters, digits, spaces and _ - . : /")
    if len(key) > KEY_LENGTH:
        raise ConfigError(f"{kind} name {key[:40]!r}... has {len(key)} characters; at most {KEY_LENGTH}")
    if posixpath.normpath(key) != key or key.startswith(("/", "..")) or key == ".":
        raise ConfigError(f"{kind} name {key!r} must read as a plain relative path, like 'val/loss'")
    return key


def metric_values(values: Mapping[str, Any]) -> dict[str, float]:
    """Checked names and floats; NaN and the infinities are values like others."""
    checked = {}
    for key, value in values.items():
        check_key("metric", key)
        try:
            checked[key] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(f"metric {key!r} must be one number, got {value!r}") from None
    return checked


def metric_step(step: int | None) -> int:
    """A step as a whole number; None means 0."""
    if step is None:
        return 0
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != step or not -(2**63) <= whole < 2**63:
        raise ConfigError(f"a metric's step must be a whole number, got {step!r}")
    return whole


def param_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Checked names and the values as text, whole: shortening is the run's business."""
    return {check_key("param", key): str(value) for key, value in values.items()}


def tag_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Checked names and texts of at most 8,000 characters."""
    texts = {check_key("tag", key): str(value) for key, value in values.items()}
    for key, text in texts.items():
        if len(text) > TAG_LENGTH:
            raise ConfigError(
                f"tag {key!r} has {len(text)} characters; at most {TAG_LENGTH}: log long text as an artifact"
            )
    return texts


def artifact_path(path: str, what: str = "artifact") -> str:
    """A relative path with forward slashes that stays inside the run, or ConfigError."""
    clean = posixpath.normpath(path) if path else ""
    if clean in ("", ".") or clean.startswith(("/", "../")) or clean == ".." or "\\" in path or "\0" in path:
        raise ConfigError(f"{what} name {path!r} must be a relative path inside the run, like 'figures/loss.png'")
    return clean
