"""What commands that start worker processes share: how many, with how many threads, and the command as it was typed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from dlcamp.cli.commands import Given
from dlcamp.errors import UserError


def workers_of(given: Given, runs: int, cores: int) -> int:
    """WORKERS; two where nothing is said and there is work for two."""
    text = given.get("WORKERS")
    if text is None:
        return max(1, min(2, cores, runs))
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"WORKERS={text!r}: give a number of processes, at least 1 (this machine has {cores} cores)")
    return int(text)


def threads_of(workers: int, cores: int) -> int:
    """An equal share of the processors; DLCAMP_THREADS says otherwise (to compare numbers of workers fairly)."""
    text = os.environ.get("DLCAMP_THREADS", "")
    if text and (not text.isdecimal() or int(text) < 1):
        raise UserError(f"DLCAMP_THREADS={text!r}: give a number of threads a worker, at least 1")
    return int(text) if text else max(1, cores // workers)


def make_command(word: str, values: Mapping[str, str]) -> str:
    """`make search NAME=regularizers SET="epochs=3 batch=16"`: as it is typed into a shell, the name first."""
    ordered = sorted(values.items(), key=lambda item: item[0] != "NAME")
    return f"make {word} " + " ".join(
        f'{name}="{value}"' if shlex.quote(value) != value else f"{name}={value}" for name, value in ordered
    )


def count(number: int, what: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{number} {what}{'s' if number != 1 else ''}"
