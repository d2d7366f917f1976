"""`register`: verify the best run's model and make it the champion."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.discovery import find, load
from dlcamp.errors import UnknownName


def run(given: Given, root: Path) -> int:
    """Register and print every check."""
    experiment = load(find(root, str(given.get("NAME"))))
    data = given.get("DATA") or experiment.data[0]
    if data not in experiment.data:
        raise UnknownName(f"data set for {experiment.name}", data, experiment.data)
    from dlcamp.registry.register import register
    from dlcamp.tracking import open_store

    if experiment.predictor:
        say("checking; a model that passes is loaded in a new process and scored again (seconds to a minute) ...")
    registered = register(open_store(say=say), experiment, data, run=given.get("RUN"))
    for check in registered.checks:
        say(f"  ok       {check}")
    already = "" if registered.changed else " already; nothing was changed"
    say(f"champion   {registered.name} version {registered.version}, run {registered.run}{already}")
    say(
        f"use it     .venv/bin/python -m dlcamp caption {registered.name}@champion photo.jpg"
        if experiment.name.startswith("caption")
        else f"load it    models:/{registered.name}@champion"
    )
    return 0
