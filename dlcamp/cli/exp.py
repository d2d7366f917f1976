"""`exp`: run one experiment, from a validated config to the lines a person reads at the end."""

from __future__ import annotations

import shlex
from pathlib import Path

from dlcamp.cli.commands import Given
from dlcamp.config import Layer, resolve
from dlcamp.discovery import Preset, find, load, settings
from dlcamp.errors import ConfigError, UnknownName, UserError


def run(given: Given, root: Path) -> int:
    """Validate before anything heavy loads, then execute and say how it ended."""
    from dlcamp import runner

    if given.get("RESUME"):
        return _resume(given, root)
    if not given.get("NAME"):
        raise UserError("exp needs NAME=...\nexample: make exp NAME=caption_lstm\nsee them all: make list")
    plan = runner.prepare(request(given, root), root)
    if given.flag("DRY"):
        return _dry(plan, given)
    from dlcamp.cli.ending import ending
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    if given.flag("EXPLAIN"):
        say("\n".join(runner.explain(plan, store.reader)))
    outcome = runner.execute(plan, store, say)
    say(ending(outcome, plan.request.experiment, store))
    return 0


def request(given: Given, root: Path):  # type: ignore[no-untyped-def]
    """The request that NAME, DATA, PRESET, SET, SEED, NOTE, TAGS and FORCE make."""
    from dlcamp.runner import Request

    one = find(root, str(given.get("NAME")))
    written, preset = settings(root, one), given.get("PRESET")
    chosen = written.preset(preset) if preset else Preset()
    experiment = load(one)
    unknown = [name for name in written.data if name not in experiment.data]
    if unknown:
        raise UnknownName(f"data set in {written.path}", unknown[0], experiment.data)
    data = given.get("DATA") or chosen.data or experiment.data[0]
    layers = [
        Layer(f"base of {written.path.name}", written.base),
        Layer(f"data {data} of {written.path.name}", written.data.get(data, {})),
        Layer(f"preset {preset}", chosen.values),
        Layer("SET", assignments(given.get("SET") or "")),
        Layer("SEED", {"seed": given.get("SEED")} if given.get("SEED") else {}),
    ]
    return Request(
        experiment=experiment,
        resolved=resolve(experiment.config_type, layers),
        data=data,
        preset=preset,
        note=given.get("NOTE") or "",
        labels=given.words("TAGS"),
        force=given.flag("FORCE"),
    )


def assignments(text: str) -> dict[str, str]:
    """`"epochs=12 units=512"` as a mapping.

    Raises:
        ConfigError: a word that is not key=value, or a key twice.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"SET={text!r} cannot be split into words: {error}") from None
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ConfigError(f'SET takes key=value words, got {word!r}\nexample: SET="epochs=12 units=512"')
        if key in found:
            raise ConfigError(f"SET names {key} twice: {found[key]!r} and {value!r}")
        found[key] = value
    return found


def _resume(given: Given, root: Path) -> int:
    from dlcamp import runner
    from dlcamp.cli.ending import ending
    from dlcamp.tracking import open_store

    extra = [name for name in ("SET", "SEED", "PRESET", "DATA", "NOTE", "TAGS") if given.get(name)]
    if extra:
        raise UserError(f"RESUME goes on with the run's own config; leave out {', '.join(extra)}")
    store = open_store(say=say)
    row = store.reader.run(str(given.get("RESUME")))
    if given.get("NAME") not in (None, row.experiment):
        raise UserError(f"{row.name} is a run of {row.experiment}, not of {given.get('NAME')}")
    if given.flag("DRY"):
        say(f"would resume {row.name} ({row.status})")
        return 0
    outcome = runner.resume(row.id, store, root, say, given.flag("FORCE"))
    say(ending(outcome, load(find(root, row.experiment)), store))
    return 0


def _dry(plan, given: Given) -> int:  # type: ignore[no-untyped-def]
    from dlcamp.cli.ending import age
    from dlcamp.config import flatten
    from dlcamp.runner import cached_run, explain
    from dlcamp.tracking import open_existing_store

    asked = plan.request
    say(f"{plan.run_name}  on {asked.data}" + (f"  preset {asked.preset}" if asked.preset else ""))
    for key, value in flatten(asked.resolved.config.model_dump(mode="json")).items():
        say(f"  {key:<24} {value!s:<16} {asked.resolved.origins[key]}")
    store = open_existing_store()
    found = cached_run(plan, store.reader) if store else None
    if given.flag("EXPLAIN"):
        say("\n".join(explain(plan, store.reader)) if store else "no store yet: nothing to compare with")
    if found and not asked.force:
        say(f"would be taken from the cache: {found.name}, {age(found)}")
    else:
        say("would run; nothing was written (DRY=1)")
    return 0


def say(line: str) -> None:
    """A line for the person at the terminal."""
    print(line, flush=True)
