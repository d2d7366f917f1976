"""Why a claim was judged so, in one sentence with the numbers that decided.

5 of 7 hold: dropout - none +2.3 points [+1.5, +3.2], p = 0.009; l2 - none ...; and 3 more (Holm over 10)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dlcamp.analysis.contrast_verdicts import ContrastResult
from dlcamp.analysis.contrasts import NO_RUN
from dlcamp.analysis.scale import Scale, p_value, scale_of
from dlcamp.comparison import Comparison, Expect

State = Literal["holds", "fails", "open"]
NAMED = 3
"""Contrasts, and variants without runs, that a sentence names."""


@dataclass(frozen=True)
class Shown:
    """What one contrast shows of a claim; `p_same` is the TOST's."""

    result: ContrastResult
    expect: Expect
    state: State
    p_same: float | None = None


def reasons(
    decisive: Sequence[Shown], all_shown: Sequence[Shown], comparison: Comparison, margin: float | None, tests: int
) -> str:
    """The decisive contrasts, the clearest first; all of one metric are written alike."""
    measured = [one for one in decisive if one.result.n > 1]
    measured.sort(key=lambda one: 2.0 if one.result.p_adjusted is None else one.result.p_adjusted)
    texts = []
    for one in measured[:NAMED]:
        same_metric = [other.result for other in all_shown if other.result.metric == one.result.metric]
        texts.append(_reason(one, difference_scale(same_metric), comparison, margin))
    if len(measured) > NAMED:
        texts.append(f"and {len(measured) - NAMED} more")
    if texts and tests > 1 and decisive[0].expect in ("higher", "lower"):
        texts[-1] += f" (Holm over {tests})"
    if any(one.result.n == 1 for one in decisive):
        texts.append("one seed: no test")
    return "; ".join([*texts, *missing(one.result for one in decisive)])


def missing(results: Iterable[ContrastResult]) -> list[str]:
    """Why contrasts have no data, variants without runs together; empty where all have some."""
    parts = dict.fromkeys(part for one in results if not one.n for part in (one.note or "no shared seed").split("; "))
    names = [part.removeprefix(NO_RUN) for part in parts if part.startswith(NO_RUN)]
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return [*([NO_RUN + listed] if names else []), *(part for part in parts if not part.startswith(NO_RUN))]


def difference_scale(results: Sequence[ContrastResult]) -> Scale:
    """How differences of one metric are written; whether it is a rate, the sides say, unless they are differences."""
    halves: list[float | None] = []
    sides: list[float | None] = []
    for one in results:
        low, high = one.paired.low, one.paired.high
        halves.append((high - low) / 2 if low is not None and high is not None else None)
        sides += [] if one.contrast.minus else [one.first_mean, one.second_mean]
    return scale_of(results[0].metric, sides or halves, halves)


def amount(value: float, scale: Scale) -> str:
    """A declared size as it was declared, whatever digits the estimates earn: `0.5 points`."""
    return f"{value * scale.factor:g}" + (" points" if scale.percent else "")


def _reason(one: Shown, scale: Scale, comparison: Comparison, margin: float | None) -> str:
    """`dropout - none +1.9 points [+1.1, +2.7], p = 0.004`."""
    result, paired = one.result, one.result.paired
    of = "" if result.metric == comparison.metric else f" in {result.metric}"
    text = f"{result.label}{of} {scale.difference(paired.difference)}{' points' if scale.percent else ''}"
    text = " ".join(part for part in (text, scale.interval(paired.low, paired.high, signed=True)) if part)
    if one.expect == "same":
        return f"{text}, " + (
            f"within ±{amount(margin, scale)}: {_p(one.p_same)} (TOST)" if margin else "no margin given"
        )
    if one.expect == "law":
        errors = abs(paired.difference or 0.0) / paired.sd * paired.n**0.5 if paired.sd else None
        return f"{text}, " + ("no spread between seeds" if errors is None else f"{errors:.1f} standard errors")
    needed = f", about {result.seeds_needed} seeds needed" if (result.seeds_needed or 0) > result.n else ""
    return f"{text}, {_p(result.p_adjusted)}{needed}"


def _p(p: float | None) -> str:
    text = p_value(p)
    return "no test" if p is None else f"p {text}" if text.startswith("<") else f"p = {text}"
