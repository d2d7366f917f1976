"""The end of `exp`: what was found, what it rests on, where to look, and the next useful command."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from dlcamp.analysis.scorings import scores_test, scorings_line
from dlcamp.experiment import Experiment

if TYPE_CHECKING:
    from dlcamp.runner import Outcome
    from dlcamp.tracking.protocol import RunRow, Store


def ending(outcome: Outcome, experiment: Experiment, store: Store) -> str:
    """The lines printed for a finished run, fresh or from the cache."""
    row = outcome.row
    files = store.reader.artifacts(row.id)
    lines = [_headline(outcome)]
    if "summary.txt" in files:
        lines.append(store.reader.fetch(row.id, "summary.txt").read_text("utf-8").rstrip())
    else:
        lines += [f"  {name:<28} {value:.6g}" for name, value in sorted(row.metrics.items()) if _is_final(name)]
    if scores_test(row.metrics) and (told := scorings_line(store.reader, row)):
        lines.append(f"test     {told}")
    for claim in experiment.claims:
        if not claim.contrasts:
            lines.append(f"claim    {claim.verdict(row.metrics)}: {claim.statement}")
    if "dlcamp.proof" in row.tags:
        lines.append(f"model    reloaded in a new process, {row.tags['dlcamp.proof']} outputs identical")
    lines += [f"{name.removesuffix('.html'):<8} {place(store, row, name)}" for name in files if name.endswith(".html")]
    lines.append(f"run      {row.name}       (browse: make ui; in full: make show RUN={row.id[:8]})")
    if row.tags.get("dlcamp.preset") == "smoke":
        lines.append(f"next     the whole of it: {_on_its_data(f'make exp NAME={row.experiment}', row, experiment)}")
    elif row.tags.get("dlcamp.substituted"):
        lines.append(f"next     what to do about the substituted encoder: {place(store, row, 'substituted.txt')}")
    elif experiment.next:
        lines.append(f"next     {_on_its_data(experiment.next, row, experiment)}")
    return "\n".join(lines)


def _on_its_data(command: str, row: RunRow, experiment: Experiment) -> str:
    """A command for the data set of the run, where that is not the default."""
    data = row.tags.get("dlcamp.data", experiment.data[0])
    if data == experiment.data[0]:
        return command
    command = re.sub(r"\bNAME=\w+", rf"\g<0> DATA={data}", command)
    return command.replace(f"{row.experiment}@", f"{row.experiment}-{data}@")


def _headline(outcome: Outcome) -> str:
    row = outcome.row
    seed, data = row.params.get("seed", "?"), row.params.get("data", "?")
    preset = f"  preset {row.tags['dlcamp.preset']}" if row.tags.get("dlcamp.preset") else ""
    if row.tags.get("dlcamp.substituted"):
        preset += f"  SUBSTITUTED: {row.tags['dlcamp.substituted']}"
    start = f"\n{row.experiment}  {data}{preset}  seed {seed}  "
    if outcome.cached:
        took = duration((row.ended or row.started) - row.started)
        return f"{start}from the cache: run {row.name}, finished {age(row)}, took {took} (FORCE=1 runs again)"
    return f"{start}{duration(outcome.seconds)}  {row.status}"


def _is_final(name: str) -> bool:
    return name.startswith(("val/", "test/", "cost/"))


def place(store: Store, row: RunRow, path: str) -> str:
    """Where a person finds an artifact: a file when the store is local, else how to get it."""
    local = store.local_artifact(row.id, path)
    return str(local) if local else f"{path} of the run (make ui)"


def duration(seconds: float) -> str:
    """`2 min 31 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def age(row: RunRow, now: float | None = None) -> str:
    """How long ago a run ended, in words."""
    seconds = (now or time.time()) - (row.ended or row.started)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{max(0, int(seconds))} seconds ago"
