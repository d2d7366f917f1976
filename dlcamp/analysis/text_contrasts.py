"""Contrasts as lines of text: difference, interval, a small forest plot, p, effect and verdict."""

from __future__ import annotations

from collections.abc import Sequence

from dlcamp.analysis.claim_reasons import amount, difference_scale, missing
from dlcamp.analysis.findings import ContrastResult, Findings
from dlcamp.analysis.scale import MINUS, Scale, p_value
from dlcamp.analysis.text_columns import MARKS, WIDTH, columns, wrapped

LABEL = 28
"""A longer label gets a line of its own."""
PLOT = (9, 23)
"""Least and most columns of the forest plot; odd, so that zero has the middle one."""


def contrast_lines(findings: Findings) -> list[str]:
    """Those with data, in groups: against the baseline, then the claims' own by metric; then what they need."""
    groups: dict[tuple[bool, str], list[ContrastResult]] = {}
    for one in findings.contrasts:
        if one.paired.difference is not None:
            groups.setdefault((not against_baseline(one, findings), one.metric), []).append(one)
    lines: list[str] = []
    for (others, _), members in sorted(groups.items(), key=lambda item: item[0][0]):
        lines += ["", *_group(members, findings, not others)]
    return [*lines, *_empty(findings), *_needed(findings), *_method(findings)]


def against_baseline(one: ContrastResult, findings: Findings) -> bool:
    """Whether it is a variant minus the baseline, all axes averaged, in the compared metric."""
    contrast, comparison = one.contrast, findings.comparison
    own = contrast.second == comparison.baseline and one.metric == comparison.metric
    return own and not contrast.at and not contrast.second_at and contrast.minus is None


def _group(results: list[ContrastResult], findings: Findings, against: bool) -> list[str]:
    scale = difference_scale(results)
    if against:
        sign = -1 if findings.comparison.higher_is_better else 1
        results = sorted(results, key=lambda one: sign * (one.paired.difference or 0.0))
    title = f"{scale.metric} {MINUS} {findings.comparison.baseline}" if against else scale.metric
    labels = [one.contrast.first if against else one.label.replace(" - ", f" {MINUS} ") for one in results]
    tested = any(one.n > 1 for one in results)
    head = [title if len(title) <= LABEL else "", "n", "points" if scale.percent else "difference"]
    p = "p (Holm)" if sum(one.p_adjusted is not None for one in findings.contrasts) > 1 else "p"
    head += [f"{findings.level * 100:g} % interval", p, "effect", "verdict"] if tested else []
    short = [label if len(label) <= LABEL else "" for label in labels]
    table = [head, *([label, *_cells(one, scale, findings, tested)] for label, one in zip(short, results, strict=True))]
    lines = columns(table, left=(0, 6))
    lines = _with_plots(table, lines, results) if tested else lines
    notes = [one.note if one.verdict != "one seed" else "" for one in results]
    shared = notes[0] if len(notes) > 1 and len(set(notes)) == 1 else ""
    made = [*([] if len(title) <= LABEL else wrapped(title)), lines[0]]
    for line, label, name, note in zip(lines[1:], labels, short, notes, strict=True):
        made += [*([] if name else wrapped(label)), line]
        made += wrapped(note, "    ") if note and not shared else []
    return [*made, *(wrapped(f"each: {shared}", "    ") if shared else [])]


def _cells(one: ContrastResult, scale: Scale, findings: Findings, tested: bool) -> list[str]:
    paired = one.paired
    cells = [str(one.n), scale.difference(paired.difference)]
    if not tested:
        return cells
    effect = f"{paired.effect:+.1f}".replace("-", MINUS) if paired.effect is not None else "–"
    verdict = f"{MARKS[one.verdict]} {_word(one, findings)}"
    return [*cells, scale.interval(paired.low, paired.high, signed=True), p_value(one.p_adjusted), effect, verdict]


def _word(one: ContrastResult, findings: Findings) -> str:
    """Of a law, whether it agrees; of a metric that is not the one compared by, higher or lower than the other."""
    direction = "higher" if (one.paired.difference or 0.0) > 0 else "lower"
    if one.n > 1 and one.p_adjusted is None and not isinstance(one.contrast.second, str):
        return "agrees" if one.verdict == "not separated" else direction
    own = one.metric == findings.comparison.metric
    return one.verdict if own or one.verdict not in ("better", "worse") else direction


def _with_plots(table: Sequence[Sequence[str]], lines: list[str], results: Sequence[ContrastResult]) -> list[str]:
    """The lines with a forest plot after the label, where there is room for one."""
    label = max(len(row[0]) for row in table)
    room = WIDTH - max(map(len, lines)) - 2
    width = min(room - (room % 2 == 0), PLOT[1])
    reach = max(
        (abs(end) for one in results for end in (one.paired.low, one.paired.high, one.paired.difference) if end),
        default=0,
    )
    if width < PLOT[0] or not reach:
        return lines
    plots = [" " * width, *(_plot(one, width, reach) for one in results)]
    return [f"{line[:label].ljust(label)}  {plot}{line[label:]}" for line, plot in zip(lines, plots, strict=True)]


def _plot(one: ContrastResult, width: int, reach: float) -> str:
    """`   │ ├──●──┤ `: zero, the interval and the mean, filled where the verdict is more than "not separated"."""
    middle, paired = width // 2, one.paired

    def place(value: float) -> int:
        return middle + round(value / reach * middle)

    drawn = [" "] * width
    if paired.low is not None and paired.high is not None:
        low, high = place(paired.low), place(paired.high)
        drawn[low : high + 1] = "─" * (high + 1 - low)
        drawn[low], drawn[high] = "├", "┤"
    drawn[middle] = {" ": "│", "─": "┼"}.get(drawn[middle], drawn[middle])
    drawn[place(paired.difference or 0.0)] = "●" if one.verdict in ("better", "worse", "equivalent") else "○"
    return "".join(drawn)


def _empty(findings: Findings) -> list[str]:
    """What contrasts without data lack, in one paragraph."""
    count = sum(one.verdict == "no data" for one in findings.contrasts)
    lacking = "; ".join(missing(findings.contrasts))
    return (
        ["", *wrapped(f"no data for {count} declared contrast{'s' if count > 1 else ''}: {lacking}")] if count else []
    )


def _needed(findings: Findings) -> list[str]:
    interesting = findings.comparison.smallest_interesting
    open_ones = [one for one in findings.contrasts if (one.seeds_needed or 0) > one.n]
    if not open_ones or interesting is None:
        return []
    scale = difference_scale(open_ones)
    each = ", ".join(
        f"{one.contrast.first if against_baseline(one, findings) else one.label} {one.seeds_needed}"
        for one in open_ones
    )
    return ["", *wrapped(f"seeds that would separate {amount(interesting, scale)} (80 % power, roughly): {each}")]


def _method(findings: Findings) -> list[str]:
    tests = sum(one.p_adjusted is not None for one in findings.contrasts)
    if not tests:
        one_seed = any(one.verdict == "one seed" for one in findings.contrasts)
        return ["", "one seed: no test; other seeds may well order the variants differently"] if one_seed else []
    by = f"verdicts by p (Holm over {tests})" if tests > 1 else "verdict by p"
    text = f"paired on shared seeds; {by}; intervals uncorrected; effect: mean / sd (Hedges)"
    return ["", *wrapped(text, "", "")]
