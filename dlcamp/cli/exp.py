"""`exp`: run one experiment, from a validated config to the lines a person reads at the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.config import Layer, resolve
from dlcamp.discovery import find, load
from dlcamp.errors import ConfigError, UnknownName, UserError
from dlcamp.experiment import Experiment
from dlcamp.settings import Preset, pick, settings

if TYPE_CHECKING:
    from dlcamp.runner import Request


def run(given: Given, root: Path) -> int:
    """Validate before anything heavy loads, then execute and say how it ended."""
    from dlcamp import runner

    if given.get("RESUME"):
        return _resume(given, root)
    if not given.get("NAME"):
        raise UserError("exp needs NAME=...\nexample: make exp NAME=caption_lstm\nsee them all: make list")
    if is_ablation(given, root):
        from dlcamp.cli.ablate import run_design

        return run_design(given, root)
    plan = runner.prepare(request(given, root), root)
    if given.flag("DRY"):
        return _dry(plan, given)
    from dlcamp.cli.ending import ending
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    plan = runner.with_models(plan, store)
    if given.flag("EXPLAIN"):
        say("\n".join(runner.explain(plan, store.reader)))
    outcome = runner.execute(plan, store, say)
    say(ending(outcome, plan.request.experiment, store))
    return 0


def is_ablation(given: Given, root: Path) -> bool:
    """Whether there are several runs to make: the yaml declares variants, axes or seeds, or SEEDS asks for some.

    Raises:
        UserError: SEED (one run) and SEEDS or WORKERS (several) together.
    """
    grid = settings(root, find(root, str(given.get("NAME")))).grid(given.get("PRESET"))
    if given.get("SEED"):
        several = [name for name in ("SEEDS", "WORKERS") if given.get(name)]
        if several or len(given.words("VARIANT")) > 1:
            raise UserError(f"SEED asks for one run, {(several or ['several VARIANTs'])[0]} for several: leave one out")
        return False
    return bool(grid) or bool(given.get("SEEDS"))


def request(given: Given, root: Path) -> Request:
    """The request of one run that NAME, DATA, PRESET, VARIANT, SET, SEED, NOTE, TAGS and FORCE make."""
    one = find(root, str(given.get("NAME")))
    experiment, data, before, after = layers(given, root)
    grid = settings(root, one).grid(given.get("PRESET"))
    named = pick(grid.variants, given.words("VARIANT"), "variant", settings(root, one).path)
    for name, variant in named.items():
        before = (*before, Layer(f"variant {name}", variant.values))
    seed = Layer("SEED", {"seed": given.get("SEED")} if given.get("SEED") else {})
    tags = {"dlcamp.variant": next(iter(named))} if named else {}
    return request_of(given, experiment, data, (*before, *after, seed), tags)


def request_of(
    given: Given, experiment: Experiment, data: str, all_layers: tuple[Layer, ...], tags: dict[str, str]
) -> Request:
    """The request of these layers."""
    from dlcamp.runner import Request

    return Request(
        experiment=experiment,
        resolved=resolve(experiment.config_type, all_layers),
        data=data,
        preset=given.get("PRESET"),
        note=given.get("NOTE") or "",
        labels=given.words("TAGS"),
        force=given.flag("FORCE"),
        tags=tags,
    )


def layers(given: Given, root: Path) -> tuple[Experiment, str, tuple[Layer, ...], tuple[Layer, ...]]:
    """The experiment, its data set, and the layers of its config before and after variant and axis."""
    one = find(root, str(given.get("NAME")))
    written, preset = settings(root, one), given.get("PRESET")
    chosen = written.preset(preset) if preset else Preset()
    experiment = load(one)
    unknown = [name for name in written.data if name not in experiment.data]
    if unknown:
        raise UnknownName(f"data set in {written.path}", unknown[0], experiment.data)
    data = given.get("DATA") or chosen.data or experiment.data[0]
    before = (
        Layer(f"base of {written.path.name}", written.base),
        Layer(f"data {data} of {written.path.name}", written.data.get(data, {})),
        Layer(f"preset {preset}", chosen.values),
    )
    return experiment, data, before, (Layer("SET", assignments(given.get("SET") or "")),)


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

    extra = [n for n in ("SET", "SEED", "SEEDS", "VARIANT", "PRESET", "DATA", "NOTE", "TAGS") if given.get(n)]
    if extra:
        raise UserError(f"RESUME goes on with the run's own config; leave out {', '.join(extra)}")
    store = open_store(say=say)
    row = store.reader.run(str(given.get("RESUME")))
    if given.get("NAME") not in (None, row.experiment):
        raise UserError(f"{row.name} is a run of {row.experiment}, not of {given.get('NAME')}")
    kind = row.tags.get("dlcamp.kind")
    if kind in ("ablation", "search", "replication"):
        raise UserError(f"{row.name} is a whole {kind}; its own command goes on with it: {row.tags['dlcamp.command']}")
    if given.flag("DRY"):
        say(f"would resume {row.name} ({row.status})")
        return 0
    outcome = runner.resume(row.id, store, root, say, given.flag("FORCE"))
    say(ending(outcome, load(find(root, row.experiment)), store))
    return 0


def _dry(plan, given: Given) -> int:  # type: ignore[no-untyped-def]
    from dlcamp.cli.ending import age
    from dlcamp.config import flatten
    from dlcamp.runner import cached_run, explain, with_models
    from dlcamp.tracking import open_existing_store

    store = open_existing_store()
    plan = with_models(plan, store)
    asked = plan.request
    say(f"{plan.run_name}  on {asked.data}" + (f"  preset {asked.preset}" if asked.preset else ""))
    for key, value in flatten(asked.resolved.config.model_dump(mode="json")).items():
        say(f"  {key:<24} {value!s:<16} {asked.resolved.origins[key]}")
    if plan.models:
        say("\n".join(plan.models.lines(asked.data)))
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
