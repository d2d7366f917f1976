"""A held model, loaded again in this process: cheaper than the proof of a logged one, which is in a new process."""

from __future__ import annotations

import base64
import json
from typing import Any

from dlcamp.held_models import folder_of
from dlcamp.references import follow
from dlcamp.tracking.proof import agree


def differing(run_id: str) -> list[tuple[Any, Any]]:
    """(what it answered in the run, what it answers now) where the two differ."""
    kept = json.loads((folder_of(run_id) / "held.json").read_text("utf-8"))
    model = follow(kept["predictor"]).load(folder_of(run_id) / "predictor")
    inputs = [base64.b64decode(value) if model.kind == "image" else value for value in kept["inputs"]]
    assert len(inputs) > 0
    pairs = zip(kept["outputs"], model.predict(inputs), strict=True)
    return [pair for pair in pairs if not agree(*pair)]
