"""The preset `best`: what `make exp PRESET=best` must say to run the config that the replication ranked first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from dlcamp.analysis.searched import Replicated, Replication
from dlcamp.config import Layer, flatten, resolve
from dlcamp.search.asked import Search


def preset_of(
    search: Search, winner: Replicated, before: Sequence[Layer], has_grid: bool, names_data: bool
) -> dict[str, Any]:
    """Field -> value, of what differs from the yaml's base and data sections.

    Args:
        before: those layers.
        has_grid: whether the experiment is an ablation by default; the preset is one run of the found config.
        names_data: whether the data set is another than the default.
    """
    config_type = search.base.request.experiment.config_type
    usual = flatten(resolve(config_type, before).config.model_dump(mode="python"))
    wanted = flatten(search.space.resolved(winner.values, 0).config.model_dump(mode="python"))
    found = {name: value for name, value in wanted.items() if name != "seed" and value != usual[name]}
    if has_grid:
        found = {"variants": [], "axes": {}, "seeds": [], **found}
    return {"data": search.base.request.data, **found} if names_data else found


def provenance(search: Search, replication: Replication) -> list[str]:
    """Where the preset comes from, in lines for the yaml."""
    winner, tags = replication.rows[0], search.base.request
    other = next((row for row in replication.rows if row.trial is None), None)
    lines = [
        f"written by `{search.command}` on {time.strftime('%Y-%m-%d')}",
        f"{winner.label} of study {search.path.name}, on {tags.data}, seeds {', '.join(map(str, replication.seeds))}",
        f"{winner.metric}: {_interval(winner.mean, winner.low, winner.high)}"
        + (f"; defaults {_interval(other.mean, other.low, other.high)}" if other else ""),
    ]
    if winner.difference is not None:
        p = f", p = {winner.p:.2g} (Holm)" if winner.p is not None else ""
        said = f"difference {_interval(winner.difference, winner.difference_low, winner.difference_high)}"
        lines.append(f"{said}{p}: {winner.verdict}")
    also = next((row for row in replication.also if row.label == winner.label), None)
    if also is not None and also.difference is not None:
        said = _interval(also.difference, also.difference_low, also.difference_high)
        lines.append(f"{also.metric}: difference {said}: {also.verdict}")
    git = _commit(search)
    lines.append(f"runs {replication.name}" + (f", commit {git}" if git else ""))
    return lines


def _interval(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None:
        return "unknown"
    return f"{mean:.4g}" + (f" [{low:.4g}, {high:.4g}]" if low is not None and high is not None else "")


def _commit(search: Search) -> str:
    from dlcamp.tracking.provenance import git_state

    git = git_state(search.base.root)
    return f"{git['commit'][:12]}{' with uncommitted changes' if git['dirty'] else ''}" if git else ""
