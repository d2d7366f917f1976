"""What a reproduction ran on otherwise than the run it makes again: config, data, code, packages, machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlcamp.config import flatten
from dlcamp.fingerprint import NUMERIC
from dlcamp.reproduce.difference import Difference, Part, shown

MACHINE = {"cpu": "processor", "usable_cores": "usable processors", "platform": "system"}
_PARTS: dict[str, Part] = {"data": "data", "inputs": "data", "code": "code"}


def environment(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Packages, Python and machine of two `provenance.json`, what changes numbers first.

    Threads are not among them: a reproduction gets those of the run; nor are more processors, it uses as many.
    """
    packages = [_folded(one.get("packages", {})) for one in (before, now)]
    numeric = [name for name in NUMERIC.values() if name in {*packages[0], *packages[1]}]
    others = sorted({*packages[0], *packages[1]} - {*numeric})
    found = [*_pairs(numeric, *packages)]
    found += _pairs(["python"], before, now)
    machine = [name for name in MACHINE if name in before and not _more(name, before, now)]
    found += _pairs(machine[:-1], before, now)
    found += [*_pairs(others, *packages), *_pairs(machine[-1:], before, now)]
    return found


def _more(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return name == "usable_cores" and (now.get(name) or 0) >= (before.get(name) or 0)


def _folded(packages: Mapping[str, str]) -> dict[str, str]:
    """Versions by the names that NUMERIC has: "Pillow", "pillow" and "scikit_learn" are spelled as they like."""
    return {name.lower().replace("_", "-"): version for name, version in packages.items()}


def _pairs(names: list[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in names:
        if before.get(name) != now.get(name):
            texts = [str(one.get(name, "not there")) for one in (before, now)]
            yield Difference("environment", MACHINE.get(name, name), *texts)


def config(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Fields whose value is another one, or that one of two configs does not have."""
    values = flatten(before), flatten(now)
    return [
        Difference("config", name, *(shown(one[name]) if name in one else "no such field" for one in values))
        for name in sorted({*values[0], *values[1]})
        if name not in values[0] or name not in values[1] or values[0][name] != values[1][name]
    ]


def fingerprint_parts(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Data set, models and files that the config names, modules of the code, and switches of the environment."""
    found = []
    for part, kind in _PARTS.items():
        old, new = (_named(part, one.get(part)) for one in (before, now))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                texts = [str(one.get(name, "not there"))[:60] for one in (old, new)]
                found.append(Difference(kind, name, *texts))
    switches = [{k: v for k, v in one.get("environment", {}).items() if k not in NUMERIC} for one in (before, now)]
    return [*found, *_pairs(sorted({*switches[0], *switches[1]}), *switches)]


def _named(part: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    name, _, digest = str(value or "").partition(":")
    return {f"data set {name}" if part == "data" else part: digest}
