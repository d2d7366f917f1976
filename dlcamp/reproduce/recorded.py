"""What a finished run recorded of how to make it again; one that recorded too little is refused, saying what lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.errors import UnknownName, UserError
from dlcamp.model_ref import MODELS_TAG
from dlcamp.tracking.protocol import Reader, RunRow
from dlcamp.tracking.provenance import PATCH

KIND = "reproduction"
"""Value of the tag `dlcamp.kind`: such a run is no result of its own, and nothing picks it as one."""

OF_TAG = "dlcamp.reproduces"
"""Tag of a reproduction: id of the run that it makes again."""

VERDICT_TAG = "dlcamp.reproduced"
"""Tag of a reproduction: how it ended, a `verdict.Word`: "identical", "within tolerance", ..."""

_PARENTS = {"ablation": "cells", "search": "trials", "replication": "runs"}


@dataclass(frozen=True)
class Recorded:
    """A run, and what is needed to make it again.

    Args:
        patch: the uncommitted changes it ran with; None for a clean tree.
        parts: of its fingerprint; the config, data, code and environment that it is compared by.
        provenance: packages, processor and threads of the process that ran it.
        pinned: text of each reference of its config -> id of the model that it meant.
    """

    row: RunRow
    commit: str
    patch: Path | None
    config: Mapping[str, Any]
    parts: Mapping[str, Any]
    provenance: Mapping[str, Any]
    pinned: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code's state in words."""
        return f"commit {self.commit[:12]}" + (" with its uncommitted changes" if self.patch else "")


def recorded(reader: Reader, run: str) -> Recorded:
    """Everything that a run recorded.

    Args:
        run: id, unique beginning of an id, or name.

    Raises:
        UnknownName: no such run.
        UserError: it cannot be reproduced: it did not finish, is a whole ablation or search, is itself a reproduction,
            was not made by dlcamp, mixes two states of the code, or recorded no commit or not its changes.
    """
    row = reader.run(run)
    _check_kind(reader, row)
    if row.status != "FINISHED":
        raise UserError(f"{row.name} is {row.status}: only a FINISHED run can be compared with its reproduction")
    if "dlcamp.config" not in row.tags or "dlcamp.fingerprint_parts" not in row.tags:
        raise UserError(f"{row.name} was not run by dlcamp: neither its config nor its data are recorded")
    if row.tags.get("dlcamp.fingerprint", "").startswith("mixed:"):
        raise UserError(
            f"{row.name} was interrupted and resumed with other code, data or packages (FORCE=1), so that no one state "
            f"of the code made it\nrun it anew: make exp NAME={row.experiment} FORCE=1"
        )
    commit = row.tags.get("dlcamp.git_commit", "")
    if not commit:
        raise UserError(f"{row.name} recorded no commit: it was made outside of a git checkout, its code is not known")
    return Recorded(
        row=row,
        commit=commit,
        patch=_patch(reader, row),
        config=json.loads(row.tags["dlcamp.config"]),
        parts=json.loads(row.tags["dlcamp.fingerprint_parts"]),
        provenance=_provenance(reader, row),
        pinned=json.loads(row.tags.get(MODELS_TAG, "{}")),
    )


def reproductions(reader: Reader, row: RunRow) -> list[RunRow]:
    """The runs that make a run again, newest first, those that failed or still run included."""
    return reader.runs(row.experiment, tags={OF_TAG: row.id})


def _check_kind(reader: Reader, row: RunRow) -> None:
    kind = row.tags.get("dlcamp.kind", "run")
    if kind == KIND:
        raise UserError(f"{row.name} is itself a reproduction; reproduce the run that it is of: RUN={row.tags[OF_TAG]}")
    if kind in _PARENTS:
        children = reader.runs(row.experiment, status="FINISHED", tags={"dlcamp.parent": row.id}, limit=3)
        shown = "".join(f"\n  make reproduce RUN={child.name}" for child in children)
        raise UserError(
            f"{row.name} is a whole {kind}; reproduce one of its {_PARENTS[kind]}:{shown or ' it has none'}"
        )


def _patch(reader: Reader, row: RunRow) -> Path | None:
    if row.tags.get("dlcamp.git_dirty") != "true":
        return None
    try:
        return reader.fetch(row.id, PATCH)
    except UnknownName:
        raise UserError(
            f"{row.name} was made with uncommitted changes, and its {PATCH} is gone: its code is not known"
        ) from None


def _provenance(reader: Reader, row: RunRow) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(reader.fetch(row.id, "provenance.json").read_text("utf-8"))
    except (UnknownName, OSError, ValueError):
        raise UserError(
            f"{row.name} has no readable provenance.json: the packages and the machine it ran on are not known"
        ) from None
    return found
