"""A stored model scored again, in a new process, by the experiment's scorer: the number behind a promotion.

The process runs the code of the checkout as it is now. A model that this code cannot load, or that it gives
another number than the run had, is not one to promote.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlcamp.errors import RunFailed
from dlcamp.experiment import Experiment
from dlcamp.paths import REPOSITORY
from dlcamp.tracking.models import model_folder
from dlcamp.tracking.protocol import Store


def rescore(
    store: Store,
    model: str,
    experiment: Experiment,
    config: Mapping[str, Any],
    data_name: str,
    split: str = "val",
    *,
    timeout: float = 1800.0,
) -> dict[str, float]:
    """Totals of the experiment's scorer for a stored model on one split, from a new process.

    Args:
        model: id or `models:/` address.
        config: the run's config as plain values.
        timeout: seconds in all.

    Raises:
        RunFailed: the model does not load, the scorer fails, or the time is over.
    """
    with model_folder(store, model) as folder, tempfile.TemporaryDirectory(prefix="dlcamp-rescore-") as scratch:
        totals_file = Path(scratch, "totals.json")
        task = {
            "folder": str(folder),
            "experiment": [experiment.module, experiment.name],
            "config": dict(config),
            "data": data_name,
            "split": split,
            "totals": str(totals_file),
        }
        Path(scratch, "task.json").write_text(json.dumps(task), "utf-8")
        _run(Path(scratch), experiment, timeout)
        totals: dict[str, float] = json.loads(totals_file.read_text("utf-8"))
    return totals


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
        wrote = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RunFailed("the model cannot be re-scored:\n" + "\n".join(f"  {line}" for line in wrote[-30:]))


def _environment(experiment: Experiment) -> dict[str, str]:
    source = sys.modules[experiment.module].__file__ if experiment.module in sys.modules else None
    # experiments/<chapter>/<name>.py may lie in another folder than the package
    roots = [str(Path(source).resolve().parents[experiment.module.count(".")])] if source else []
    paths = [*roots, str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }


def _main(task: Mapping[str, Any]) -> None:
    """The other process: load data, model and scorer; write the totals."""
    from dlcamp.data import catalog
    from dlcamp.references import follow
    from dlcamp.tracking.models import read_model

    experiment: Experiment = follow(":".join(task["experiment"]))
    config = experiment.config_type.model_validate(task["config"])
    data = catalog.entry(task["data"]).open()
    _, totals = follow(str(experiment.scorer))(read_model(Path(task["folder"])), data, config, task["split"])
    Path(task["totals"]).write_text(json.dumps({name: float(value) for name, value in totals.items()}), "utf-8")


if __name__ == "__main__":
    _main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
