"""`reproduce`: a finished run again, from the code, config, data and seeds it recorded, and compared with it."""

from __future__ import annotations

import math
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.errors import UnknownName, UserError


def run(given: Given, root: Path) -> int:
    """Print the verdict; 0 for identical (also in part) or within tolerance, 3 for different."""
    wanted = _run(given)
    tolerance = _tolerance(given)
    from dlcamp.reproduce.engine import reproduce
    from dlcamp.reproduce.verdict import lines
    from dlcamp.tracking import open_existing_store

    store = open_existing_store(say=say)
    if store is None:
        raise UnknownName("run", wanted, [], "the store is empty; start one: make exp NAME=caption_lstm")
    verdict = reproduce(store, wanted, root, say, tolerance)
    say("\n".join(["", *lines(verdict)]))
    return 3 if verdict.word == "different" else 0


def _run(given: Given) -> str:
    named = [*([given.get("RUN")] if given.get("RUN") else []), *given.positional]
    if len(named) != 1:
        got = f", got {', '.join(map(str, named))}" if named else ""
        raise UserError(f"reproduce takes one run{got}\nexample: make reproduce RUN=caption_lstm-s0-3f9c")
    return str(named[0])


def _tolerance(given: Given) -> float:
    from dlcamp.reproduce.difference import TOLERANCE

    text = given.get("TOLERANCE")
    try:
        value = TOLERANCE if text is None else float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise UserError(
            f"TOLERANCE={text!r}: give a relative difference from 0 (bit for bit) to below 1; default {TOLERANCE:g}"
        )
    return value
