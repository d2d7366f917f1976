"""Whether a file is the one that was published, or the one that was fetched first: never assumed, always said.

Where no published checksum is known, that of the first download which was accepted is kept in
`data/checksums/<name>.json`, and later ones are compared with it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.data.fetch.remote import Digests, Remote
from dlcamp.data.fetch.space import disk_error
from dlcamp.errors import DataError
from dlcamp.paths import data_folder


@dataclass(frozen=True)
class Verdict:
    """What is known of a file: whether it is the published one (None: that cannot be told), and in words."""

    published: bool | None
    words: str


def verdict(name: str, remote: Remote | None, found: Digests) -> Verdict:
    """Compare a file's digests with what is known of the published file."""
    short = f"sha256 {found.sha256[:12]}..."
    if remote is None:
        return Verdict(None, f"{short}; none of the published files by its name")
    published = remote.is_published(found)
    if published:
        return Verdict(True, f"the published file ({short})")
    for sha256, edition in remote.editions:
        if sha256 == found.sha256:
            return Verdict(False, f"{edition} ({short})")
    if published is False:
        return Verdict(False, f"not the published file ({short}); runs on it are kept apart by its digest")
    before = recorded(name).get(remote.name)
    if before is None:
        return Verdict(None, f"{short}; no published checksum is known")
    same = before["sha256"] == found.sha256
    return Verdict(None, f"{short}; {'the same as' if same else 'not'} what was downloaded first, on {before['when']}")


def check_download(name: str, remote: Remote, url: str, found: Digests) -> str:
    """What is to be said of a file downloaded from where it is published.

    Raises:
        DataError: it is not the published file, or not the one that was downloaded first.
    """
    if remote.is_published(found) is False:
        expected = f"sha256 {remote.sha256}" if remote.sha256 else f"md5 {remote.md5}"
        got = f"sha256 {found.sha256}" if remote.sha256 else f"md5 {found.md5}"
        raise DataError(
            f"{url} gave another file than the published one, and it was removed\nexpected {expected}\ngot      {got}"
        )
    before = recorded(name).get(remote.name)
    if remote.certain or before is None:
        first = "" if remote.certain else "; its sha256 is recorded, and later downloads are compared with it"
        return verdict(name, remote, found).words + first
    if before["sha256"] != found.sha256:
        raise DataError(
            f"{url} gave another file than on {before['when']}, and it was removed\n"
            f"then {before['sha256']}\nnow  {found.sha256}\n"
            f"if its publisher changed it on purpose, remove {_path(name)} and fetch again"
        )
    return verdict(name, remote, found).words


def recorded(name: str) -> Mapping[str, Mapping[str, Any]]:
    """The checksums of first downloads, by file.

    Raises:
        DataError: the record cannot be read.
    """
    path = _path(name)
    try:
        content = json.loads(path.read_text("utf-8"))
        return {str(file): {"sha256": str(one["sha256"]), "when": str(one["when"])} for file, one in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} cannot be read: {error!r}\nremove it; the next download is recorded anew") from None


def record(name: str, found: Mapping[str, str]) -> None:
    """Keep the sha256 of files (by name) that were downloaded and accepted; a first one stays.

    Raises:
        DataError: the record cannot be written.
    """
    known = dict(recorded(name))
    for file, sha256 in found.items():
        known.setdefault(file, {"sha256": sha256, "when": time.strftime("%Y-%m-%d")})
    path = _path(name)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        part.replace(path)
    except OSError as error:
        raise disk_error(path, error) from None


def _path(name: str) -> Path:
    return data_folder() / "checksums" / f"{name}.json"
