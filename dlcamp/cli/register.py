"""`register`: prove the best run's model, compare it with the champion, and let the better one be the champion."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from dlcamp.cli.commands import Given
from dlcamp.cli.exp import say
from dlcamp.discovery import find, load
from dlcamp.errors import UnknownName, UserError
from dlcamp.experiment import Experiment

if TYPE_CHECKING:
    from dlcamp.tracking.protocol import Store

_NO_REASON = {"0", "1", "yes", "no", "true", "false", "on", "off"}


def run(given: Given, root: Path) -> int:
    """Judge and print every check; a candidate that is not promoted ends in a Refusal, which lists them too."""
    experiment = load(find(root, str(given.get("NAME"))))
    margin, reason, dry, rescore = _margin(given), _reason(given), given.flag("DRY"), given.flag("RESCORE")
    _check_data(experiment, given.get("DATA"))
    from dlcamp.registry.judgement import Asked
    from dlcamp.registry.register import register
    from dlcamp.registry.telling import told
    from dlcamp.tracking import open_store

    store = open_store(say=say)
    data = given.get("DATA") or _data_of(store, experiment, given.get("RUN"))
    if experiment.predictor:
        say("judging; a model that may pass is loaded in a new process and scored again (seconds to a minute) ...")
    asked = Asked(margin, reason, dry, rescore)
    say("\n".join(told(register(store, experiment, data, run=given.get("RUN"), asked=asked))))
    return 0


def _check_data(experiment: Experiment, data: str | None) -> None:
    if data and data not in experiment.data:
        raise UnknownName(f"data set for {experiment.name}", data, experiment.data)


def _data_of(store: Store, experiment: Experiment, run: str | None) -> str:
    """The data set that a named run is on, else the experiment's own."""
    if run:
        row = store.reader.run(run)
        if row.experiment == experiment.name and row.tags.get("dlcamp.data") in experiment.data:
            return row.tags["dlcamp.data"]
    return experiment.data[0]


def _margin(given: Given) -> float | None:
    text = given.get("IF_NOT_WORSE")
    if text is None:
        return None
    try:
        margin = float(text)
    except ValueError:
        margin = math.nan
    if not 0 < margin < math.inf:
        raise UserError(
            f"IF_NOT_WORSE={text}: a number above 0 in units of the objective: by how much a smaller or faster model "
            "may be worse\nexample: make register NAME=caption_lstm IF_NOT_WORSE=0.015"
        )
    return margin


def _reason(given: Given) -> str:
    text = (given.get("FORCE") or "").strip()
    if text.lower() in _NO_REASON:
        raise UserError(
            f"FORCE={text}: it overrules the gate, and keeps your reason: give it in words\n"
            'example: make register NAME=caption_lstm FORCE="it says whose cat it is, which CIDEr cannot tell"'
        )
    return text
