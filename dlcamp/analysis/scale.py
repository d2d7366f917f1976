"""How values of one metric are written: rates as percent and their differences as points, with the digits they earn.

Digits follow from what is uncertain: about two significant digits of the typical half-width of an interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

RATES = frozenset(
    {"accuracy", "balanced_accuracy", "error", "error_rate", "precision", "recall", "f1", "sparsity", "rate", "share"}
)
MINUS = "−"


@dataclass(frozen=True)
class Scale:
    """How one metric is written.

    Args:
        metric: its name, "test/accuracy".
        factor: what stored values are multiplied by (100 for a rate).
        digits: after the point.
    """

    metric: str
    factor: float = 1.0
    digits: int = 3

    @property
    def percent(self) -> bool:
        """Whether values are shares shown as percent."""
        return self.factor == 100.0

    @property
    def axis(self) -> str:
        """The metric with its unit, for an axis: `test/accuracy, %`."""
        return f"{self.metric}, %" if self.percent else self.metric

    def value(self, value: float | None) -> str:
        """`93.1`; a dash where there is none."""
        return self._text(value, "")

    def difference(self, value: float | None) -> str:
        """`+1.9`."""
        return self._text(value, "+")

    def interval(self, low: float | None, high: float | None, signed: bool = False) -> str:
        """`[1.1, 2.7]`; empty where there is none."""
        if low is None or high is None:
            return ""
        sign = "+" if signed else ""
        return f"[{self._text(low, sign)}, {self._text(high, sign)}]"

    def amount(self, value: float) -> str:
        """A size of a difference without its sign: `1.9 points`, `0.013`."""
        return self._text(abs(value), "") + (" points" if self.percent else "")

    def _text(self, value: float | None, sign: str) -> str:
        if value is None or not math.isfinite(value):
            return "–"
        text = f"{value * self.factor:{sign}.{self.digits}f}"
        if float(text) == 0:
            text = text.lstrip("+-")  # no negative zero
        return text.replace("-", MINUS)


def scale_of(metric: str, values: Iterable[float | None], half_widths: Iterable[float | None] = ()) -> Scale:
    """The scale of a metric.

    Args:
        metric: its name; a rate by its last word, and only if all values lie in [0, 1].
        values: those that are shown.
        half_widths: of the intervals that are shown.
    """
    shown = [value for value in values if value is not None and math.isfinite(value)]
    name = metric.rpartition("/")[2]
    rate = (name in RATES or name.endswith(("_accuracy", "_error", "_rate", "_share"))) and all(
        0 <= value <= 1 for value in shown
    )
    factor = 100.0 if rate else 1.0
    widths = [abs(width) * factor for width in half_widths if width]
    if widths:
        return Scale(metric, factor, _digits(median(widths) / 3))
    typical = median([abs(value) * factor for value in shown] or [1.0])
    return Scale(metric, factor, 2 if rate else _digits(typical / 1000))


def _digits(resolution: float) -> int:
    return min(max(math.ceil(-math.log10(resolution)), 0), 6) if resolution > 0 else 3


def short(value: float | None) -> str:
    """A number of any size in about three digits: `0.0123`, `12.3`, `45,600`, `1.2e-07`."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0 or 1e-4 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", MINUS)
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.2g}".replace("-", MINUS)


def p_value(p: float | None) -> str:
    """`0.004`, `< 0.001`; a dash where no test was made."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def seconds(value: float | None) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
