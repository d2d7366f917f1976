"""A stored model scored again, in a new process, by the experiment's scorer: the number behind a promotion.

The process runs the code of the checkout as it is now. A model that this code cannot load, or that it gives
another number than the run had, is not one to promote.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcamp.errors import DlcampError, RunFailed
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.tracking.models import flavor_of
from dlcamp.tracking.proof import plain

Rows = list[dict[str, Any]]
_ERROR = "error.txt"


@dataclass(frozen=True)
class Rescored:
    """What the other process found.

    Args:
        rows: the scorer's, one an item.
        totals: the scorer's.
        floor: what answers without looking, and its rows; none where it was not asked for or none is declared.
        answer: what the model said to the example; None where there was none.
        trouble: why it said nothing to it.
        seconds: from the start of the process to its end.
    """

    rows: Rows
    totals: dict[str, float]
    floor: tuple[str, Rows] = ("", [])
    answer: Any = None
    trouble: str = ""
    seconds: float = 0.0


def rescore(
    folder: Path,
    experiment: Experiment,
    config: Mapping[str, Any],
    data_name: str,
    split: str = "val",
    *,
    example: Any = None,
    floor: bool = False,
    timeout: float = 1800.0,
) -> Rescored:
    """What the experiment's scorer says of a stored model on one split, from a new process.

    Args:
        folder: the model's files.
        config: the run's config as plain values.
        example: an input that the model is asked about before; None: it is not.
        floor: whether the experiment's floor is scored too, where it declares one.
        timeout: seconds in all.

    Raises:
        RunFailed: the model does not load, the scorer fails, or the time is over.
    """
    started, flavor = time.monotonic(), flavor_of(folder)
    with tempfile.TemporaryDirectory(prefix="dlcamp-rescore-") as scratch:
        task = {
            "files": str(folder / flavor["artifacts"]["predictor"]["path"]),
            "predictor": flavor["config"]["predictor"],
            "experiment": [experiment.module, experiment.name],
            "config": dict(config),
            "data": data_name,
            "split": split,
            "example": None if example is None else plain(example),
            "floor": experiment.floor if floor else None,
            "found": str(Path(scratch, "found.json")),
        }
        Path(scratch, "task.json").write_text(json.dumps(task), "utf-8")
        _run(Path(scratch), experiment, timeout)
        found = json.loads(Path(task["found"]).read_text("utf-8"))
    what, rows = found["floor"] or ("", [])
    answer, trouble = found["answer"]
    seconds = time.monotonic() - started
    return Rescored(found["rows"], found["totals"], (what, rows), answer, trouble, seconds)


def source_root(experiment: Experiment) -> Path:
    """The folder in which experiments/<chapter>/<name>.py lies; it may be another one than the package's."""
    source = sys.modules[experiment.module].__file__ if experiment.module in sys.modules else None
    return Path(source).resolve().parents[experiment.module.count(".")] if source else REPOSITORY


def _run(scratch: Path, experiment: Experiment, timeout: float) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dlcamp.registry.rescore", str(scratch / "task.json")],
            cwd=scratch,
            env=_environment(experiment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"the model was not re-scored within {timeout:.0f} s") from None
    if done.returncode:
        raise RunFailed(f"the model cannot be re-scored: {_why(scratch, done.stderr.decode('utf-8', 'replace'))}")


def _why(scratch: Path, wrote: str) -> str:
    """The error of ours that the process ended with, else the end of what it wrote, from its traceback on."""
    if (scratch / _ERROR).exists():
        return (scratch / _ERROR).read_text("utf-8")
    _, mark, trace = wrote.rpartition("Traceback")
    lines = f"{mark}{trace}".strip().splitlines()[-30:] or ["it ended without a word"]
    return "".join(f"\n  {line}" for line in lines)


def _environment(experiment: Experiment) -> dict[str, str]:
    paths = [str(source_root(experiment)), str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }


def _main(task: Mapping[str, Any]) -> None:
    """The other process: load data, model and scorer; write what they say."""
    from dlcamp.data import catalog
    from dlcamp.references import follow

    experiment: Experiment = follow(":".join(task["experiment"]))
    config = experiment.config_type.model_validate(task["config"])
    data = catalog.entry(task["data"]).open()
    predictor = follow(task["predictor"]).load(Path(task["files"]))
    answer = _answer(predictor, task["example"])
    rows, totals = follow(str(experiment.scorer))(predictor, data, config, task["split"])
    found = {
        "rows": [dict(row) for row in rows],
        "totals": {name: float(value) for name, value in totals.items()},
        "floor": follow(task["floor"])(data, config, task["split"]) if task["floor"] else None,
        "answer": answer,
    }
    Path(task["found"]).write_text(json.dumps(found, default=_plain_number), "utf-8")


def _answer(predictor: Any, example: Any) -> tuple[Any, str]:
    """What the model says to the example, and why not where it does not: the scorer is asked all the same."""
    if example is None:
        return None, ""
    given = base64.b64decode(example) if predictor.kind == "image" else example
    try:
        return predictor.predict([given])[0], ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    return value.item()


if __name__ == "__main__":
    _given = Path(sys.argv[1])
    try:
        _main(json.loads(_given.read_text("utf-8")))
    except DlcampError as error:
        _given.with_name(_ERROR).write_text(str(error), "utf-8")
        sys.exit(1)
