"""What a search found as lines for a terminal: what is concluded, then trials, importances, front and new seeds.

Nothing here computes; lines are cut or wrapped to the width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from dlcamp.analysis.scale import Scale, p_value
from dlcamp.analysis.search_words import (
    FIXED,
    answer,
    assigned,
    causes,
    counted,
    default_trial,
    differing,
    objective_scale,
    objective_text,
    optimism,
    ranking_scale,
    ranks,
    seed_count,
    tests,
)
from dlcamp.analysis.searched import Replicated, Replication, Searched, SearchTrial
from dlcamp.analysis.text_columns import MARKS, WIDTH, columns

BEST, FRONT, CAUSES, FIELDS = 5, 12, 3, 6
"""Trials, members of the front, causes of failure and importances that are shown."""


def table_lines(searched: Searched, width: int = WIDTH) -> list[str]:
    """Lines without colour.

    Args:
        width: of the terminal, in columns; the replicated ranking needs about 90.
    """
    parts = [[counted(searched), *_causes(searched)]]
    if searched.finished():
        parts.append(_trials(searched, width))
    parts.append([line for text in _importances(searched) for line in _wrapped(text, width, "    ")])
    if searched.replication is not None:
        parts.append(_replication(searched.replication))
    said = (*answer(searched), optimism(searched), searched.scorings)
    parts.append([line for text in said for line in _wrapped(text, width)])
    lines: list[str] = []
    for part in parts:
        lines += ([""] if lines and part else []) + [_cut(line, width) for line in part]
    return lines


def _causes(searched: Searched) -> list[str]:
    found = causes(searched)
    lines = [f"  {count:,} failed: {' '.join(error.split())}" for error, count in list(found.items())[:CAUSES]]
    more = len(found) - CAUSES
    return [*lines, *([f"  and {more} other cause{'s' if more > 1 else ''}"] if more > 0 else [])]


def _trials(searched: Searched, width: int) -> list[str]:
    """The best by the objective, or the front of several; the defaults, wherever they are."""
    several = len(searched.objectives) > 1
    places, default = ranks(searched), default_trial(searched)
    front = sorted(searched.front(), key=lambda one: places[one.number]) if several else []
    shown = (front or searched.ranked())[: FRONT if several else BEST]
    if default is not None and default not in shown:
        shown = [*shown, default]
    scales = [objective_scale(searched, index) for index in range(len(searched.objectives))]
    on = {trial.number for trial in front}
    title = f"the Pareto front, {len(front):,} of {len(places):,}" if several else f"the best of {len(places):,}"
    head = ["rank", "trial", *(scale.axis for scale in scales)]
    table = columns([head, *(_numbers(trial, places, scales) for trial in shown)], left=())
    lines = [f"{table[0]}  {title}: what they change"]
    indent = " " * (max(map(len, table)) + 2)
    for numbers, trial in zip(table[1:], shown, strict=True):
        lines += _wrapped(_values(trial, searched, several and trial.number not in on), width, indent, numbers + "  ")
    more = len(front) - FRONT
    return [*lines, *([f"({more} more on the front)"] if more > 0 else [])]


def _numbers(trial: SearchTrial, places: dict[int, int], scales: Sequence[Scale]) -> list[str]:
    values = [objective_text(value, scale) for value, scale in zip(trial.objectives, scales, strict=True)]
    return [f"{places[trial.number]:,}", str(trial.number), *values]


def _values(trial: SearchTrial, searched: Searched, beaten: bool) -> str:
    if trial.defaults:
        return "the defaults" + (", not on the front" if beaten else "")
    values = assigned(differing(trial.values, searched), "\n", 24).replace(" = ", "=")
    return values.replace(" ", FIXED).replace("\n", "  ") or "as the defaults"


def _importances(searched: Searched) -> list[str]:
    lines, trials = [], len(searched.finished())
    for metric, shares in searched.importances.items():
        top = sorted(shares.items(), key=lambda item: -item[1])[:FIELDS]
        if top:
            of = f" for {metric}" if len(searched.importances) > 1 else ""
            told = ", ".join(f"{name} {share:.0%}" for name, share in top)
            lines.append(f"importances{of}: {told}  (PED-ANOVA, {trials:,} trials)")
    return lines


def _replication(replication: Replication) -> list[str]:
    lines = [f"the best again on {seed_count(replication)}, and what they differ from the defaults by, paired by seed"]
    for rows in (replication.rows, replication.also):
        lines += _ranking(rows) if rows else []
    return lines


def _ranking(rows: Sequence[Replicated]) -> list[str]:
    scale, several = ranking_scale(rows), tests(rows) > 1
    interval = "95 % interval" if any(row.low is not None for row in rows) else ""
    difference = "points" if scale.percent else "difference"
    head = ["", "n", scale.axis, interval, difference, interval, "p (Holm)" if several else "p", "verdict"]
    table = [head]
    for row in rows:
        own = row.difference is not None
        table.append(
            [
                row.label,
                str(row.n),
                scale.value(row.mean),
                scale.interval(row.low, row.high),
                scale.difference(row.difference) if own else "",
                scale.interval(row.difference_low, row.difference_high, signed=True),
                p_value(row.p) if row.p is not None else "",
                f"{MARKS.get(row.verdict, '·')} {row.verdict}" if row.verdict else "",
            ]
        )
    return columns(table, left=(0, 7))


def _wrapped(text: str, width: int, rest: str = "", first: str = "") -> list[str]:
    """A text in lines, `first` before it and `rest` before the lines that follow; what must stay together does."""
    found = textwrap.wrap(
        text, max(width, len(rest) + 24), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
    return [line.replace(FIXED, " ") for line in found]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"
