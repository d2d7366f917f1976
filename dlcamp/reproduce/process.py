"""The recorded run made again in a process of its own, with the environment variables that it had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcamp.errors import RunFailed, RunInterrupted, UserError
from dlcamp.fingerprint import SWITCHES
from dlcamp.guards import Terminated, sigterm_raises, uninterrupted
from dlcamp.paths import home
from dlcamp.reproduce.recorded import KIND, OF_TAG, Recorded
from dlcamp.tracking.input_models import NEVER_TAG
from dlcamp.tracking.models import MODEL_TAG

CHILD = Path(__file__).with_name("child.py")
_GRACE_SECONDS = 60.0


@dataclass(frozen=True)
class Made:
    """What the process said: the fingerprint's parts and the config in the recorded code, and the run; "": not run."""

    parts: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    cache: bool = True
    run: str = ""


def make_again(recorded: Recorded, tree: Path, name: str) -> Made:
    """Run the recorded config with the code in `tree`; the process writes to the terminal as a run does.

    Args:
        name: of the new run.

    Raises:
        UserError: what it needs is not here (the data set, a model that it takes in).
        RunFailed: it failed; the message ends with its last lines.
        RunInterrupted: SIGINT or SIGTERM; the new run is KILLED.
    """
    task_file, result_file = tree.parent / "task.json", tree.parent / "result.json"
    task_file.write_text(json.dumps(_task(recorded, tree, name, result_file)), "utf-8")
    code = _wait_for(
        # not in this process group, so that Ctrl-C reaches it once, from here, and its run is closed in peace
        subprocess.Popen(
            [sys.executable, str(CHILD), str(task_file)],
            env=environment_of(recorded, tree),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    )
    try:
        result = json.loads(result_file.read_text("utf-8"))
    except (OSError, ValueError):
        result = {}
    if code or "parts" not in result:
        raise _error(recorded, result, code)
    return Made(result["parts"], result["config"], result["data"], result["cache"], result.get("run", ""))


def environment_of(recorded: Recorded, tree: Path) -> dict[str, str]:
    """This process's variables, with those that set threads and numeric switches as the run had them."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name in SWITCHES or ("NUM_" in name and "THREADS" in name) or name.startswith("GIT_"))
    }
    had = recorded.parts.get("environment", {})
    switches = {name: had[name] for name in SWITCHES if name in had}
    own = {"PYTHONPATH": os.pathsep.join([str(tree), *filter(None, [os.environ.get("PYTHONPATH")])])}
    return {
        **kept,
        **recorded.provenance.get("threads", {}),
        **switches,
        **own,
        "PYTHONSAFEPATH": "1",  # neither the folder of the child's file nor the one it starts in comes before the tree
        "PYTHONDONTWRITEBYTECODE": "1",
        "DLCAMP_HOME": str(home()),
    }


def _task(recorded: Recorded, tree: Path, name: str, result: Path) -> dict[str, Any]:
    row = recorded.row
    return {
        "root": str(tree),
        "result": str(result),
        "parent_process": os.getpid(),
        "processors": recorded.provenance.get("usable_cores"),
        "experiment": row.experiment,
        "config": recorded.config,
        "data": row.tags.get("dlcamp.data", row.params.get("data", "")),
        "data_digest": row.tags.get("dlcamp.data_digest", ""),
        "preset": row.tags.get("dlcamp.preset", ""),
        "pinned": recorded.pinned,
        "model": "log" if MODEL_TAG in row.tags else "drop",
        "name": name,
        "of": row.id,
        "tags": {"dlcamp.kind": KIND, OF_TAG: row.id, NEVER_TAG: "reproductions"},
    }


def _wait_for(process: subprocess.Popen[bytes]) -> int:
    with sigterm_raises():
        try:
            return process.wait()
        except (KeyboardInterrupt, Terminated) as error:
            number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
            with uninterrupted():
                _stop(process, number)
            raise RunInterrupted(
                f"stopped ({number.name}); the reproduction is KILLED, the worktree is removed", number
            ) from None


def _stop(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _error(recorded: Recorded, result: Mapping[str, Any], code: int) -> Exception:
    if result.get("exit") == UserError.exit_code:
        return UserError(f"{recorded.row.name} cannot be made again, {recorded.code} says:\n{result['error']}")
    if code < 0:
        said = [f"its process was ended by {signal.Signals(-code).name}"]
    else:
        said = result.get("last_lines", [f"its process ended with code {code}, saying nothing"])
    where = "" if "parts" in result else ", before its run began"
    lines = "\n".join(f"  {line}" for line in said)
    return RunFailed(f"{recorded.row.name} FAILED when made again{where}, by {recorded.code}:\n{lines}")
