"""`gc`: what on the disk nobody needs any more, how much it is, and with FIX=1 its removal."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.data.fetch.remote import amount
from dlcamp.errors import UserError

if TYPE_CHECKING:
    from dlcamp.room.leftover import Leftover
    from dlcamp.room.limits import Limits
    from dlcamp.room.sweep import Found

_SHOWN, _PROBLEMS = 3, 20


def run(given: Given, root: Path) -> int:
    """Show what may go by kind; FIX=1 removes it and says what could not go. 1 where something could not."""
    limits, fix, all_features = _limits(given), given.flag("FIX"), given.flag("FEATURES")
    from dlcamp.paths import home, runs_folder
    from dlcamp.room.sweep import find, is_local
    from dlcamp.tracking import open_existing_store

    if not home().is_dir():
        raise UserError(f"there is no folder {home()}; DLCAMP_HOME names the folder that holds mlruns/ and data/")
    store = open_existing_store()
    if store is None:
        say(f"no store in {runs_folder()}: what runs and models left is not judged without one")
    else:
        say(f"store      {store.uri}")
        if not is_local(store):
            say("           its runs and models are not judged here (there: mlflow gc), only what lies on this disk")
    found = find(store, limits, all_features=all_features)
    for line in _table(found):
        say(line)
    for kept in found.kept:
        say(f"stays      {kept.what}: {kept.count:,}, {amount(kept.size)}; {kept.advice}")
    if not found.leftovers:
        return 0
    if fix:
        return _remove(found)
    say(f"next       {_next(limits, all_features)}")
    return 0


def _limits(given: Given) -> Limits:
    from dlcamp.room.limits import Limits

    text = given.get("OLDER")
    if text is None:
        return Limits()
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 <= days < math.inf:
        raise UserError(
            f"OLDER={text!r} is no number of days\nexample: make gc OLDER=30 (0: runs that ended just now too)"
        )
    return Limits(days)


def _table(found: Found) -> list[str]:
    """A line a kind, with why and the largest of it."""
    from dlcamp.room.leftover import total
    from dlcamp.room.sweep import KINDS

    if not found.leftovers:
        return ["nothing can go"]
    lines = [f"{'what may go':<16} {'count':>7} {'size':>10}  the largest, and why"]
    for kind in KINDS:
        some = found.of(kind)
        for place, one in enumerate(some[:_SHOWN]):
            head = f"  {kind:<14} {len(some):>7,} {amount(total(some)):>10}" if not place else " " * 35
            lines.append(f"{head}  {_one(one)}")
        if len(some) > _SHOWN:
            lines.append(f"{' ' * 35}  and {len(some) - _SHOWN:,} more")
    lines.append(f"  {'in all':<14} {len(found.leftovers):>7,} {amount(total(found.leftovers)):>10}")
    return lines


def _one(one: Leftover) -> str:
    return f"{one.name}, {amount(one.size)}: {one.why}"


def _remove(found: Found) -> int:
    from dlcamp.room.sweep import sweep

    freed, gone = 0, 0
    problems: list[str] = []
    for one, removal in sweep(found.leftovers):
        freed += removal.freed
        gone += not removal.stayed and not removal.problems
        if removal.stayed:
            say(f"stayed     {one.name} ({one.kind}): {removal.stayed}")
        problems += removal.problems
    for line in problems[:_PROBLEMS]:
        say(f"not gone   {line}")
    if len(problems) > _PROBLEMS:
        say(f"not gone   and {len(problems) - _PROBLEMS:,} more")
    say(f"removed {gone:,} of {len(found.leftovers):,}; {amount(freed)} are free again")
    if problems:
        say("next       give yourself the right to remove what is named above, then: make gc FIX=1")
    return 1 if problems else 0


def _next(limits: Limits, all_features: bool) -> str:
    from dlcamp.room.limits import OLDER

    older = f" OLDER={limits.days:g}" if limits.days != OLDER else ""
    return f"make gc FIX=1{older}{' FEATURES=1' if all_features else ''}"
