"""One difference between a run and its reproduction, and when two values are the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Part = Literal["config", "data", "code", "environment", "metric", "predictions", "model"]
ORDER: tuple[Part, ...] = ("config", "data", "code", "environment", "metric", "predictions", "model")
"""Causes before effects: what comes first explains what comes after."""

TOLERANCE = 1e-6
"""Relative. Eight roundings of a float32 (1.2e-7 each): sums of the same numbers in another order, as another
processor or number of threads makes them, stay within it at first; another seed or other data do not."""

ROUNDING = 1e-15
"""Absolute: a difference of two equal doubles of about one is noise of this size, and has no relative precision."""


@dataclass(frozen=True)
class Difference:
    """Where a value was another one, and both as text.

    Args:
        what: a package, "train/loss at step 3", "row 12 (image_7.jpg), caption".
        within: whether the values agree within the tolerance.
        apart: how far two numbers are apart, for a person.
        moment: when the original logged it (seconds since the epoch) and its step: metrics are put in this order.
    """

    part: Part
    what: str
    before: str
    now: str
    within: bool = field(default=False, kw_only=True)
    apart: str = field(default="", kw_only=True)
    moment: tuple[float, int] = field(default=(0.0, 0), kw_only=True)

    def __str__(self) -> str:
        return f"{self.what}: {self.before} then, {self.now} now{self.apart}"


def same(before: Any, now: Any) -> bool:
    """Whether two values are equal; NaN equals NaN."""
    return close(before, now, 0.0)


def close(before: Any, now: Any, tolerance: float) -> bool:
    """Whether two values are equal, or numbers within a relative `tolerance`; lists and mappings value by value."""
    if _is_list(before) and _is_list(now):
        return len(before) == len(now) and all(
            close(one, other, tolerance) for one, other in zip(before, now, strict=True)
        )
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return before.keys() == now.keys() and all(close(value, now[key], tolerance) for key, value in before.items())
    # an integer or a truth is a count or a choice: it is the same or it is not
    if before == now or not (isinstance(before, float) and isinstance(now, float)):
        return bool(before == now)
    if math.isnan(before) and math.isnan(now):
        return True
    return tolerance > 0 and math.isclose(before, now, rel_tol=tolerance, abs_tol=ROUNDING)


def shown(value: Any) -> str:
    """A value as text, a float with all its digits, long ones cut."""
    text = repr(value) if isinstance(value, (str, float)) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def apart(before: Any, now: Any) -> str:
    """How far two numbers are apart, for a person; empty for what are no numbers."""
    if not (isinstance(before, float) and isinstance(now, float)) or not math.isfinite(before - now):
        return ""
    return f" (relative {abs(before - now) / max(abs(before), abs(now)):.1e})"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
