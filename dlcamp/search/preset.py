"""write_preset(): a preset put into an experiment's yaml, with where it comes from; nothing else of the file changes.

The new text is read by `settings.read_yaml` beside the old one before it takes its place: whatever differs but this
preset, or cannot be read, leaves the file as it was, and the error holds the lines to put in by hand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlcamp.errors import ConfigError
from dlcamp.search.preset_lines import Entry, Unfit, spliced
from dlcamp.settings import read_yaml


def write_preset(path: Path, name: str, values: Mapping[str, Any], provenance: Sequence[str]) -> None:
    """Write a preset, or replace the one of that name that was written here before.

    Args:
        path: the experiment's yaml; it and its folder are made where they are absent.
        values: field -> value; also `data` and parts of the grid. They read back as text that means the same.
        provenance: lines that become comments above the preset. The first says that `make search` wrote it
            (`preset_lines.MARK`); where it does not, such a line is put before it.

    Raises:
        ConfigError: a person wrote a preset of that name, the file is not yaml, may not be written, or is laid out so
            that a preset cannot be put in; the file stays as it is.
    """
    entry = Entry(name, values, tuple(provenance))
    try:
        _write(path.resolve(), entry)
    except (ConfigError, Unfit, OSError, UnicodeError) as error:
        by_hand = "\n".join(entry.lines(2, 2))
        raise ConfigError(
            f"preset {name} was not written into {path}, which stays as it is: {error}\n"
            f"mend that and write it again, or put this into the file by hand:\npresets:\n{by_hand}"
        ) from None


def _write(path: Path, entry: Entry) -> None:
    before = _read(path)
    known = read_yaml(path) if before is not None else {}
    text = spliced((before or b"").decode("utf-8"), entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")  # beside it: a replacement is whole or not at all
    try:
        with scratch.open("xb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        _check(known, scratch, entry)
        if before is not None:
            shutil.copymode(path, scratch)
        if _read(path) != before:
            raise ConfigError("somebody else has changed it meanwhile")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    """What the file holds, None where there is none; refuses what is marked as not to be written, also for root."""
    for place in (path, path.parent):
        if place.exists() and not (os.access(place, os.W_OK) and place.stat().st_mode & 0o222):
            raise ConfigError(f"{place} may not be written (chmod u+w {place})")
    return path.read_bytes() if path.exists() else None


def _check(known: Mapping[str, Any], scratch: Path, entry: Entry) -> None:
    """Everything but this preset as before, this preset as wanted."""
    try:
        found = dict(read_yaml(scratch))
    except ConfigError:
        raise ConfigError("its layout leaves no place for another preset") from None
    wanted = dict(known)
    wanted["presets"] = {**(known.get("presets") or {}), entry.name: entry.read()}
    if found != wanted:
        raise ConfigError("its layout leaves no place where a preset changes nothing else")
