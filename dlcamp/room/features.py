"""Feature caches: which of them the present code and the present data can still use. All can be computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from dlcamp.data import catalog
from dlcamp.data.fetched import manifest_of
from dlcamp.errors import DlcampError
from dlcamp.paths import data_folder
from dlcamp.room.leftover import IN_USE, Kept, Leftover
from dlcamp.room.limits import Limits
from dlcamp.vision.encoder import Encoder
from dlcamp.vision.store import DIGEST_BYTES

KIND = "feature caches"
_SAMPLED = 5
"""Images of a drawn data set that are made to see whether a cache holds it; an extraction takes whole splits."""


def folders() -> list[Path]:
    """The folders of encoders' caches."""
    root = data_folder() / "features"
    return sorted(path for path in root.iterdir() if (path / "encoder.json").is_file()) if root.is_dir() else []


def find(limits: Limits, *, all_of_them: bool, busy: Callable[[], str]) -> tuple[list[Leftover], list[Kept]]:
    """What may go, and what stays.

    Args:
        all_of_them: whether those in use may go as well.
        busy: which run is under way, that may read them; "" for none.
    """
    found: list[Leftover] = []
    young: list[Path] = []
    used: list[Path] = []
    for path in folders():
        why = _why_orphan(path)
        if why and limits.left_alone(path):
            found.append(_leftover(path, why, _still(path, limits, busy)))
        elif all_of_them:
            found.append(_leftover(path, why or "in use; computed again when it is asked for (FEATURES=1)", busy))
        else:
            (young if why else used).append(path)
    kept = []
    if young:
        why = f"written to in the last {limits.said}, though {_why_orphan(young[0])}"
        kept.append(Kept.of("feature caches that fit nothing here", young, why))
    if used:
        kept.append(Kept.of("feature caches in use", used, "they can be computed again: make gc FEATURES=1 takes them"))
    return found, kept


def _leftover(path: Path, why: str, stays: Callable[[], str]) -> Leftover:
    return Leftover(KIND, path.name, path, why, stays, lock=path / "lock")


def _still(path: Path, limits: Limits, busy: Callable[[], str]) -> Callable[[], str]:
    """To read a cache does not touch it, and a reproduction may run code that it does fit."""
    return lambda: busy() if limits.left_alone(path) else IN_USE


def _why_orphan(path: Path) -> str:
    """Why neither the present code nor the present data reads a cache; "" where they do."""
    return _other_code(path) or _other_data(path)


def _other_code(path: Path) -> str:
    """Why the encoder of a cache is none that this version makes."""
    try:
        encoder = Encoder.restore(json.loads((path / "encoder.json").read_text("utf-8")))
    except DlcampError as error:
        return f"no encoder of this version makes it: {str(error).splitlines()[0]}"
    except (KeyError, TypeError, ValueError, AttributeError, OSError):
        return "no encoder of this version is described so"
    if not path.name.endswith(encoder.key[:12]):
        return "this version describes its encoder otherwise and looks for it elsewhere"
    return ""


def _other_data(path: Path) -> str:
    """Why no image of a cache belongs to a data set that is here; "" where one does, or the cache is empty."""
    try:
        entries = (path / "index.bin").read_bytes()
    except OSError:
        return ""
    rows = {entries[start : start + DIGEST_BYTES] for start in range(0, len(entries), DIGEST_BYTES)}
    if not rows or rows & images_here():
        return ""
    return f"none of its {len(rows):,} images belongs to a data set that is here"


@cache
def images_here() -> frozenset[bytes]:
    """sha256 of the files of fetched data sets, and of the first images of each split of drawn ones."""
    return frozenset(digest for entry in catalog.entries().values() for digest in _images(entry))


def _images(entry: catalog.Entry) -> Iterator[bytes]:
    if not entry.embedded:
        try:
            manifest = manifest_of(entry.name)
        except DlcampError:  # damaged: `make data` says so
            return
        yield from (bytes.fromhex(file.sha256) for file in manifest.files) if manifest else ()
    elif hasattr(data := entry.open(), "image"):
        for split in ("train", "val", "test"):
            for item in data.items(split, limit=_SAMPLED):
                yield hashlib.sha256(data.image(item.id)).digest()
