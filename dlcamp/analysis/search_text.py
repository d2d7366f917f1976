"""What a search found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from dlcamp.analysis.scale import Scale, p_value
from dlcamp.analysis.search_words import (
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
)
from dlcamp.analysis.searched import Replicated, Searched, SearchTrial

SHOWN, FRONT = 5, 12


def table_lines(searched: Searched, width: int = 100) -> list[str]:
    """Counts, the best trials and the defaults, importances, the front, and the replicated ranking.

    Args:
        width: of the terminal, in columns; long lists of values are cut to it.
    """
    lines = [counted(searched)]
    for error, count in list(causes(searched).items())[:3]:
        lines.append(_cut(f"  failed {count} times: {error.splitlines()[0]}", width))
    if searched.finished():
        lines += _trials(searched, width)
    for metric, shares in searched.importances.items():
        told = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:SHOWN])
        of = f" for {metric}" if len(searched.importances) > 1 else ""
        lines.append(_cut(f"importance{of} (PED-ANOVA): {told}", width))
    if searched.replication:
        replication = searched.replication
        lines += ["", f"the best again, and the defaults, on {seed_count(replication)}"]
        lines += _ranking(replication.rows)
        if replication.also:
            lines += _ranking(replication.also)
    lines += ["", *answer(searched)]
    return lines + ([optimism(searched)] if optimism(searched) else [])


def _trials(searched: Searched, width: int) -> list[str]:
    places = ranks(searched)
    scales = [objective_scale(searched, index) for index in range(len(searched.objectives))]
    several = len(searched.objectives) > 1
    chosen = searched.front()[:FRONT] if several else searched.ranked()[:SHOWN]
    head = "".join(f"{scale.axis:>18}" for scale in scales)
    lines = [f"{'rank':>6}{'trial':>7}{head}   {'on the Pareto front' if several else 'best'}"]
    lines += [_trial(trial, places, scales, searched, width) for trial in chosen]
    defaults = default_trial(searched)
    if defaults is not None and defaults not in chosen:
        lines.append(_trial(defaults, places, scales, searched, width))
    return lines


def _trial(trial: SearchTrial, places: dict[int, int], scales: Sequence[Scale], searched: Searched, width: int) -> str:
    values = "".join(
        f"{objective_text(value, scale):>18}" for value, scale in zip(trial.objectives, scales, strict=True)
    )
    told = "defaults" if trial.defaults else assigned(differing(trial.values, searched), gap="  ").replace(" = ", "=")
    return _cut(f"{places[trial.number]:>6}{trial.number:>7}{values}   {told}", width)


def _ranking(rows: Sequence[Replicated]) -> list[str]:
    scale = ranking_scale(rows)
    lines = [f"  {'':<12}{'n':>3}{scale.axis:>30}{'difference':>28}{'p (Holm)':>10}  verdict"]
    for row in rows:
        mean = f"{scale.value(row.mean)} {scale.interval(row.low, row.high)}".strip()
        difference = ""
        if row.difference is not None:
            low, high = row.difference_low, row.difference_high
            difference = f"{scale.difference(row.difference)} {scale.interval(low, high, signed=True)}".strip()
        p = p_value(row.p) if row.p is not None else ""
        lines.append(f"  {row.label:<12}{row.n:>3}{mean:>30}{difference:>28}{p:>10}  {row.verdict}".rstrip())
    return lines


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
