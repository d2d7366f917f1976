"""The process that makes a recorded run again: this file, run by itself, with the `dlcamp` of the worktree.

    PYTHONPATH=<worktree> PYTHONSAFEPATH=1 python <this file> task.json

The recorded code may be older than this file, so it asks of it only what every version has: `prepare`, `execute`, and a
store whose tracker opens runs. It writes what came of it into a file after each stage, so that a process that dies
says how far it came.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LAST_LINES = 12


class Marked:
    """A tracker whose runs are reproductions: of their own name, below the run they make again, out of the cache."""

    def __init__(self, tracker: Any, task: Mapping[str, Any]) -> None:
        self._tracker = tracker
        self._task = task

    def start(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None, parent: str | None = None
    ) -> Any:
        """Open the run; its fingerprint's tag is one that no request asks for, so that it never answers one."""
        given = dict(tags or {})
        marks = {**self._task["tags"], "dlcamp.fingerprint": f"reproduction:{given.get('dlcamp.fingerprint', '')}"}
        return self._tracker.start(experiment, self._task["name"], {**given, **marks}, self._task["of"])


def main(task_file: Path) -> int:
    """Do the task, and leave what came of it in its `result` file."""
    task = json.loads(task_file.read_text("utf-8"))
    result: dict[str, Any] = {}
    threading.Thread(target=_end_with, args=(task["parent_process"],), daemon=True).start()
    try:
        _make(task, result)
    except BaseException as error:
        # whatever it is: it is told in the result, and the parent process says it
        result["exit"] = getattr(error, "exit_code", 130 if isinstance(error, KeyboardInterrupt) else 1)
        result["error"] = str(error) or type(error).__name__
        result["last_lines"] = "".join(traceback.format_exception(error)).splitlines()[-_LAST_LINES:]
    _write(task, result)
    return int(result.get("exit", 0))


def _make(task: Mapping[str, Any], result: dict[str, Any]) -> None:
    _take_processors(task["processors"])
    import dlcamp

    root = Path(task["root"])
    if not Path(dlcamp.__file__).resolve().is_relative_to(root):
        raise RuntimeError(f"the process runs {dlcamp.__file__} instead of the code in {root}")
    from dlcamp import runner
    from dlcamp.tracking import open_store

    store = open_store(say=_say)
    plan = _plan(task, root, store)
    result["parts"] = plan.fingerprint.parts()
    result["config"] = plan.request.resolved.config.model_dump(mode="json")
    result["cache"] = plan.request.experiment.cache
    result["data"] = plan.dataset.digest
    _write(task, result)
    # a run with other values or on other data makes nothing again, and a benchmark's times are never the same
    if result["config"] != task["config"] or result["data"] != task["data_digest"] or not result["cache"]:
        return
    marked = dataclasses.replace(store, tracker=Marked(store.tracker, task))  # type: ignore[arg-type]
    result["run"] = runner.execute(plan, marked, _say).row.id


def _plan(task: Mapping[str, Any], root: Path, store: Any) -> Any:
    from dlcamp import runner
    from dlcamp.config import Layer, flatten, resolve
    from dlcamp.discovery import find, load

    experiment = load(find(root, task["experiment"]))
    resolved = resolve(experiment.config_type, [Layer("the run", flatten(task["config"]))])
    wanted = {
        "preset": task["preset"] or None,
        "force": True,
        "parent": task["of"],
        "model": task["model"],
        "pinned": task["pinned"],
    }
    known = {field.name for field in dataclasses.fields(runner.Request)}
    asked: dict[str, Any] = {name: value for name, value in wanted.items() if name in known}
    plan = runner.prepare(runner.Request(experiment, resolved, task["data"], **asked), root)
    # code from before runs took in models has no such function
    with_models = getattr(runner, "with_models", None)
    return plan if with_models is None else with_models(plan, store)


def _take_processors(count: int | None) -> None:
    """As many processors as the run had, because libraries make as many threads as they see, and so add otherwise."""
    if count and hasattr(os, "sched_setaffinity"):
        mine = sorted(os.sched_getaffinity(0))
        if count < len(mine):
            os.sched_setaffinity(0, mine[:count])


def _end_with(parent: int) -> None:
    """Ends this process, closing its run, when the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def _write(task: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    draft = Path(task["result"] + ".draft")
    with contextlib.suppress(OSError):  # the folder is gone when the parent process is
        draft.write_text(json.dumps(result, default=str), "utf-8")
        draft.replace(task["result"])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
