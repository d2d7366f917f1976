"""`rollback`: make the champion before this one the champion again."""

from __future__ import annotations

from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.discovery import find, load
from dlcamp.errors import UnknownName, UserError


def run(given: Given, root: Path) -> int:
    """Move the aliases, record it, and say who holds which title now."""
    experiment = load(find(root, str(given.get("NAME"))))
    data = given.get("DATA") or experiment.data[0]
    if data not in experiment.data:
        raise UnknownName(f"data set for {experiment.name}", data, experiment.data)
    from dlcamp.registry.aliases import registered_name
    from dlcamp.registry.judgement import user
    from dlcamp.registry.rollback import rollback
    from dlcamp.tracking import open_existing_store

    store = open_existing_store(say=say)
    if store is None:
        raise UserError(f"nothing was ever run here, so that {experiment.name} has no champion")
    done = rollback(store, registered_name(experiment.name, data), by=user(), why=given.get("NOTE") or "")
    if done.mended:
        say("an earlier rollback was cut off; it is complete now")
    say(f"champion {done.name} version {done.record.back_to} again, instead of version {done.record.instead_of}")
    say(f"titles   {', '.join(f'{alias} version {version}' for alias, version in done.titles.items())}")
    say(f"next     undo: make rollback NAME={experiment.name} DATA={data}")
    return 0
