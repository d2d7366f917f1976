"""What a search found, in words: how values are written, which trials count for what, what may be concluded.

The best of many noisy trials was chosen for its luck too; every sentence here that names it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlcamp.analysis.scale import MINUS, Scale, p_value, scale_of
from dlcamp.analysis.searched import Replicated, Replication, Searched, SearchTrial, Status
from dlcamp.spaces import Choice, Space

STATUSES: tuple[tuple[Status, str], ...] = (
    ("FINISHED", "finished"), ("PRUNED", "pruned"), ("FAILED", "failed"), ("RUNNING", "running"),
    ("WAITING", "waiting"),
)  # fmt: skip
FIXED = "\u00a0"
"""A space at which no line is broken."""
UNIT = f"{FIXED}%"


def value_text(value: Any, most: int = 40) -> str:
    """A value of a config on one line: `0.00123`, `None`, `(128, 64)`; a long one is cut."""
    if isinstance(value, float):
        found = f"{value:.4g}"
    elif isinstance(value, (list, tuple)):  # JSON makes lists of tuples
        found = "(" + ", ".join(value_text(one, most) for one in value) + ("," if len(value) == 1 else "") + ")"
    else:
        found = " ".join(str(value).split())
    return found if len(found) <= most else found[: most - 1] + "…"


def space_text(space: Space) -> str:
    """A space, its options written as values are."""
    if isinstance(space, Choice):
        return "one of " + ", ".join(map(value_text, space.options))
    return str(space)


def same(first: Any, second: Any) -> bool:
    """Whether two values of a field are one, whatever JSON made of tuples; `True` is not 1."""
    return identity(first) == identity(second)


def identity(value: Any) -> str:
    """One text a value: that of an option in memory and of the same one out of a file."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(identity, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(float(value))
    return repr(value)


def differing(values: Mapping[str, Any], searched: Searched) -> dict[str, Any]:
    """Those values that are not the defaults, in the order of the spaces."""
    missing = object()
    return {
        name: values[name]
        for name in searched.spaces
        if name in values and not same(values[name], searched.defaults.get(name, missing))
    }


def assigned(values: Mapping[str, Any], gap: str = ", ", most: int = 40) -> str:
    """`units = 64, dropout = 0.5`."""
    return gap.join(f"{name} = {value_text(value, most)}" for name, value in values.items())


def counted(searched: Searched) -> str:
    """`30 trials: 22 finished, 6 pruned, 2 failed`."""
    known = [f"{count:,} {word}" for status, word in STATUSES if (count := searched.count(status))]
    total = len(searched.trials)
    return f"{total:,} trial{'s' if total != 1 else ''}" + (f": {', '.join(known)}" if known else "")


def objective_scale(searched: Searched, index: int = 0) -> Scale:
    """How one objective is written: rates in percent, others by `objective_text`."""
    return scale_of(searched.objectives[index].metric, [trial.objectives[index] for trial in searched.finished()])


def objective_text(value: float | None, scale: Scale) -> str:
    """A rate as percent with two digits, another value in four digits; large ones whole."""
    if value is None or scale.percent:
        return scale.value(value)
    if 1e4 <= abs(value) < 1e12:
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:.4g}".replace("-", MINUS)


def default_trial(searched: Searched) -> SearchTrial | None:
    """The finished trial of the defaults, if there is one."""
    return next((trial for trial in searched.trials if trial.defaults and trial.status == "FINISHED"), None)


def ranks(searched: Searched) -> dict[int, int]:
    """Number of a finished trial -> its place by the first objective, from 1."""
    return {trial.number: place for place, trial in enumerate(searched.ranked(), 1)}


def ranking_scale(rows: Sequence[Replicated]) -> Scale:
    """How a replicated metric is written; its digits follow from the intervals of the differences."""
    differences = [(one.difference_low, one.difference_high) for one in rows]
    means = [(one.low, one.high) for one in rows]
    widths = [
        [(high - low) / 2 for low, high in ends if low is not None and high is not None]
        for ends in (differences, means)
    ]
    return scale_of(rows[0].metric if rows else "", [one.mean for one in rows], widths[0] or widths[1])


def answer(searched: Searched) -> list[str]:
    """What was found, the replicated ranking before what the trials themselves showed."""
    if not searched.trials:
        return ["No trial has begun."]
    replication = searched.replication
    first = [_replicated(replication)] if replication and replication.rows else []
    if not searched.finished():
        return [*first, "No trial has finished, so there is nothing to say yet."]
    return [*first, _front(searched) if len(searched.objectives) > 1 else _best(searched)]


def optimism(searched: Searched) -> str:
    """What to think of the best value while nothing was replicated; empty where it was, or nothing has finished."""
    count = len(searched.finished())
    if searched.replication or not count:
        return ""
    if count == 1:
        return "One finished trial with one seed: other seeds may well give other values."
    again = "Run the best ones and the defaults again on new seeds: REPLICATE=3"
    if len(searched.objectives) > 1:
        return (
            f"The front of {count:,} noisy trials is optimistic: each was trained with one seed, and luck alone puts "
            f"trials on it. {again}"
        )
    return (
        f"The best of {count:,} noisy trials is not the best config: each was trained with one seed, and the luckiest "
        f"was picked, so its value is optimistic. {again}"
    )


def causes(searched: Searched) -> dict[str, int]:
    """First line of an error -> how many trials failed with it, the most frequent first."""
    errors = [trial.error or "no message" for trial in searched.trials if trial.status == "FAILED"]
    counts: dict[str, int] = {}
    for error in errors:
        counts[error] = counts.get(error, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def seed_count(replication: Replication) -> str:
    """`5 new seeds`."""
    return f"{len(replication.seeds)} new seed{'s' if len(replication.seeds) != 1 else ''}"


def tests(rows: Sequence[Replicated]) -> int:
    """Over how many differences Holm corrected."""
    return sum(row.p is not None for row in rows)


def _replicated(replication: Replication) -> str:
    rows, scale = replication.rows, ranking_scale(replication.rows)
    best, on = rows[0], f"On {seed_count(replication)}"
    if best.mean is None:
        return f"{on} no config has finished."
    if best.trial is None:
        mean = f"the best mean {scale.metric}, {_mean(best, scale)}"
        return f"{on} the defaults have {mean}: the search found nothing better."
    if best.difference is None:
        return f"{on} {best.label} has the best mean {scale.metric}, {_mean(best, scale)}; the defaults have none."
    found = f"{scale.amount(best.difference).replace(' ', FIXED)} {_interval(best, scale)}".strip()
    if best.verdict == "better":
        return f"{on} {best.label} is better than the defaults by {found} in {scale.metric}{_tested(best, rows)}."
    if best.verdict == "one seed":
        return f"{on} {best.label} is ahead of the defaults by {found} in {scale.metric}; one seed allows no test."
    close = "is equivalent to" if best.verdict == "equivalent" else "is not separated from"
    ahead = f"{on} {best.label} has the best mean {scale.metric}"
    return f"{ahead}, but {close} the defaults: {found}{_tested(best, rows)}."


def _mean(row: Replicated, scale: Scale) -> str:
    unit = UNIT if scale.percent else ""
    return f"{scale.value(row.mean)}{unit} {scale.interval(row.low, row.high)}".strip()


def _interval(row: Replicated, scale: Scale) -> str:
    return scale.interval(row.difference_low, row.difference_high, signed=True)


def _tested(row: Replicated, rows: Sequence[Replicated]) -> str:
    if row.p is None:
        return ""
    p = p_value(row.p)
    over = f", Holm over {tests(rows)}" if tests(rows) > 1 else ""
    said = (f"p {p}" if p.startswith("<") else f"p = {p}").replace(" ", FIXED)
    return f" ({said}{over})"


def _best(searched: Searched) -> str:
    ranked, scale = searched.ranked(), objective_scale(searched)
    best, unit, defaults = ranked[0], UNIT if scale.percent else "", default_trial(searched)
    told = f"{scale.metric} {objective_text(best.objectives[0], scale)}{unit}"
    if len(ranked) == 1:
        return f"One trial has finished: {'the defaults' if best.defaults else f'trial {best.number}'}, {told}."
    if best.defaults:
        return f"In the search, none of {len(ranked):,} finished trials was better than the defaults: {told}."
    found = f"In the search, the best of {len(ranked):,} finished trials was trial {best.number}: {told}"
    if defaults is None:
        return f"{found}; the defaults have not finished."
    theirs = f"{objective_text(defaults.objectives[0], scale)}{unit}"
    return f"{found}; the defaults had {theirs} (rank {ranks(searched)[defaults.number]:,})."


def _front(searched: Searched) -> str:
    front, count = searched.front(), len(searched.finished())
    on = " The defaults are on it." if any(trial.defaults for trial in front) else ""
    hold = f"holds {len(front)} of {count:,} finished trials" if count > 1 else "is the one finished trial"
    return f"In the search, the Pareto front of {_listed([one.metric for one in searched.objectives])} {hold}.{on}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"
