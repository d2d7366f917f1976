"""Models held back: an ablation logs and proves only its best child's, which is known when all children have ended.

A child leaves its predictor's plain files, with inputs and the outputs it gave for them, under mlruns/held/<run>.
`log_held` makes a logged and proven model of it later, as the runner does at once for a run of its own.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcamp.errors import RunFailed
from dlcamp.paths import runs_folder
from dlcamp.references import follow, module_of
from dlcamp.requirements import requirements_of

if TYPE_CHECKING:
    from dlcamp.tracking.handle import Trained
    from dlcamp.tracking.proof import Proof
    from dlcamp.tracking.protocol import Store


def folder_of(run_id: str) -> Path:
    """Where the model of a run is held."""
    return runs_folder() / "held" / run_id


def hold(run_id: str, trained: Trained) -> None:
    """Keep the predictor's files and what it answered."""
    from dlcamp.tracking.models import reference_of
    from dlcamp.tracking.proof import plain

    folder = folder_of(run_id)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "predictor").mkdir(parents=True)
    trained.predictor.save(folder / "predictor")
    kept = {
        "predictor": reference_of(trained.predictor),
        "inputs": [plain(value) for value in trained.inputs],
        "outputs": list(trained.outputs),
    }
    (folder / "held.json").write_text(json.dumps(kept, default=float), "utf-8")


def drop(run_id: str) -> None:
    """Forget a held model."""
    shutil.rmtree(folder_of(run_id), ignore_errors=True)


def log_held(payload: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """A job: log the held model on its run, prove that it reloads, and forget the held copy.

    Args:
        payload: run (id), experiment (name), root (repository), code (a copy of the package to go into the model).

    Raises:
        RunFailed: the reloaded model answers otherwise.
    """
    from dlcamp.logged_models import log_predictor
    from dlcamp.tracking.models import MODEL_TAG
    from dlcamp.tracking.proof import prove

    run_id, folder = str(payload["run"]), folder_of(str(payload["run"]))
    kept = json.loads((folder / "held.json").read_text("utf-8"))
    predictor = follow(kept["predictor"]).load(folder / "predictor")
    inputs = [base64.b64decode(value) if predictor.kind == "image" else value for value in kept["inputs"]]
    row = store.reader.run(run_id)
    model_id = log_predictor(
        store,
        run_id,
        predictor,
        folder / "model",
        name=str(payload["experiment"]),
        requirements=requirements_of(module_of(kept["predictor"]), Path(payload["root"])),
        example=inputs[0],
        package=Path(payload["code"]),
    )
    tracked = store.tracker.resume(run_id)
    try:
        tracked.tags({MODEL_TAG: model_id})
        final = {name: value for name, value in row.metrics.items() if name.startswith(("val/", "test/", "cost/"))}
        tracked.final(final, row.tags.get("dlcamp.data", ""), row.tags.get("dlcamp.data_digest", ""), model_id)
        proof = prove(store, f"models:/{model_id}", inputs, kept["outputs"])
        tracked.tags({"dlcamp.proof": f"{proof.identical}/{proof.n}"})
    finally:
        tracked.end("FINISHED")
    drop(run_id)
    return _checked(proof, row.name)


def _checked(proof: Proof, name: str) -> dict[str, Any]:
    if not proof.holds:
        raise RunFailed(
            f"the model of {name} gives {proof.n - proof.identical} of {proof.n} other outputs when reloaded"
        )
    return {"proof": f"{proof.identical}/{proof.n}"}
